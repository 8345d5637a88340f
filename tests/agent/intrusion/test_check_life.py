"""An active check within the probe: its incident opens, is counted once, and closes by itself when the lie stops."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.agent.intrusion.internet import RESOLVER, Internet
from tests.agent.intrusion.watched import Told, Watched
from tests.agent.namespaces import addresses

if TYPE_CHECKING:
    from pathlib import Path

SITE, TRUE, EVIL = "hcm.edu.vn", "203.0.113.10", "203.0.113.66"
LIE = ("dns_tampered", "critical")


def has_looked(told: Told) -> bool:
    return told.values.get(("haidang_intrusion_check_success", "dns_tampered")) == 1


def test_a_lying_resolver_from_its_first_lie_to_its_last(tmp_path: Path) -> None:
    with Internet() as internet:
        addresses(("10.9.0.1/24",), internet)
        known = [f"{SITE} {TRUE}/32"]
        with Watched(internet, tmp_path, dns_check_every_seconds=1, known_sites=known) as watched:
            with internet.names(f"{SITE},{TRUE}"):
                honest = watched.until("it has looked", has_looked)
            with internet.names(f"{SITE},{EVIL}"):
                lying = watched.until("the lie is told", lambda told: LIE in told.active() and told.open)
            with internet.names(f"{SITE},{TRUE}"):
                over = watched.until("it is over", lambda told: told.past)

    assert honest.active() == {}
    assert lying.case("dns_tampered")["subject"] == {"server": RESOLVER}
    assert (over.active(), over.counted()) == ({}, {LIE: 1})
