"""The probe `wan` on a PC behind the school's router: whose fault it is that the Internet is gone."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from haidang_agent.probe import Memory, Totals
from haidang_agent.tables import Wan

from tests.agent.probes.watched_lines import Values, Watched, watched
from tests.lab import VirtualSchool

if TYPE_CHECKING:
    from collections.abc import Iterator

LINES = (Wan("wan1", "VNPT"), Wan("wan2", "Viettel"))
PATH = ""


@pytest.fixture(scope="module")
def building() -> Iterator[VirtualSchool]:
    with VirtualSchool(pcs=1) as school:
        yield school


@pytest.fixture
def school(building: VirtualSchool) -> Iterator[VirtualSchool]:
    yield building
    building.repair_all()
    building.power_on(1)


@pytest.fixture
def pc(school: VirtualSchool) -> Iterator[Watched]:
    with watched(school.pc(1), LINES, roles=("site",)) as made:
        internet(made, up=True)
        made.values()
        yield made


def internet(pc: Watched, *, up: bool, silent: float = 3.0) -> None:
    """What the probe `internet` tells."""
    since = None if up else time.monotonic() - silent
    with pc.node.inside():  # where who listens looks at once, in a thread that sees this thread's interfaces
        pc.host.evidence.tell("internet", "", {"up": up, "since": since}, 60)
        for thread in threading.enumerate():
            if thread.name == "wan-examine":
                thread.join()


def egress(pc: Watched, isp: str, *, ago: float = 0.0) -> None:
    """What the probe `egress` tells: the first router of that ISP answered, so long ago."""
    pc.host.evidence.tell("egress", "", {"isp": isp, "hop": "x", "answers": True, "at": time.monotonic() - ago}, 60)


def active(seen: Values, wan: str = PATH) -> set[str]:
    return {key[1] for key, value in seen.items() if key[0] == "school_outage_active" and key[2] == wan and value}


def test_all_is_well(pc):
    seen = pc.values()

    assert active(seen) == set()
    assert not any(key[0] in ("school_wan_up", "school_wan_active", "school_wan_carrier") for key in seen)


def test_its_own_cable_is_host(school, pc):
    school.switch.ip("link set pc1 down")
    internet(pc, up=False)

    pc.until("host", lambda seen: active(seen) == {"host"}, seconds=5)


def test_a_router_that_is_away_is_lan(school, pc):
    school.take_router_away()
    internet(pc, up=False)

    pc.until("lan", lambda seen: active(seen) == {"lan"}, seconds=5)


def test_a_router_that_answers_with_nothing_known_behind_it_is_router(pc):
    internet(pc, up=False)

    assert active(pc.values()) == {"router"}


def test_a_first_hop_that_answers_is_isp(pc):
    egress(pc, "VNPT")
    internet(pc, up=False)
    seen = pc.values()

    assert active(seen) == {"isp"}
    assert (seen["school_wan_active", "wan1", "VNPT"], seen["school_wan_active", "wan2", "Viettel"]) == (1, 0)


def test_a_first_hop_that_answered_before_proves_nothing(pc):
    """Until it is asked again."""
    egress(pc, "VNPT", ago=20)
    internet(pc, up=False)
    assert active(pc.values()) == {"router"}
    egress(pc, "VNPT")

    assert active(pc.values()) == {"isp"}


def test_lines_that_are_dark_by_the_routers_word_are_carrier(pc):
    for wan in ("wan1", "wan2"):
        pc.host.evidence.tell("snmp_wan", wan, {"carrier": False, "default_route": wan == "wan1"}, 60)
    internet(pc, up=False)
    seen = pc.values()

    assert active(seen) == active(seen, "wan1") == {"carrier"}
    assert seen["school_wan_changes_total", "wan1", "VNPT"] == 1


@pytest.mark.parametrize(("fault", "cause"), [("cable", "host"), ("router", "lan")])
def test_a_fault_within_the_school_blames_no_line(school, pc, fault, cause):
    """What the router said last by SNMP, a lit line, holds for a while, though nobody reaches it any more."""
    pc.host.evidence.tell("snmp_wan", "wan1", {"carrier": True, "default_route": True}, 60)
    if fault == "cable":
        school.switch.ip("link set pc1 down")
    else:
        school.take_router_away()
    internet(pc, up=False)
    seen = pc.until(cause, lambda seen: active(seen) == {cause}, seconds=5)

    assert active(seen, "wan1") == set()
    assert ("school_wan_up", "wan1", "VNPT") not in seen
    assert seen["school_wan_changes_total", "wan1", "VNPT"] == 0


def test_seconds_count_from_the_first_lost_probe_and_the_outage_ends_with_the_first_answer(pc):
    began = time.monotonic()
    internet(pc, up=False, silent=20.0)
    pc.values()
    internet(pc, up=True)
    seen = pc.values()
    took = time.monotonic() - began

    assert active(seen) == set()
    assert seen["school_outages_total", "router", PATH] == 1
    assert 19.3 < seen["school_outage_seconds_total", "router", PATH] < 20.7 + took


def test_a_failover_seen_from_inside_is_counted_without_a_gap(pc):
    """By the ISP of the first hop; nobody here saw when the traffic stopped."""
    for isp in ("VNPT", "Viettel"):
        egress(pc, isp)
        seen = pc.values()

    assert seen["school_wan_failovers_total", "wan1", "wan2"] == 1
    assert seen["school_wan_failover_seconds_count", "wan1", "wan2"] == 0
    assert ("school_wan_last_failover_duration_seconds", "wan1", "wan2") not in seen
    assert seen["school_wan_active", "wan2", "Viettel"] == 1


@pytest.mark.parametrize(("in_order", "reason"), [(True, "stopped"), (False, "crashed")])
def test_an_outage_over_a_restart_is_one(school, in_order, reason):
    memory, totals = Memory(), Totals()
    began = time.monotonic()
    with watched(school.pc(1), LINES, memory=memory, totals=totals, roles=("site",)) as pc:
        internet(pc, up=False, silent=20.0)
        pc.values()
        killed = Memory(memory.copy()), Totals(totals.copy())
    memory, totals = (memory, totals) if in_order else killed
    time.sleep(0.5)
    with watched(school.pc(1), LINES, memory=memory, totals=totals, roles=("site",)) as pc:
        internet(pc, up=False, silent=3.0)
        assert active(pc.values()) == {"router"}
        internet(pc, up=True)
        seen = pc.values()
        took = time.monotonic() - began

    assert seen["school_outages_total", "router", PATH] == 1
    assert 19 < seen["school_outage_seconds_total", "router", PATH] < 20.5 + took
    assert 0.4 < seen["school_unobserved_seconds_total", reason] < 0.5 + took
    assert seen["school_outages_total", "power", PATH] == 0


def test_what_was_counted_after_the_last_look_is_not_counted_again_after_a_restart(school):
    memory, totals = Memory(), Totals()
    began = time.monotonic()
    with watched(school.pc(1), LINES, memory=memory, totals=totals, roles=("site",)) as pc:
        internet(pc, up=False, silent=5.0)
        pc.values()
        internet(pc, up=True)
        took = time.monotonic() - began
    with watched(school.pc(1), LINES, memory=memory, totals=totals, roles=("site",)) as pc:
        internet(pc, up=True)
        seen = pc.values()

    assert seen["school_outages_total", "router", PATH] == 1
    assert 4.3 < seen["school_outage_seconds_total", "router", PATH] < 5.5 + took
