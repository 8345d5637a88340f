"""After each sweep: computers by room, over days, restarts and wrong clocks; agents answer on loopback addresses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from ipaddress import IPv4Address

import pytest
from haidang_agent.discovery.device import Device
from haidang_agent.discovery.evidence import Evidence
from haidang_agent.discovery.oui import is_local
from haidang_agent.discovery.verdict import Verdict
from haidang_agent.labs.attendance import Attendance, Tally
from haidang_agent.labs.rooms import Rooms
from haidang_agent.probe import Host, Memory, NothingToMeasureError, Watch
from haidang_agent.rollcall.message import PORT
from haidang_agent.tables import Lab

from tests.agent.labs.times import Machine
from tests.agent.namespaces import Namespace
from tests.agent.rollcall.machines import KEY, answering, says
from tests.lab.node import Node

A, B, C = "8c:ec:4b:00:00:0a", "8c:ec:4b:00:00:0b", "8c:ec:4b:00:00:0c"
PHONE = "da:a1:19:00:00:09"
IN_2009 = 1_240_000_000.0
ONE, TWO = "11" * 16, "22" * 16
LABS = (Lab("lab-1", cidr="127.0.1.0/24"), Lab("lab-2", subnets=("127.0.2.0/24",)), Lab("lab-3"))


def device(mac: str, *ips: str, class_: str = "computer", place: str = "") -> Device:
    verdict = Verdict(class_, 0.9, ())
    return Device(mac, ips, None, verdict, is_local(mac), (), ("ARP",), (place,) if place else (), (), Evidence())


class School:
    """A site's agent that may be restarted; its memory goes through JSON, as on disk."""

    def __init__(self, labs: tuple[Lab, ...] = LABS, key: bytes = KEY) -> None:
        self.machine = Machine()
        self._watch = Watch(lab=labs, unit_key=key)
        self._agents: dict[str, object] = {}
        self._start(Memory())

    def _start(self, memory: Memory) -> None:
        self.host = Host(memory=memory, time=self.machine, watch=self._watch)
        self.attendance = Attendance(Rooms(self._watch.lab), self.host)

    def restart(self) -> None:
        self._start(Memory(json.loads(json.dumps(self.host.memory.copy()))))

    def agent(self, address: str, machine: str, *macs: str, strong: bool = True, lab: str = "") -> None:
        """The agent that answers there from now on."""
        self._agents[address] = says(machine, strong=strong, macs=macs, lab=lab)

    def sweep(self, *devices: Device) -> Tally:
        here = {ip for each in devices for ip in each.ips}
        with ExitStack() as stack:
            for address, respond in self._agents.items():
                if address in here:
                    stack.enter_context(answering(IPv4Address(address), respond, port=PORT, clock=self.machine))
            return self.attendance.take(devices, 1000)


@pytest.fixture
def school() -> Iterator[School]:
    """In a network of its own: all agents answer at one port, those of a test that runs beside this one too."""
    with Namespace() as alone, Node(alone.name).inside():
        yield School()


@pytest.fixture
def quiet() -> School:
    """Without a key nobody is asked."""
    return School(key=b"")


def test_computers_are_counted_by_room_and_remembered_when_they_are_off(quiet):
    printer = device(C, "127.0.1.9", class_="printer")
    first = quiet.sweep(device(A, "127.0.1.2"), device(B, "127.0.2.2"), printer)
    quiet.machine.passes(30)
    last = quiet.sweep(device(B, "127.0.2.2"))

    assert first.computers_here == first.computers_seen == {"lab-1": 1, "lab-2": 1}
    assert last.computers_here == {"lab-2": 1}
    assert last.computers_seen == {"lab-1": 1, "lab-2": 1}
    assert (last.here, last.seen) == ({"computer": 1}, {"computer": 2, "printer": 1})


def test_after_30_days_they_are_forgotten(quiet):
    quiet.sweep(device(A, "127.0.1.2"))
    quiet.machine.passes(31.1)

    assert quiet.sweep().computers_seen == {}


def test_one_that_moves_counts_in_its_newest_room_only(quiet):
    quiet.sweep(device(A, "127.0.1.2"))
    moved = quiet.sweep(device(A, "127.0.2.2"))
    gone = quiet.sweep(device(A, "127.0.9.2"))

    assert moved.computers_seen == {"lab-2": 1}
    assert (gone.computers_seen, gone.seen) == ({}, {"computer": 1})


def test_what_was_known_to_be_a_computer_stays_one_when_it_shows_less(quiet):
    quiet.sweep(device(A, "127.0.1.2"))
    quiet.restart()

    assert quiet.sweep(device(A, "127.0.1.2", class_="unknown")).computers_here == {"lab-1": 1}


def test_randomised_addresses_are_no_equipment_and_only_here_while_they_are(quiet):
    told = quiet.sweep(
        device(PHONE, "127.0.1.3", class_="phone"), device("da:a1:19:00:00:01", "127.0.1.4", class_="computer")
    )
    later = quiet.sweep()

    assert told.here == told.seen == {"phone": 1, "unknown": 1}
    assert told.computers_seen == {}
    assert later.seen == {}


def test_a_restart_after_40_days_off_has_forgotten_all_but_those_that_are_here(quiet):
    quiet.sweep(device(A, "127.0.1.2"), device(B, "127.0.1.3"))
    quiet.machine.boots("boot-2", off_days=40)
    quiet.restart()

    assert quiet.sweep(device(B, "127.0.1.3")).computers_seen == {"lab-1": 1}


def test_a_clock_that_wakes_up_in_2009_ages_and_refreshes_nobody(quiet):
    """Who is seen before the centre has answered is dated right when it has."""
    quiet.sweep(device(A, "127.0.1.2"), device(B, "127.0.1.3"))
    quiet.machine.boots("boot-2", off_days=20, knows_centre=False, wall=IN_2009)
    quiet.restart()
    early = quiet.sweep(device(B, "127.0.1.3"))
    quiet.machine.passes(1)
    quiet.sweep()
    quiet.machine.learns()
    known = quiet.sweep()
    quiet.machine.passes(11)
    without_a = quiet.sweep()
    quiet.machine.passes(18)
    with_b = quiet.sweep()
    quiet.machine.passes(2)

    assert [each.computers_seen["lab-1"] for each in (early, known, without_a, with_b)] == [2, 2, 1, 1]
    assert quiet.sweep().computers_seen == {}


def test_a_week_without_the_centre_and_without_restart_ages_by_the_monotonic_clock(quiet):
    quiet.machine.now = quiet.machine.now._replace(centre=None, wall=IN_2009)
    quiet.sweep(device(A, "127.0.1.2"))
    quiet.machine.passes(7)
    week = quiet.sweep()
    quiet.machine.passes(25)

    assert week.computers_seen == {"lab-1": 1}
    assert quiet.sweep().computers_seen == {}


def test_a_replaced_card_does_not_count_twice(school):
    school.agent("127.0.1.2", ONE, A)
    school.sweep(device(A, "127.0.1.2"))
    school.agent("127.0.1.2", ONE, B)
    told = school.sweep(device(B, "127.0.1.2"))

    assert told.computers_seen == told.computers_here == told.computers_answered == {"lab-1": 1}
    assert told.seen == {"computer": 1}


def test_cable_and_wifi_of_one_machine_are_one_computer(school):
    """Here at once, by two addresses; one of them randomised."""
    for address in ("127.0.1.2", "127.0.9.2", "127.0.9.3"):
        school.agent(address, ONE, A, B)
    told = school.sweep(device(A, "127.0.1.2"), device(B, "127.0.9.2"), device(PHONE, "127.0.9.3", class_="unknown"))

    assert told.here == told.seen == {"computer": 1}
    assert told.computers_here == {"lab-1": 1}


def test_cloned_machines_with_one_weak_id_are_two(school):
    school.agent("127.0.1.2", ONE, A, strong=False)
    school.agent("127.0.1.3", ONE, B, strong=False)

    assert school.sweep(device(A, "127.0.1.2"), device(B, "127.0.1.3")).computers_answered == {"lab-1": 2}


def test_an_agent_makes_a_computer_of_what_shows_nothing(school):
    school.agent("127.0.1.2", ONE, A)
    told = school.sweep(device(A, "127.0.1.2", class_="unknown"), device(B, "127.0.1.3", class_="unknown"))

    assert told.here == {"computer": 1, "unknown": 1}


def test_printers_and_the_like_are_not_asked(school):
    school.agent("127.0.1.2", ONE, A)

    assert school.sweep(device(A, "127.0.1.2", class_="printer")).computers_answered == {}


def test_the_room_that_a_machine_is_configured_with_holds_also_while_it_is_silent(school):
    """lab-3 has no subnet: only its machines tell of it."""
    school.agent("127.0.1.2", ONE, A, lab="lab-3")
    first = school.sweep(device(A, "127.0.1.2"))
    school._agents.clear()
    silent = school.sweep(device(A, "127.0.1.2"))
    school.agent("127.0.1.2", ONE, A)
    no_longer = school.sweep(device(A, "127.0.1.2"))

    assert [each.computers_here for each in (first, silent, no_longer)] == [{"lab-3": 1}, {"lab-3": 1}, {"lab-1": 1}]


def test_a_configured_room_that_there_is_not_is_passed_over(school):
    school.agent("127.0.1.2", ONE, A, lab="lab-99")

    assert school.sweep(device(A, "127.0.1.2")).computers_here == {"lab-1": 1}


def test_each_machine_is_told_the_room_that_was_worked_out(school):
    asked = {}

    def respond(question):
        asked[str(question.address)] = question.lab
        return says(ONE, macs=(A,))(question)

    school._agents = {"127.0.1.2": respond, "127.0.9.9": respond}
    school.sweep(device(A, "127.0.1.2"), device(PHONE, "127.0.9.9", class_="unknown"))

    assert asked == {"127.0.1.2": "lab-1", "127.0.9.9": ""}


def test_an_agent_that_has_been_silent_for_30_days_is_none(school):
    school.agent("127.0.1.2", ONE, A)
    school.sweep(device(A, "127.0.1.2"))
    school._agents.clear()
    school.machine.passes(31.1)
    told = school.sweep(device(A, "127.0.1.2"))

    assert (told.computers_seen, told.computers_answered) == ({"lab-1": 1}, {})


def test_a_sweep_that_is_overtaken_by_a_new_configuration_leaves_no_trace(school):
    """The probes are started anew while an agent is being asked; the old sweep ends after the new one."""
    school.agent("127.0.1.2", ONE, A)
    school.sweep(device(A, "127.0.1.2"))
    overtaken, newer = school.attendance, []

    def respond(question):
        if not newer:
            overtaken.close()
            school.restart()
            newer.append(school.attendance.take([device(B, "127.0.2.2"), device(C, "127.0.2.3")], 1000))
        return says(ONE, macs=(A,))(question)

    school._agents = {"127.0.1.2": respond}
    with pytest.raises(NothingToMeasureError, match="closed while it was looking"):
        school.sweep(device(A, "127.0.1.2"))

    assert newer[0].computers_seen == {"lab-1": 1, "lab-2": 2}
    assert school.sweep().computers_seen == {"lab-1": 1, "lab-2": 2}


def test_rooms_by_switch_port():
    labs = (Lab("lab-1", ports=("sw1 Gi1-8",)), Lab("lab-2", vlan=30))
    quiet = School(labs, key=b"")
    told = quiet.sweep(
        device(A, "10.0.0.2", place="sw1 Gi7 VLAN 1"),
        device(B, "10.0.0.3", place="sw1 Gi9 VLAN 30"),
        device(C, "10.0.0.4", place="sw1 Gi9 VLAN 40"),
    )

    assert told.computers_here == {"lab-1": 1, "lab-2": 1}


def test_devices_of_a_large_school_take_little_room():
    """What is written with each snapshot stays the same while nobody comes or moves."""
    quiet = School(key=b"")
    quiet.sweep(*(device(f"8c:ec:4b:00:{n >> 8:02x}:{n & 255:02x}", "127.0.1.2") for n in range(2000)))
    before = quiet.host.memory.recall("lan.roster")
    quiet.sweep(*(device(f"8c:ec:4b:00:{n >> 8:02x}:{n & 255:02x}", "127.0.1.2") for n in range(2000)))

    assert quiet.host.memory.recall("lan.roster") == before
    assert len(before) < 2000 * 40
