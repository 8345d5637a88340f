"""Rooms as the `lan` probe counts them: by a real sweep, by what routers and switches tell, by agents' words."""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from ipaddress import IPv4Address

import pytest
from haidang_agent.probe import Memory, ProbeError
from haidang_agent.probes.lan import PROBE
from haidang_agent.tables import Lab

from tests.agent.labs.times import Machine
from tests.agent.labs.wired import (
    BY_PORT,
    LAB_1,
    LAB_2,
    NAMELESS,
    OWN,
    PLACELESS,
    PRINTER,
    QUIET,
    SOMEBODY,
    WITHOUT_SUBNETS,
    arp,
    computers,
    device,
    fdb,
    host,
    hosts,
    sweep,
    told,
)
from tests.agent.rollcall.machines import KEY, answering, says
from tests.lab import lan
from tests.lab.lan import Wire, pcs
from tests.lab.node import Node


def test_a_room_with_some_of_its_computers_off():
    """This machine stands in the office; of 10 PCs in the lab two are off the next day."""
    lab = pcs(10, "10.9.0.17")
    at = host(OWN, LAB_1, PLACELESS)
    with Wire(lab) as wire:
        first = sweep(wire, at)
    at = host(OWN, LAB_1, PLACELESS, memory=Memory(json.loads(json.dumps(at.memory.copy()))))
    with Wire(lab[:8]) as wire:
        next_day = sweep(wire, at)

    assert computers(first) == told(OWN, seen=1, online=1) | told(LAB_1, declared=14, seen=10, online=10)
    assert computers(next_day) == told(OWN, seen=1, online=1) | told(LAB_1, declared=14, seen=10, online=8)
    assert (next_day["school_devices", "computer", "online"], next_day["school_devices", "computer", "seen"]) == (9, 11)


def test_phones_and_printers_in_a_room_are_no_computers():
    guests = [lan.Host("da:a1:19:00:00:09", ("10.9.0.20",)), lan.Host("00:80:77:00:00:01", ("10.9.0.21",))]
    with Wire([*pcs(2, "10.9.0.17"), *guests]) as wire:
        counts = sweep(wire, host(LAB_1))

    assert computers(counts) == told(LAB_1, declared=14, seen=2, online=2)


def test_equipment_is_told_to_other_probes():
    with Wire([lan.Host("00:80:77:00:00:01", ("10.9.0.21",))]) as wire:
        at = host()
        counts = sweep(wire, at)

    assert at.evidence.ask("lan_equipment") == {
        kind: counts["school_devices", class_, "seen"]
        for kind, class_ in {
            "printer": "printer",
            "camera": "camera",
            "display": "display",
            "access_point": "ap",
        }.items()
    }
    assert counts["school_devices", "printer", "seen"] == 1


def test_a_room_behind_a_router_counts_by_what_that_remembers():
    with Wire([]) as wire, device(wire, arp("10.20.7.5", SOMEBODY), arp("10.20.8.5", "8c:ec:4b:00:00:64")) as router:
        counts = sweep(wire, host(LAB_2, snmp=(router,)))

    assert computers(counts) == told(LAB_2, seen=1, online=1)


def test_a_room_that_is_out_of_sight_is_not_told_as_empty():
    """No device tells of it, and nobody was ever seen there."""
    with Wire([]) as wire:
        counts = sweep(wire, host(LAB_2))

    assert computers(counts) == {}
    assert counts["haidang_lan_problems",] == 1


def test_a_router_that_does_not_answer_leaves_unknown_who_is_online():
    """And one that answers that nobody is there says so."""
    with Wire([]) as wire:
        with device(wire, arp("10.20.7.5", SOMEBODY)) as router:
            at = host(LAB_2, snmp=(router,))
            sweep(wire, at)
        silent = sweep(wire, at)
        with device(wire) as router:
            empty = sweep(wire, host(LAB_2, snmp=(router,), memory=at.memory))

    assert computers(silent) == told(LAB_2, seen=1)
    assert computers(empty) == told(LAB_2, seen=1, online=0)


def test_a_room_is_where_its_switch_ports_are():
    """In one subnet with others; while the switch is silent they stay where they were."""
    one, other = hosts(["10.9.0.2", "10.9.0.3"])
    with Wire([one, other]) as wire:
        with device(wire, fdb(one.mac, 2), fdb(other.mac, 1)) as switch:
            at = host(BY_PORT, snmp=(switch,))
            placed = sweep(wire, at)
        silent = sweep(wire, at)

    assert computers(placed) == computers(silent) == told(BY_PORT, seen=1, online=1)


def test_the_nearest_switch_tells_also_if_another_is_asked_first():
    """The uplink of the first one has both behind it."""
    one, other = hosts(["10.9.0.2", "10.9.0.3"])
    with Wire([one, other]) as wire, ExitStack() as stack:
        core = stack.enter_context(device(wire, fdb(one.mac, 8), fdb(other.mac, 8)))
        edge = stack.enter_context(device(wire, fdb(one.mac, 2), fdb(other.mac, 1)))
        core = replace(core, host="localhost")
        counts = sweep(wire, host(BY_PORT, Lab("Tin học", ports=("localhost gi1-8",)), snmp=(core, edge)))

    assert computers(counts) == told(BY_PORT, seen=1, online=1)


def test_agents_are_counted_and_one_with_two_cards_once():
    """Two addresses of this machine stand for two cards of a PC; its agent knows its room by itself."""
    with ExitStack() as stack:
        wire = stack.enter_context(Wire(pcs(3, "10.9.0.17"), ["10.9.0.1/24"]))
        with Node(wire.agent.name).inside():
            respond = says(macs=("3c:52:82:00:00:01", "8c:ec:4b:00:00:00"), lab=PLACELESS.name)
            stack.enter_context(answering(IPv4Address("10.9.0.1"), respond, port=9811, clock=Machine()))
        counts = sweep(wire, host(LAB_1, PLACELESS, unit_key=KEY))

    assert computers(counts) == told(LAB_1, declared=14, seen=2, online=2, agent=0) | told(
        PLACELESS, seen=1, online=1, agent=1
    )


@pytest.mark.parametrize("room", WITHOUT_SUBNETS, ids=["ports", "vlan", "machines"])
def test_in_a_vlan_without_us_computers_count_by_their_mac_addresses(room, caplog):
    """What makes many things made this one's card; nobody could be asked, so nobody is said to have no agent."""
    rows = [fdb(mac, port) for port, mac in enumerate((SOMEBODY, NAMELESS, PRINTER), start=2)]
    with Wire(pcs(1)) as wire:
        with device(wire, *rows, fdb(pcs(1)[0].mac, 1, table=2)) as switch:
            at = host(room, snmp=(switch,), unit_key=KEY)
            counts = sweep(wire, at)
        with device(wire) as switch:
            later = sweep(wire, host(room, snmp=(switch,), memory=at.memory, unit_key=KEY))

    assert computers(counts) == told(room, seen=1, online=1)
    assert computers(later) == told(room, seen=1, online=0)
    assert caplog.text.count("'Phòng máy 3': of 1 devices only the MAC address is known") == 1
    assert NAMELESS not in caplog.text


@pytest.mark.parametrize("room", WITHOUT_SUBNETS, ids=["ports", "vlan", "machines"])
def test_in_a_vlan_with_us_who_does_not_answer_is_off(room):
    """The switch remembers it for a while."""
    (pc,) = pcs(1, "10.9.0.17")
    with Wire([pc]) as wire, device(wire, fdb(pc.mac, 2), fdb(SOMEBODY, 3)) as switch:
        counts = sweep(wire, host(room, snmp=(switch,)))

    assert sum(value for (_, state), value in computers(counts).items() if state == "online") == (not room.machines)


@pytest.mark.parametrize("switch_first", [True, False])
def test_the_order_of_switch_and_router_changes_nothing(switch_first):
    with Wire([]) as wire, ExitStack() as stack:
        router = replace(stack.enter_context(device(wire, arp("10.20.7.5", SOMEBODY))), host="localhost")
        switch = stack.enter_context(device(wire, fdb(SOMEBODY, 2)))
        snmp = (switch, router) if switch_first else (router, switch)
        counts = sweep(wire, host(LAB_2, BY_PORT, snmp=snmp))

    assert computers(counts) == told(BY_PORT, seen=1, online=1)


def test_rooms_that_claim_the_same_are_not_counted_and_said(caplog):
    with Wire(pcs(2, "10.9.0.17")) as wire:
        counts = sweep(wire, host(LAB_1, Lab("Tin học", cidr=LAB_1.cidr)))

    assert computers(counts) == told(LAB_1, declared=14)
    assert counts["haidang_lan_problems",] == 1
    assert "[[lab]] 'Phòng máy 1' and 'Tin học' claim the same subnet: neither is counted" in caplog.text


@pytest.mark.parametrize("lab", [Lab("lab-9", ports=("sw1",)), Lab("lab-9", machines=("x",)), Lab("lab-9", vlan=5000)])
def test_a_room_that_is_wrongly_told_is_named_with_the_fix(lab):
    with pytest.raises(ProbeError, match=r"\[\[lab\]\] 'lab-9' ") as refused:
        PROBE.start(QUIET, host(lab))

    assert refused.value.reason == "misconfigured"
