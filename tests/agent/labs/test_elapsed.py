"""A clock that only counts on, whatever the machine's own clock does."""

from __future__ import annotations

import json

import pytest
from haidang_agent.labs.elapsed import Elapsed
from haidang_agent.probe import Moment
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.labs.times import DAY, Machine

IN_2009 = 1_240_000_000.0


def restarted(elapsed: Elapsed, machine: Machine) -> Elapsed:
    return Elapsed(json.loads(json.dumps(elapsed.as_json())), machine.moment())


@given(st.lists(st.floats(-1e9, 1e9) | st.none(), max_size=8))
def test_within_a_boot_only_the_monotonic_clock_counts(centres):
    """Whatever the centre says, or its clock does."""
    machine = Machine()
    elapsed = Elapsed(None, machine.moment())
    for centre in centres:
        machine.passes(1)
        machine.now = machine.now._replace(centre=centre, wall=IN_2009)
        elapsed.tell(machine.moment())

    assert elapsed.tell(machine.moment()) == (len(centres) * DAY, 0.0)


@pytest.mark.parametrize("boot", ["boot-1", "boot-2"])
def test_a_restart_goes_on_by_the_centres_time(boot):
    machine = Machine()
    elapsed = Elapsed(None, machine.moment())
    if boot == "boot-1":
        machine.passes(40)
    else:
        machine.boots(boot, 40, wall=IN_2009)

    assert restarted(elapsed, machine).tell(machine.moment()) == (pytest.approx(40 * DAY), 0.0)


def test_a_gap_is_made_up_for_once_the_centre_has_answered():
    machine = Machine()
    elapsed = Elapsed(None, machine.moment())
    machine.boots("boot-2", 40, knows_centre=False, wall=IN_2009)
    elapsed = restarted(elapsed, machine)
    elapsed.tell(machine.moment())
    machine.passes(2)

    assert elapsed.tell(machine.moment()) == (2 * DAY, 0.0)
    assert elapsed.gap_unknown
    machine.learns()
    assert elapsed.tell(machine.moment()) == (pytest.approx(42 * DAY), pytest.approx(40 * DAY))
    assert not elapsed.gap_unknown
    machine.passes(1)
    assert elapsed.tell(machine.moment()) == (pytest.approx(43 * DAY), 0.0)


def test_what_was_before_a_gap_that_nobody_can_tell_is_too_old():
    """The centre's time was not known in the boot before either."""
    machine = Machine()
    machine.now = machine.now._replace(centre=None)
    elapsed = Elapsed(None, machine.moment())
    machine.boots("boot-2", 1, knows_centre=False, wall=IN_2009)
    elapsed = restarted(elapsed, machine)
    elapsed.tell(machine.moment())
    machine.passes(2)
    machine.learns()
    seconds, gap = elapsed.tell(machine.moment())

    assert seconds - gap == pytest.approx(2 * DAY)
    assert gap > 30 * DAY


@given(st.recursive(st.none() | st.floats() | st.text() | st.booleans(), lambda each: st.lists(each, max_size=6)))
def test_whatever_was_stored_it_starts(stored):
    seconds, gap = Elapsed(stored, Moment("b", 1.0, 2.0, 3.0)).tell(Moment("b", 1.0, 2.0, 3.0))

    assert (seconds, gap) == (0.0, 0.0)
