"""The probe at work on a switch made of namespaces: real kernels, a real DHCP server, frames made by hand."""

from __future__ import annotations

import stat
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.agent.intrusion.watched import Told, Watched
from tests.agent.lanwatch.building import asks, replies
from tests.agent.lanwatch.test_real_lan import AGENT, FIRST, SECOND, dnsmasq, send
from tests.agent.namespaces import Lan, Namespace
from tests.agent.probes.running import Running
from tests.waiting import eventually

EVERY_SECOND = {"dhcp_ask_every_seconds": 1.0}
ROGUE = ("rogue_dhcp", "critical")
SPOOF = ("arp_spoof", "critical")
GENTLE = {"dhcp_ask_every_seconds": 0.0}


def test_a_rogue_dhcp_server_is_told_and_over_when_it_stops(tmp_path: Path):
    """Nobody asks for an address but the agent itself, which takes none."""
    with Lan(pcs=2) as lan, ExitStack() as stack, Watched(lan.agent, tmp_path, **EVERY_SECOND) as watched:
        dnsmasq(lan.pcs[0], "10.77.1.1", stack)
        watched.until("the school's own answers", lambda told: told.dhcp_servers == ["10.77.1.1"])
        assert watched.look().active() == {}
        with ExitStack() as rogue:
            dnsmasq(lan.pcs[1], "192.168.5.1", rogue)
            watched.until("it is told", lambda told: told.active() == {ROGUE: 1})
            (case,) = watched.until("it is kept", lambda told: told.open).open
        told = watched.until("it is over", lambda told: not told.active(), seconds=40)

        assert (case["subject"]["mac"], case["subject"]["known_mac"]) == (SECOND, FIRST)
        assert told.counted() == {ROGUE: 1}
        watched.until("the school's own goes on", lambda later: frames(later) > frames(told) + 8)
        assert watched.look().active() == {}, "the answers of the school's own do not open it again"


def frames(told) -> float:
    return told.values["haidang_intrusion_frames_total",]


def test_the_only_dhcp_server_is_a_rogue_where_the_school_has_named_another(tmp_path: Path):
    settings = EVERY_SECOND | {"dhcp_servers": ["10.77.1.1"]}
    with Lan(pcs=2) as lan, ExitStack() as stack, Watched(lan.agent, tmp_path, **settings) as watched:
        dnsmasq(lan.pcs[1], "192.168.5.1", stack)
        watched.until("it is told", lambda told: told.active() == {ROGUE: 1})
        (case,) = watched.until("it is kept", lambda told: told.open).open

        assert case["subject"] == {"ip": "192.168.5.1", "mac": SECOND}


def poison(lan: Lan) -> None:
    send(lan.pcs[1], replies(SECOND, "10.9.0.2", AGENT, "10.9.0.1"))


def poisoned(lan: Lan, watched: Watched, *, after: float = 0) -> Told:
    """The agent's kernel believes the false reply and is found out by asking again; seen later than `after`."""
    lan.agent.ip("neigh", "flush", "dev", "lan0")
    lan.agent.run("ping", "-q", "-c1", "-W2", "10.9.0.2")

    def look() -> Told | None:
        poison(lan)
        told = watched.look()
        return told if told.active() == {SPOOF: 1} and told.case("arp_spoof")["last"] > after else None

    told = eventually("the attack is told", look, seconds=20, every=0.5)
    assert told
    return told


def test_arp_poisoning_is_told_with_evidence_kept_here(tmp_path: Path):
    with Lan(pcs=2) as lan, Watched(lan.agent, tmp_path, **GENTLE) as watched:
        poisoned(lan, watched)
        case = watched.until("it is kept", lambda told: told.case("arp_spoof")["capture"]).case("arp_spoof")

        assert case["subject"] == {"ip": "10.9.0.2", "mac": SECOND, "true_mac": FIRST}
        file = tmp_path / "incidents" / case["capture"]
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert bytes.fromhex(SECOND.replace(":", "")) in file.read_bytes()


def test_an_attack_that_outlasts_a_restart_is_one(tmp_path: Path):
    with Lan(pcs=2) as lan:
        with Watched(lan.agent, tmp_path, **GENTLE) as watched:
            before = poisoned(lan, watched).case("arp_spoof")
        with Watched(lan.agent, tmp_path, **GENTLE) as watched:
            assert watched.look().active() == {SPOOF: 1}, "told from the first moment"
            after = poisoned(lan, watched, after=before["last"]).case("arp_spoof")

            assert (after["id"], after["first"]) == (before["id"], pytest.approx(before["first"], abs=0.001))
            assert sum(watched.look().counted().values()) <= 1


def test_a_dhcp_server_that_was_known_before_a_restart_is_believed(tmp_path: Path):
    """Else the rogue would be, where it is the first to answer after the restart."""
    with Lan(pcs=2) as lan, ExitStack() as stack:
        with Watched(lan.agent, tmp_path, **EVERY_SECOND) as watched, ExitStack() as own:
            dnsmasq(lan.pcs[0], "10.77.1.1", own)
            watched.until("the school's own answers", lambda told: told.dhcp_servers)
        dnsmasq(lan.pcs[1], "192.168.5.1", stack)
        with Watched(lan.agent, tmp_path, **EVERY_SECOND) as watched:
            watched.until("the other is told", lambda told: told.active() == {ROGUE: 1})
            (case,) = watched.until("it is kept", lambda told: told.open).open

            assert (case["subject"]["mac"], case["subject"]["known_mac"]) == (SECOND, FIRST)


def addresses(number: int) -> list[str]:
    return [f"10.9.{count // 250}.{count % 250 + 1}" for count in range(number)]


def test_the_agents_own_sweep_is_no_scan_another_machines_is(tmp_path: Path):
    with Lan(pcs=1, prefix=16) as lan, Watched(lan.agent, tmp_path, **GENTLE) as watched:
        before = frames(watched.look())
        send(lan.agent, *(asks(AGENT, "10.9.0.1", target) for target in addresses(300)))
        watched.until("the sweep is seen", lambda told: frames(told) >= before + 300)
        assert watched.look().active() == {}
        send(lan.pcs[0], *(asks(FIRST, "10.9.0.2", target) for target in addresses(300)))
        watched.until("the scan is told", lambda told: told.active() == {("arp_scan", "warning"): 1})


def test_a_scanner_that_the_school_knows_of_is_none(tmp_path: Path):
    with Lan(pcs=1, prefix=16) as lan, Watched(lan.agent, tmp_path, scanners=[FIRST.upper()], **GENTLE) as watched:
        send(lan.pcs[0], *(asks(FIRST, "10.9.0.2", target) for target in addresses(300)))
        watched.until("it is seen", lambda told: frames(told) >= 300)

        assert watched.look().active() == {}


def test_a_vlan_whose_tag_the_kernel_takes_off_is_named(tmp_path: Path):
    with Lan(pcs=1, prefix=16) as lan, Watched(lan.agent, tmp_path, **GENTLE) as watched:
        send(lan.pcs[0], *(asks(FIRST, "10.9.0.2", target, vlans=[20]) for target in addresses(300)))
        watched.until("the scan is told", lambda told: told.active() == {("arp_scan", "warning"): 1})
        case = watched.until("it is kept", lambda told: told.case("arp_scan")).case("arp_scan")

        assert case["subject"]["vlan"] == "20"


FLOOD = """
import socket, sys, time
target = (sys.argv[1], 9)
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
    while True:
        out.sendto(b"flood", target)
        time.sleep(0.001)
"""


def test_a_udp_flood_is_told_within_its_ten_seconds(tmp_path: Path):
    """Of unicast UDP all is looked at for one second in ten."""
    with Lan(pcs=1) as lan, Watched(lan.agent, tmp_path, **GENTLE) as watched:
        flood = subprocess.Popen(lan.pcs[0].command(sys.executable, "-c", FLOOD, "10.9.0.1"), stderr=subprocess.DEVNULL)
        try:
            watched.until("it is told", lambda told: told.active() == {("udp_flood", "critical"): 1}, seconds=15)
        finally:
            flood.kill()
            flood.wait()


def test_hosts_without_number_neither_fill_memory_nor_take_the_processor(tmp_path: Path):
    """As fast as they can be sent: what is not looked into is counted."""
    with Lan(pcs=1) as lan, Watched(lan.agent, tmp_path, **GENTLE) as watched:
        before = watched.look()
        began = time.monotonic()
        lan.pcs[0].run(sys.executable, "-c", STRANGERS)
        after, took = watched.look(), time.monotonic() - began

        assert after.rss_mib < before.rss_mib + 30
        assert after.processor_seconds - before.processor_seconds < 0.15 * took + 0.2
        watched.until("losses are counted", lambda told: lost(told) > lost(before))
        assert len(list((tmp_path / "incidents").iterdir())) <= 50


def lost(told) -> float:
    return told.values["haidang_intrusion_frames_lost_total",]


STRANGERS = """
import socket
from tests.agent.lanwatch.strangers import MAKERS
with socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as out:
    out.bind(("lan0", 0))
    for count in range(60_000):
        out.send(MAKERS[count % len(MAKERS)](count))
"""


def test_an_interface_that_comes_later_is_watched(tmp_path: Path):
    with Lan(pcs=1) as lan:
        lan.agent.ip("link", "set", "lan0", "down")
        with Watched(lan.agent, tmp_path, **GENTLE) as watched:
            assert watched.look().problem == "no Ethernet interface that is up has an IPv4 subnet"
            lan.agent.ip("link", "set", "lan0", "up")
            told = watched.until("it is watched", lambda told: not told.problem, seconds=30)
            assert told.values["haidang_intrusion_interfaces",] == 1
            lan.agent.ip("link", "del", "lan0")
            watched.until("it is gone", lambda told: told.problem, seconds=30)


def test_a_line_to_an_isp_is_neither_watched_nor_asked(tmp_path: Path):
    """Who stands there is not the school's."""
    with Lan(pcs=1) as lan, ExitStack() as stack:
        dnsmasq(lan.pcs[0], "10.77.1.1", stack)
        with Watched(lan.agent, tmp_path, wan=["lan0"], **EVERY_SECOND) as watched:
            assert watched.look().problem == "no Ethernet interface that is up has an IPv4 subnet"
            subnets = lan.agent.run(sys.executable, "-c", SUBNETS_OF_CHECKS)

    assert subnets.split() == ["[]", "['lan0']"]


SUBNETS_OF_CHECKS = """
from haidang_agent.intrusion.checking import Checking
from haidang_agent.intrusion.settings import Settings
from haidang_agent.probe import Host, Watch
from haidang_agent.tables import Wan
for interface in ("lan0", "wan0"):
    host = Host(watch=Watch(wan=(Wan("a", "an ISP", port=interface),)))
    print([subnet.interface for subnet in Checking(Settings(), host, None)._site().subnets])
"""


def test_whoever_may_not_capture_is_told_so():
    with Lan(pcs=1) as lan, Running(lan.agent, "intrusion", nobody=True) as probe:
        answer = probe.collect()

    assert (answer.reason, "CAP_NET_RAW" in (answer.detail or "")) == ("denied", True)


def test_wrong_settings_are_told():
    with Namespace() as alone:
        pace = {"dns_check_every_seconds": 0.5}
        for settings in ({"interfaces": ["none0"]}, {"dhcp_servers": ["router"]}, {"scanners": ["aa:bb"]}, pace):
            with Running(alone, "intrusion", **settings) as probe:
                assert probe.collect().reason == "misconfigured"
