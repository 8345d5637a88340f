"""Rooms as the `lan` probe counts them: by a real sweep, by what routers and switches tell, by agents' words."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from haidang_agent.probe import Host, Memory, ProbeError, Watch
from haidang_agent.probes.lan import PROBE, Settings
from haidang_agent.tables import Lab, Snmp

from tests.agent.labs.times import Machine
from tests.agent.rollcall.machines import KEY, answering, says
from tests.agent.snmp.recording import RECORDINGS, key
from tests.agent.snmp.responder import Device, Responder, encoded
from tests.lab import lan
from tests.lab.lan import Wire, pcs
from tests.lab.node import Node

OWN = Lab("Văn phòng", cidr="10.9.0.0/28")
LAB_1 = Lab("Phòng máy 1", cidr="10.9.0.16/28", declared=14)
LAB_2 = Lab("Phòng máy 2", subnets=("10.20.7.0/24",))
BY_PORT = Lab("Phòng máy 3", ports=("127.0.0.1 gi2-8",))
PLACELESS = Lab("Phòng máy 4")
QUIET = Settings(questions=False, packets_per_second=1000)
ARP, FDB = "1.3.6.1.2.1.4.22.1.2", "1.3.6.1.2.1.17.7.1.2.2.1.2"
PROC = Path("/proc")
SOMEBODY = "8c:ec:4b:00:00:63"

Counts = dict[tuple[str, ...], float]


def host(
    *labs: Lab, unit_key: bytes = b"", snmp: tuple[Snmp, ...] = (), memory: Memory | None = None, proc: Path = PROC
) -> Host:
    watch = Watch(roles=("site",), lab=labs, snmp=snmp, unit_key=unit_key)
    return Host(watch=watch, time=Machine(), memory=memory or Memory(), proc=proc)


def sweep(wire: Wire, at: Host, settings: Settings = QUIET) -> Counts:
    """All samples of one run, by metric and labels."""
    with Node(wire.agent.name).inside():
        probe = PROBE.start(settings, at)
        return {(metric.name, *labels): value for metric, value, labels in probe.collect()}


def computers(counts: Counts) -> Counts:
    return {labels[1:]: value for labels, value in counts.items() if labels[0] == "school_lab_computers"}


def told(lab: Lab, **states: float) -> Counts:
    return {(lab.name, state): value for state, value in states.items()}


@contextmanager
def device(wire: Wire, *rows: str) -> Iterator[Snmp]:
    """A switch of ours that knows more, on the agent's own machine."""
    recorded = (RECORDINGS / "switch.snmprec").read_text()
    known = Device({})
    for line in (*recorded.splitlines(), *rows):
        known.rows |= _row(line)
    known.order = sorted(known.rows)
    with Node(wire.agent.name).inside():
        responder = Responder({"ro": known})
    with responder:
        yield Snmp("127.0.0.1", port=responder.port, community="ro")


def _row(line: str) -> dict[tuple[int, ...], bytes]:
    oid, tag, raw = line.split("|", 2)
    return {key(oid.strip(".")): encoded(tag, raw.encode())}


def arp(address: str, mac: str) -> str:
    return f"{ARP}.1.{address}|4x|{mac.replace(':', '')}"


def fdb(mac: str, port: int) -> str:
    arcs = ".".join(str(each) for each in bytes.fromhex(mac.replace(":", "")))
    return f"{FDB}.1.{arcs}|2|{port}"


def hosts(addresses: Iterable[str]) -> list[lan.Host]:
    return [lan.Host(f"8c:ec:4b:00:01:{number:02x}", (each,)) for number, each in enumerate(addresses)]


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
