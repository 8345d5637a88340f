"""Every attack of the labelled captures that lie beside the checkout, and nothing on the clean ones."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from haidang_agent.lanwatch.analyse import analyse

DATA = Path(__file__).parents[3] / "../shared/data"
INDEX = DATA / "index.json"
MEANS = {
    "l2_loop_or_arp_storm": {"l2_loop", "arp_storm"},
    "arp_scan_or_arp_storm": {"arp_scan", "arp_storm"},
    "dns_unsolicited_response": {"dns_spoof"},
    "second_ra_source": {"rogue_ra"},
}
"""Labels that are no kinds of ours."""


CAPTURES: list[dict[str, Any]] = json.loads(INDEX.read_text())["pcap"]


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture["file"])
def test_labelled_capture(capture):
    with (DATA / capture["file"]).open("rb") as stream:
        result = analyse(stream)
    kinds = Counter(incident.kind for incident in result.incidents)
    expected = capture["expected_findings"]
    allowed = {kind for one in expected for kind in MEANS.get(one["type"], {one["type"]})}

    assert result.packets == capture["facts"]["frames"]
    for label, number in Counter(one["type"] for one in expected if not one.get("optional")).items():
        assert sum(kinds[kind] for kind in MEANS.get(label, {label})) == number
    assert set(kinds) <= allowed


@pytest.mark.parametrize("capture", CAPTURES, ids=lambda capture: capture["file"])
def test_labelled_subjects(capture):
    """Who did it, where the label says so."""
    with (DATA / capture["file"]).open("rb") as stream:
        incidents = analyse(stream).incidents
    for label in capture["expected_findings"]:
        wanted = {label[key] for key in ("ip", "attacker_mac", "mac", "client", "true_mac") if key in label}
        severity = label.get("severity")
        matching = [
            one for one in incidents if wanted <= {str(value) for value in one.subject.values()}
            and severity in {None, one.severity}
        ]  # fmt: skip

        assert matching or label.get("optional")
