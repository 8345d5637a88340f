"""Arithmetic on moments, also where no clock ran through."""

from __future__ import annotations

import json

import pytest
from haidang_agent.probe import Moment
from haidang_agent.wan.times import between, centre_time, earlier, recalled
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.wan.moments import Clocks

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5),
    max_leaves=9,
)


def test_within_a_boot_the_monotonic_clock_counts_whatever_the_others_do():
    clocks = Clocks()
    before = clocks.moment()
    clocks.wall -= 9e8
    clocks.centre += 9e8

    assert between(before, clocks.passes(7)) == 7


def test_over_a_reboot_the_centres_time_counts():
    clocks = Clocks()
    before = clocks.moment()

    assert between(before, clocks.reboots(600, battery=False)) == 600


def test_over_a_reboot_the_machines_own_clock_counts_where_the_centre_was_never_known():
    clocks = Clocks(knows=False)
    before = clocks.moment()

    assert between(before, clocks.reboots(600, knows=False)) == 600


@pytest.mark.parametrize(
    ("knew", "knows", "battery"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_nothing_is_invented_where_no_clock_ran_through(knew, knows, battery):
    """The centre's time known at one end only, or a clock that began anew."""
    clocks = Clocks(knows=knew)
    before = clocks.moment()

    assert between(before, clocks.reboots(600, knows=knows, battery=battery)) is None


def test_the_centre_being_set_back_is_no_negative_time():
    before = Moment("a", 1.0, 100.0, 100.0)

    assert between(before, Moment("b", 1.0, 100.0, 50.0)) == 0


def test_the_centres_time_of_a_moment_may_be_learnt_later_in_the_same_boot():
    clocks = Clocks(knows=False)
    before = clocks.moment()
    clocks.passes(30)
    clocks.knows = True

    assert centre_time(before, clocks.moment()) == clocks.centre - 30
    assert centre_time(before, clocks.reboots(30)) is None


def test_earlier_is_so_on_all_clocks():
    assert earlier(Moment("a", 10.0, 20.0, 30.0), 4) == ("a", 6.0, 16.0, 26.0)
    assert earlier(Moment("a", 10.0, 20.0, None), 4) == ("a", 6.0, 16.0, None)


@given(st.text(max_size=9), st.floats(0, 1e10), st.floats(0, 1e10), st.none() | st.floats(0, 1e10))
def test_a_moment_comes_back_from_json(boot, monotonic, wall, centre):
    moment = Moment(boot, monotonic, wall, centre)

    assert recalled(json.loads(json.dumps(moment))) == moment


@given(JSON)
def test_what_is_no_moment_is_none(stored):
    moment = recalled(stored)

    assert moment is None or (isinstance(stored, list) and len(stored) == 4)
