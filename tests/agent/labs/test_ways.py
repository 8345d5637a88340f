"""Which rooms have our way to the Internet, by who stands in them on a real wire, and whom our gateway knows."""

from __future__ import annotations

from contextlib import ExitStack
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from haidang_agent.probe import Host
from haidang_agent.tables import Lab

from tests.agent.labs.times import Machine
from tests.agent.labs.wired import (
    BY_PORT,
    LAB_1,
    LAB_2,
    OWN,
    PLACELESS,
    SOMEBODY,
    arp,
    computers,
    device,
    fdb,
    host,
    sweep,
    told,
)
from tests.agent.rollcall.machines import KEY, answering, says
from tests.lab import lan
from tests.lab.lan import Wire, pcs
from tests.lab.node import Node


@pytest.fixture
def routed(tmp_path: Path) -> Path:
    """A /proc by which 10.9.0.14 is the default gateway (proc_net(5))."""
    (tmp_path / "net").mkdir()
    (tmp_path / "net/route").write_text("Iface\nlan0 00000000 0E00090A 0003 0 0 0 00000000 0 0 0\n")
    return tmp_path


def paths(at: Host) -> set[str]:
    return {lab.name for lab in at.watch.lab if at.evidence.ask("lab_path", lab.name)}


@pytest.mark.parametrize("gateway", ["10.9.0.14", "10.9.0.13"])
def test_the_way_of_a_room_is_ours_where_our_gateway_is_its_neighbour(routed, gateway):
    """Another router may have another line."""
    mac = "00:0c:42:00:00:01"
    rows = (f"1.3.6.1.2.1.2.2.1.6.101|4x|{mac.replace(':', '')}", arp("10.20.7.5", SOMEBODY))
    with Wire([lan.Host(mac, (gateway,)), *pcs(1, "10.9.0.17")]) as wire, device(wire, *rows) as router:
        at = host(OWN, LAB_1, LAB_2, PLACELESS, unit_key=KEY, snmp=(router,), proc=routed)
        sweep(wire, at)

    assert paths(at) == {OWN.name, LAB_1.name} | ({LAB_2.name} if gateway == "10.9.0.14" else set())


def test_a_room_told_by_its_vlan_has_the_way_of_the_router_that_knows_its_addresses(routed):
    mac = "00:0c:42:00:00:01"
    rows = (f"1.3.6.1.2.1.2.2.1.6.101|4x|{mac.replace(':', '')}", arp("10.30.0.5", SOMEBODY), fdb(SOMEBODY, 2))
    room = Lab("Phòng máy 5", vlan=10)
    with Wire([lan.Host(mac, ("10.9.0.14",))]) as wire, device(wire, *rows) as router:
        at = host(room, unit_key=KEY, snmp=(router,), proc=routed)
        counts = sweep(wire, at)

    assert computers(counts) == told(room, seen=1, online=1, agent=0)
    assert paths(at) == {room.name}


@pytest.mark.parametrize(
    "room",
    [BY_PORT, Lab("Phòng máy 3", vlan=10), Lab("Phòng máy 3", machines=("8c:ec:4b:00:00:00",))],
    ids=["ports", "vlan", "machines"],
)
def test_a_room_without_subnets_has_the_way_of_who_stands_in_it(routed, room):
    """Once nobody is there, nothing is told of it."""
    (pc,) = pcs(1, "10.9.0.17")
    with ExitStack() as stack:
        wire = stack.enter_context(Wire([pc]))
        switch = stack.enter_context(device(wire, fdb(pc.mac, 2)))
        at = host(room, PLACELESS, unit_key=KEY, snmp=(switch,), proc=routed)
        sweep(wire, at)
    with Wire([]) as wire:
        later = host(room, PLACELESS, unit_key=KEY, memory=at.memory, proc=routed)
        sweep(wire, later)

    assert paths(at) == {room.name}
    assert paths(later) == set()


def test_a_room_whose_own_agents_answer_is_left_to_them(routed):
    with ExitStack() as stack:
        wire = stack.enter_context(Wire([]))
        with Node(wire.agent.name).inside():
            respond = says(macs=("3c:52:82:00:00:01",))
            stack.enter_context(answering(IPv4Address("10.9.0.1"), respond, port=9811, clock=Machine()))
        at = host(OWN, unit_key=KEY, proc=routed)
        sweep(wire, at)

    assert paths(at) == set()


def test_without_a_roll_call_nobody_knows_who_else_may_tell(routed):
    with Wire([]) as wire:
        at = host(OWN, proc=routed)
        sweep(wire, at)

    assert paths(at) == set()
