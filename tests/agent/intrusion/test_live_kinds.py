"""The probe at work: strangers in protected networks, and a router whose address moves, on a switch of namespaces."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from haidang_agent.lanwatch.claims import ASKED_SECONDS

from tests.agent.intrusion.watched import Told, Watched
from tests.agent.namespaces import Lan, Namespace
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUTER, STRANGER = "02:00:00:00:00:02", "02:00:00:00:00:03"
ROUTERS_IP = "10.9.0.2"


@pytest.fixture
def lan() -> Iterator[Lan]:
    with Lan(pcs=2) as made:
        made.agent.ip("route", "add", "default", "via", ROUTERS_IP)
        yield made


def ping(machine: Namespace, address: str) -> None:
    """By ARP anew."""
    machine.ip("neigh", "flush", "dev", "lan0")
    machine.run("ping", "-q", "-c1", "-W2", address)


def test_a_stranger_in_a_protected_network_and_the_same_after_a_restart(lan: Lan, tmp_path: Path) -> None:
    with Watched(lan.agent, tmp_path, protected=["10.9.0.0/24"], learning_days=0) as watched:
        ping(lan.pcs[1], "10.9.0.1")
        told = watched.until("the stranger is told", lambda told: told.case("new_device"))
        assert told.case("new_device")["subject"] == {"mac": STRANGER, "ip": "10.9.0.3"}
    with Watched(lan.agent, tmp_path, protected=["10.9.0.0/24"], learning_days=0) as watched:
        ping(lan.pcs[1], "10.9.0.1")
        watched.until("it is the same case", lambda again: again.case("new_device")["until"] == 0)
        assert [case["id"] for case in watched.look().open] == [told.case("new_device")["id"]]


def test_nobody_is_watched_for_where_nothing_is_protected(lan: Lan, tmp_path: Path) -> None:
    with Watched(lan.agent, tmp_path) as watched:
        told = watched.look()

    assert ("school_incident_active", "new_device", "warning") not in told.values
    assert told.values["school_incident_active", "stp_root_changed", "critical"] == 0


def test_a_machine_takes_the_routers_address_beside_it(lan: Lan, tmp_path: Path) -> None:
    router, thief = lan.pcs
    stored = tmp_path / "stored.json"
    with Watched(lan.agent, tmp_path) as watched:
        ping(lan.agent, ROUTERS_IP)
        watched.until("the router is known", lambda _: "intrusion_gateway_mac_changed" in stored.read_text())
        router.ip("address", "flush", "dev", "lan0")
        router.ip("address", "add", "10.9.0.12/28", "dev", "lan0")
        answered = time.monotonic()
        eventually("its answer is old", lambda: time.monotonic() > answered + ASKED_SECONDS, seconds=10)
        thief.ip("address", "add", f"{ROUTERS_IP}/28", "dev", "lan0")

        def both_speak(told: Told) -> bool:
            ping(lan.agent, ROUTERS_IP)
            ping(router, "10.9.0.1")
            return bool(told.case("gateway_mac_changed"))

        told = watched.until("the move is told", both_speak, seconds=45)
    assert told.case("gateway_mac_changed")["subject"] == {"ip": ROUTERS_IP, "mac": STRANGER, "known_mac": ROUTER}
    assert {(case["kind"], case["severity"]) for case in told.open} == {("gateway_mac_changed", "warning")}
