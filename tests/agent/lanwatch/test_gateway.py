"""The router's MAC address: what moves it honestly is not told, and a dispute is one incident of another kind."""

from __future__ import annotations

import pytest
from haidang_agent.lanwatch.frames import dissect
from haidang_agent.lanwatch.pcap import Packet
from haidang_agent.lanwatch.watch import Watch
from haidang_agent.probe import Memory

from tests.agent.lanwatch.building import (
    EVIL,
    EVIL_IP,
    GATEWAY,
    OTHER,
    PC,
    PC_IP,
    ROUTER,
    START,
    Timed,
    announces,
    asks,
    ethernet,
    everyday,
    ip,
    ipv4,
    packet,
    replies,
)  # fmt: skip

NEIGHBOUR = "3c:52:82:00:00:05"
SAME_VENDOR = "3c:52:82:77:00:05"


def told(*parts: list[Timed], memory: Memory | None = None, routers: tuple[str, ...] = (GATEWAY,)):
    """Of a live watch of a machine whose router is 10.0.0.1: state, kind, severity, changes left out."""
    watch = Watch()
    watch.kinds["gateway_mac_changed"].memory = memory or Memory()  # type: ignore[attr-defined]
    watch.lan.dhcp_servers.routers = frozenset(map(ip, routers))
    states = []
    for when, data in sorted(frame for part in parts for frame in part):
        frame = dissect(Packet(1, START + when, 0, 1, len(data), data))
        assert frame is not None
        states += [
            (change.state, change.incident.kind, change.incident.severity)
            for change in watch.feed(frame)
            if change.state != "changed"
        ]
    return states


def answers(who: str, since: float, until: float, every: float = 15.0) -> list[Timed]:
    """The PC asks where its router is, and `who` answers."""
    steps = [since + every * number for number in range(int((until - since) / every))]
    return [
        frame
        for when in steps
        for frame in ((when, asks(PC, PC_IP, GATEWAY)), (when + 0.01, replies(who, GATEWAY, PC, PC_IP)))
    ]


def works_on(who: str, address: str, since: float, until: float) -> list[Timed]:
    return [(float(when), packet((who, address), (PC, PC_IP))) for when in range(int(since), int(until), 5)]


OPENED, CLOSED = ("opened", "gateway_mac_changed", "warning"), ("closed", "gateway_mac_changed", "warning")


def test_a_machine_beside_the_router_that_takes_its_address_is_told():
    """The router itself has been given another address, and goes on."""
    assert told(everyday(), answers(EVIL, 30, 90), works_on(ROUTER, "10.0.0.9", 30, 90)) == [OPENED]


def test_a_pc_that_takes_the_silent_routers_address_is_told():
    own = [(1.0, asks(EVIL, EVIL_IP, PC_IP))]

    assert told(everyday(), own, answers(EVIL, 30, 90)) == [OPENED]


def test_it_is_over_when_the_router_is_back():
    own = [(1.0, asks(EVIL, EVIL_IP, PC_IP))]

    assert told(everyday(), own, answers(EVIL, 30, 90), answers(ROUTER, 400, 460)) == [OPENED, CLOSED]


def test_a_replaced_router_is_information_and_accepted_within_the_hour():
    states = told(everyday(), answers(EVIL, 30, 5000))

    assert states == [("opened", "gateway_mac_changed", "info"), ("closed", "gateway_mac_changed", "info")]


@pytest.mark.parametrize("who", [NEIGHBOUR, "00:00:5e:00:01:01", "00:00:0c:07:ac:0a"], ids=["bond", "VRRP", "HSRP"])
def test_failover_is_not_told(who):
    frames = [(30.0, announces(who, GATEWAY)), *answers(who, 31, 200)]

    assert told(everyday(), frames, works_on(ROUTER, GATEWAY, 30, 200)) == []
    assert told(everyday(), frames, answers(ROUTER, 200, 400)) == []


def test_keepalived_without_a_virtual_address_is_not_told():
    """It speaks VRRP from its own card, and takes the address over by an announcement."""
    vrrp = ethernet(OTHER, "01:00:5e:00:00:12", 0x0800, ipv4("10.0.0.3", "224.0.0.18", 112, bytes(20), hops=255))
    frames = [(29.0, vrrp), (30.0, announces(OTHER, GATEWAY)), *answers(OTHER, 31, 200)]

    assert told(everyday(), frames, works_on(ROUTER, "10.0.0.9", 30, 200)) == []


def test_a_spare_of_the_same_vendor_that_announces_itself_is_not_told():
    assert told(everyday(), [(30.0, announces(SAME_VENDOR, GATEWAY))], answers(SAME_VENDOR, 31, 400)) == []
    assert told(everyday(), answers(SAME_VENDOR, 31, 400)) == [("opened", "gateway_mac_changed", "info")]


def test_a_reboot_of_the_router_is_not_told():
    assert told(everyday(), [(300.0, announces(ROUTER, GATEWAY))], answers(ROUTER, 301, 400)) == []


def test_spoofing_is_one_incident_of_its_own_kind():
    attack = [(30 + 2.0 * number, replies(EVIL, GATEWAY, PC, PC_IP)) for number in range(60)]
    states = told(everyday(), attack, answers(ROUTER, 31, 150), works_on(ROUTER, GATEWAY, 30, 150))

    opened = [kind for state, kind, _ in states if state == "opened"]
    assert opened[-1] == "arp_spoof"
    assert "gateway_mac_changed" not in opened


def test_what_becomes_a_dispute_is_withdrawn():
    own = [(1.0, asks(EVIL, EVIL_IP, PC_IP))]
    attack = [(90 + 0.5 * number, replies(EVIL, GATEWAY, PC, PC_IP)) for number in range(20)]
    states = told(everyday(), own, answers(EVIL, 30, 90), attack)

    assert ("withdrawn", "gateway_mac_changed", "warning") in states
    assert {kind for state, kind, _ in states if state == "opened"} == {"gateway_mac_changed", "arp_spoof"}


def test_an_attacker_is_not_learnt_as_the_router():
    """Neither when the agent starts amid the attack, nor when the attack outlasts all that is remembered of it."""
    attack = [(2.0 * number, replies(EVIL, GATEWAY, PC, PC_IP)) for number in range(3000)]
    memory = Memory()
    states = told(attack, [(20.0, asks(ROUTER, GATEWAY, PC_IP))], answers(ROUTER, 6010, 6400), memory=memory)

    assert {kind for _, kind, _ in states} == {"arp_spoof"}
    assert memory.recall("intrusion_gateway_mac_changed") == {GATEWAY: ROUTER.replace(":", "")}


def test_a_router_stays_known_while_it_is_impersonated_for_hours():
    memory = Memory()
    told(everyday(), memory=memory)
    attack = [(30 + 5.0 * number, replies(EVIL, GATEWAY, PC, PC_IP)) for number in range(2500)]
    own = [(20.0, asks(EVIL, EVIL_IP, PC_IP))]
    states = told(everyday(), own, attack, answers(ROUTER, 13_000, 13_100), memory=memory)

    assert {kind for _, kind, _ in states} == {"arp_spoof"}
    assert memory.recall("intrusion_gateway_mac_changed") == {GATEWAY: ROUTER.replace(":", "")}


def test_what_changed_while_the_agent_was_off_is_told():
    memory = Memory()
    told(everyday(), memory=memory)

    assert told(answers(EVIL, 5000, 5100), memory=memory) == [("opened", "gateway_mac_changed", "info")]


def test_an_address_that_is_no_router_is_none_of_its_business():
    own = [(1.0, asks(EVIL, EVIL_IP, PC_IP))]

    assert told(everyday(), own, answers(EVIL, 30, 90), routers=()) == []


def test_routers_without_number_take_no_room():
    watch = Watch()
    detector = watch.kinds["gateway_mac_changed"]
    for number in range(300):
        address = f"10.0.{number >> 8}.{number & 255}"
        watch.lan.dhcp_servers.routers = frozenset((ip(address),))
        for who in (OTHER, EVIL):
            data = announces(who, address)
            frame = dissect(Packet(1, START + number, 0, 1, len(data), data))
            assert frame is not None
            list(watch.feed(frame))

    assert len(detector.memory.recall("intrusion_gateway_mac_changed")) == 64  # type: ignore[attr-defined]


def test_a_conflict_over_the_router_that_this_machine_uses_is_critical():
    """Also where no DHCP answer has named it."""
    both = [(30.0 + 5 * turn, announces((EVIL, ROUTER)[turn % 2], GATEWAY)) for turn in range(6)]

    assert ("opened", "ip_conflict", "critical") in told(everyday(), both)
    assert ("opened", "ip_conflict", "warning") in told(everyday(), both, routers=("10.0.0.200",))
