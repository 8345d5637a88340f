"""From what agents and the registry say, through the real rules in a real Prometheus, to the evaluation of a school."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

import httpx
import yaml
from haidang_collector.evaluation.gather import gather
from haidang_collector.evaluation.model import Fact, UnitResult
from haidang_collector.evaluation.store import Store
from haidang_collector.evaluation.words import Words
from haidang_collector.policy import policy
from haidang_collector.policy.metrics import policy_limits
from haidang_collector.supervisor.files import alerts_folder

from tests.collector.evaluation.told import REGISTERED, ZONE, Told, tell
from tests.servers import Prometheus, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

UNIT = {"unit": "TH-001", "district": "Quận 1"}
AGENT = UNIT | {"agent": "a1"}


def told(now: float) -> Iterator[Told]:
    """A primary school of 840 students with a room of 24 computers; no printer, and no officer in charge."""
    yield "haidang_collector_start_timestamp_seconds", now, {}
    yield "school_unit_info", 1, UNIT | {"name": "Trường Tiểu học Sao Mai", "level": "primary"}
    yield "school_students", 840, UNIT | {"level": "primary"}
    yield "school_lab_info", 1, UNIT | {"lab": "lab-1", "level": "primary"}
    yield "school_lab_computers", 24, AGENT | {"lab": "lab-1", "state": "seen"}
    for kind, number in (("management_computer", 2), ("printer", 0), ("webcam", 1)):
        yield "school_declared_equipment", number, UNIT | {"kind": kind}
    for role, number in (("leader", 1), ("officer", 0)):
        yield "school_contacts", number, UNIT | {"role": role}
    for sample in policy_limits(policy.load(), datetime.fromtimestamp(now, ZONE).date()).samples:
        yield sample.name, sample.value, sample.labels


def hurried(folder: Path) -> str:
    """The rules, evaluated every second, to be done sooner."""
    folder.mkdir()
    for file in (alerts_folder() / "rules").glob("*.yml"):
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        for group in content["groups"]:
            group["interval"] = "1s"
        (folder / file.name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return f"rule_files: [{folder}/*.yml]\n"


def judged(store: Prometheus) -> UnitResult | None:
    """None until all that is asked about is there."""
    with httpx.Client() as client:
        evaluation = gather(Store(client, store.url), REGISTERED, policy.load(), datetime.now(ZONE), unit="TH-001")
    result = evaluation.units[0]
    states = [result.rows[row].state for row in ("R4", "R5", "R15")]
    sources = [result.rows[row].source for row in ("R4", "R5", "R15")]
    return result if "unknown" not in states and None not in sources and not evaluation.problems else None


def test_a_school_is_judged_by_the_real_rules(tmp_path: Path) -> None:
    with prometheus(tmp_path, more=hurried(tmp_path / "rules")) as store:
        began = time.time()

        def told_and_judged() -> UnitResult | None:
            """As agents do, it is told all the time: what was told once is soon not known any more."""
            tell(store, told(began), datetime.now(ZONE))
            return judged(store)

        result = eventually("the rules judge the school", told_and_judged, seconds=40, every=0.5)

    assert result is not None
    rows = result.rows
    assert (rows["R4"].state, rows["R4"].source) == ("unmet", "measured")
    assert rows["R4"].facts == (
        Fact("students_per_computer", {"level": "primary"}, 35),
        Fact("students", {"level": "primary"}, 840),
        Fact("computers_required", {"level": "primary"}, 35),
        Fact("teaching_computers", {"level": "primary", "source": "measured"}, 24),
        Fact("computers_missing", {}, 11),
    )
    assert (rows["R5"].state, rows["R5"].source) == ("unmet", "declared")
    assert Words("en").missing("R5", rows["R5"]) == ["missing: 1 printer"]
    assert rows["R14"].state == "not_applicable"
    assert (rows["R15"].state, rows["R15"].source) == ("unmet", "declared")
    assert Fact("contacts", {"role": "officer"}, 0) in rows["R15"].facts
