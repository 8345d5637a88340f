"""How long the agent was off, and why, by what it had noted before."""

from __future__ import annotations

import pytest
from haidang_agent.probe import Memory
from haidang_agent.wan.absence import KEY, Attendance

from tests.agent.wan.moments import Clocks


def restarted(clocks: Clocks, memory: Memory) -> Attendance:
    return Attendance(Memory(memory.copy()), clocks.moment())


@pytest.mark.parametrize("in_order", [True, False])
@pytest.mark.parametrize("reboot", [True, False])
def test_reason_and_length(in_order, reboot):
    clocks, memory = Clocks(), Memory()
    before = Attendance(memory, clocks.moment())
    before.here(clocks.passes(10))
    if in_order:
        before.leaving(clocks.passes(1))
    began = clocks.moment()
    if reboot:
        clocks.reboots(300)
    else:
        clocks.passes(300)
    after = restarted(clocks, memory)

    absence = after.absence(clocks.passes(2))

    reasons = {(True, True): "reboot", (True, False): "stopped", (False, True): "power", (False, False): "crashed"}
    assert absence.reason == reasons[in_order, reboot]
    assert absence.seconds == pytest.approx(300)
    assert absence.began == began
    assert absence.ended.boot == clocks.boot


def test_power_that_fails_again_before_its_length_is_known_is_one_absence_from_the_first_on():
    clocks, memory = Clocks(), Memory()
    Attendance(memory, clocks.moment()).here(clocks.moment())
    began = clocks.moment()
    clocks.reboots(300, knows=False)
    second = Attendance(memory, clocks.moment())
    assert second.absence(clocks.passes(20)) is None
    second.here(clocks.moment())
    clocks.reboots(300)
    absence = Attendance(memory, clocks.moment()).absence(clocks.passes(1))

    assert (absence.reason, absence.began) == ("power", began)
    assert absence.seconds == pytest.approx(620)


def test_it_is_told_once():
    clocks, memory = Clocks(), Memory()
    Attendance(memory, clocks.moment()).here(clocks.moment())
    after = restarted(clocks, memory)

    assert after.absence(clocks.passes(5)) is not None
    assert after.absence(clocks.passes(5)) is None


def test_the_first_start_of_all_was_no_absence():
    clocks = Clocks()

    assert Attendance(Memory(), clocks.moment()).absence(clocks.passes(100)) is None


@pytest.mark.parametrize("noted", [5, "x", [], {}, {"at": None}, {"at": ["a", "b", "c", "d"]}, {"at": [1, 2, 3]}])
def test_a_note_that_cannot_be_read_is_no_absence(noted):
    clocks = Clocks()

    assert Attendance(Memory({KEY: noted}), clocks.moment()).absence(clocks.passes(100)) is None


def test_after_a_reboot_the_centres_time_is_waited_for():
    """The wall clock of a PC without a battery would say something else."""
    clocks, memory = Clocks(), Memory()
    Attendance(memory, clocks.moment()).here(clocks.moment())
    clocks.reboots(300, knows=False, battery=False)
    after = restarted(clocks, memory)

    assert after.absence(clocks.passes(20)) is None
    clocks.knows = True
    absence = after.absence(clocks.passes(10))

    assert absence.seconds == pytest.approx(300)


def test_the_centre_is_not_waited_for_longer_than_a_minute():
    """Power came back and the Internet did not: that there was an outage is known, how long it was is not."""
    clocks, memory = Clocks(), Memory()
    Attendance(memory, clocks.moment()).here(clocks.moment())
    clocks.reboots(300, knows=False)
    after = restarted(clocks, memory)

    assert after.absence(clocks.passes(59)) is None
    absence = after.absence(clocks.passes(2))

    assert (absence.reason, absence.seconds) == ("power", None)


def test_where_no_centre_was_ever_known_nothing_is_waited_for():
    clocks, memory = Clocks(knows=False), Memory()
    Attendance(memory, clocks.moment()).here(clocks.moment())
    clocks.reboots(300, knows=False)

    assert restarted(clocks, memory).absence(clocks.passes(1)).seconds == pytest.approx(300)


def test_a_look_that_was_under_way_at_the_stop_makes_no_crash_of_it():
    clocks, memory = Clocks(), Memory()
    before = Attendance(memory, clocks.moment())
    before.leaving(clocks.passes(1))
    before.here(clocks.passes(0.2))
    clocks.passes(30)

    assert restarted(clocks, memory).absence(clocks.passes(1)).reason == "stopped"
