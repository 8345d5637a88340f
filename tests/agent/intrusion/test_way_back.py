"""While another machine claims the agent's router, the agent finds its way back to the router again and again."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_agent.intrusion.way_back import WayBack
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch

from tests.agent.intrusion.cases import incident, keeper
from tests.agent.intrusion.watched import Watched
from tests.agent.lanwatch.building import asks, mac, replies
from tests.agent.lanwatch.test_real_lan import AGENT, FIRST, SECOND
from tests.agent.namespaces import Lan, Namespace
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

POISONER = Path(__file__).with_name("poisoner.py")
ROUTER = "10.9.0.2"
EVERY_SECONDS = 3
MINUTES = 20


@contextmanager
def poisoned(attacker: Namespace) -> Iterator[None]:
    """Forged replies to the agent, as NetCut sends them."""
    false = replies(SECOND, ROUTER, AGENT, "10.9.0.1").hex()
    process = subprocess.Popen(attacker.command(sys.executable, str(POISONER), "lan0", str(EVERY_SECONDS), false))
    try:
        yield
    finally:
        process.kill()
        process.wait()


def router_is_at(agent: Namespace, mac: str) -> bool:
    return f"lladdr {mac}" in agent.ip("neigh", "show", ROUTER)


@pytest.mark.timeout(150)
def test_the_agent_finds_its_router_again_while_it_is_cut_off(tmp_path: Path) -> None:
    with Lan(pcs=2) as lan, Watched(lan.agent, tmp_path, dhcp_ask_every_seconds=0, bait_every_seconds=0) as watched:
        lan.agent.ip("route", "replace", "default", "via", ROUTER)
        lan.agent.run("ping", "-q", "-c1", "-W2", ROUTER)
        with poisoned(lan.pcs[1]):
            watched.until("the attack is told", lambda told: told.case("arp_spoof"), seconds=45)
            for _ in range(3):
                eventually("the forged reply is believed", lambda: router_is_at(lan.agent, SECOND), seconds=15)
                eventually("the way back is found", lambda: router_is_at(lan.agent, FIRST), seconds=15)


def test_an_attack_of_minutes_stays_one_incident() -> None:
    """A reply within two seconds of a question counts as asked for: such exchanges are kept from the watch."""
    watch, way_back, kept = Watch(), WayBack(), keeper()
    watch.lan.own = frozenset([mac(AGENT)])
    false, true = replies(SECOND, ROUTER, AGENT, "10.9.0.1"), replies(FIRST, ROUTER, AGENT, "10.9.0.1")
    said: list[tuple[str, str]] = []
    last = 0.0

    def feed(at: float, data: bytes) -> None:
        nonlocal last
        frame = dissect(Packet(1, at, 1, 1, len(data), data))
        assert frame
        for change in () if way_back.hides(frame, watch.lan.own) else watch.feed(frame):
            if change.state != "closed":
                kept.report("lan", change.incident, at)
            if change.state != "changed":
                said.append((change.state, change.incident.kind))
            if change.incident.kind == "arp_spoof":
                last = at

    feed(0, asks(AGENT, "10.9.0.1", ROUTER))
    feed(0.01, true)
    for second in range(5, MINUTES * 60):
        said += [(change.state, change.incident.kind) for change in watch.tick(second)]
        if way_back.is_to_ask(kept.open_of("lan"), IPv4Address(ROUTER), second):
            feed(second + 0.001, asks(AGENT, "10.9.0.1", ROUTER))
            feed(second + 0.002, true)
        if not second % EVERY_SECONDS:
            feed(second + 0.6, false)

    assert said == [("opened", "arp_spoof")]
    assert last > MINUTES * 60 - 2 * EVERY_SECONDS


def test_only_the_routers_own_trouble_counts() -> None:
    way_back, kept = WayBack(), keeper()
    kept.report("lan", incident("arp_spoof", ip="10.9.0.7", mac=SECOND), 0)
    kept.report("lan", incident("ip_conflict", ip=ROUTER, mac=SECOND), 0)

    assert not way_back.is_to_ask(kept.open_of("lan"), IPv4Address(ROUTER), 0)
