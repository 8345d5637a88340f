"""Up and down of one line, in simulated time: how fast, how sure, and when exactly."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.agent.wan.simulated import Model

NAMED_BY = 2.5
"""Seconds from the fact to the verdict."""
EXACT = 0.3


def dead_from(cut: float, until: float = float("inf")):
    return lambda _destination, now: not cut <= now < until


def relative(model: Model, at: float | None) -> float:
    assert at is not None
    return at - model._start


@settings(max_examples=60, deadline=None)
@given(phase=st.floats(0, 1), rtt=st.floats(0.001, 0.1), seed=st.integers(0, 9), targets=st.integers(2, 4))
def test_dead_line_is_called_down_soon_and_dated_exactly(phase, rtt, seed, targets):
    cut = 20 + phase
    model = Model(targets=targets, rtt=lambda _: rtt, alive=dead_from(cut), seed=seed)
    model.run(30)

    (_, up), (named, down) = model.changes
    assert (up, down) == (True, False)
    assert cut <= named <= cut + NAMED_BY
    assert relative(model, model.line.failed_at) == pytest.approx(cut, abs=EXACT)


@settings(max_examples=30, deadline=None)
@given(phase=st.floats(0, 1), rtt=st.floats(0.1, 0.6), targets=st.integers(1, 2))
def test_slow_line_or_one_with_a_single_target_takes_longer(phase, rtt, targets):
    """An interval between the targets' echoes, two waits of at most 0.9 s, and a second of asking."""
    model = Model(targets=targets, rtt=lambda _: rtt, alive=dead_from(20 + phase))
    model.run(30)

    named, up = model.changes[-1]
    assert up is False
    assert named - (20 + phase) <= 1 / targets + min(3.2 * rtt, 0.9) * 2 + 0.9 + 0.1
    assert relative(model, model.line.failed_at) == pytest.approx(20 + phase, abs=0.55 / targets + 0.05)


@settings(max_examples=40, deadline=None)
@given(phase=st.floats(0, 1), rtt=st.floats(0.001, 0.3), seed=st.integers(0, 9))
def test_repaired_line_is_up_soon_and_dated_exactly(phase, rtt, seed):
    mended = 30 + phase
    model = Model(rtt=lambda _: rtt, alive=dead_from(20, mended), seed=seed)
    model.run(40)

    named, up = model.changes[-1]
    assert up is True
    assert named <= mended + NAMED_BY - 1
    assert relative(model, model.line.restored_at) == pytest.approx(mended, abs=EXACT)


@pytest.mark.parametrize("seed", range(8))
def test_line_that_loses_60_percent_is_not_down(seed):
    model = Model(loss=0.6, rtt=lambda _: 0.02, seed=seed)
    model.run(600)

    assert [up for _, up in model.changes] == [True]
    quality = model.line.quality()
    assert quality is not None
    assert 0.4 < quality.loss < 0.75


@pytest.mark.parametrize("dead", [0, 1])
def test_one_dead_target_of_two_downs_nothing_and_does_not_keep_the_line_in_doubt(dead):
    """Nor is it taken for loss."""
    model = Model(alive=lambda destination, now: destination != dead or now < 10)
    model.run(20)
    settled = model.echoes
    model.run(80)

    assert [up for _, up in model.changes] == [True]
    assert model.line.targets_answer
    assert model.line.quality().loss == 0
    assert model.echoes - settled <= 2 * 60 + 5


def test_one_dead_target_does_not_hide_that_the_line_dies():
    model = Model(alive=lambda destination, now: now < 30.4 and (destination != 0 or now < 10))
    model.run(40)

    named, up = model.changes[-1]
    assert (up, named <= 30.4 + NAMED_BY) == (False, True)
    assert relative(model, model.line.failed_at) == pytest.approx(30.4, abs=0.6)


def test_where_references_answer_it_is_the_targets_that_are_dead():
    model = Model(alive=lambda destination, now: destination == 2 or not 20 <= now < 40)
    model.run(30)
    during = (model.line.up, model.line.targets_answer)
    model.run(45)

    assert during == (True, False)
    assert (model.line.up, model.line.targets_answer) == (True, True)
    assert [up for _, up in model.changes] == [True]


def test_line_that_dies_while_its_targets_are_dead_is_down():
    model = Model(alive=lambda destination, now: now < 40 and (destination == 2 or now < 20))
    model.run(50)

    named, up = model.changes[-1]
    assert (up, named <= 40 + NAMED_BY) == (False, True)


@pytest.mark.parametrize("phase", [number / 20 for number in range(100)])
def test_a_line_that_comes_back_is_not_told_as_dead_targets(phase):
    """Also where a reference, here a little nearer, is the first to answer."""
    nearer = {2: 0.1}
    model = Model(alive=lambda destination, now: not 10 <= now < 25 + phase - nearer.get(destination, 0))
    model.run(25)
    answering = set()
    for hundredths in range(700):
        model.run(25 + hundredths / 100)
        if model.line.up:
            answering.add(model.line.targets_answer)

    assert answering == {True}


def test_references_are_left_alone_while_targets_answer():
    asked = []
    model = Model(alive=lambda destination, _now: asked.append(destination) or True)
    model.run(60)

    assert set(asked[4:]) == {0, 1}
    assert len(asked) < 130


def test_a_dead_line_costs_little():
    model = Model(alive=dead_from(0))
    model.run(10)
    before = model.echoes
    model.run(110)

    assert model.echoes - before <= 100 * 2 + 20 + 5


def test_nothing_is_said_before_the_first_answer_or_the_first_verdict():
    alive, dead = Model(rtt=lambda _: 0.3), Model(alive=dead_from(0))
    alive.run(10)
    dead.run(10)

    assert alive.changes[0] == (pytest.approx(0.3, abs=0.1), True)
    assert dead.changes == [(pytest.approx(2.7, abs=0.1), False)]


@pytest.mark.parametrize("step_at", [20.0, 20.3, 20.7])
def test_a_round_trip_that_jumps_is_no_outage(step_at):
    model = Model(rtt=lambda now: 0.6 if now >= step_at else 0.002)
    model.run(60)

    assert [up for _, up in model.changes] == [True]
    assert model.line.quality().loss == 0


def test_answers_that_come_after_0_9_s_are_lost_and_the_line_down():
    """So `school_internet_*` has it too: who waits longer than that for every packet has no Internet."""
    model = Model(rtt=lambda now: 1.2 if now >= 20 else 0.01)
    model.run(40)

    assert model.changes[-1][1] is False
    assert model.line.quality().loss > 0.2


def test_duplicates_count_once():
    model = Model(twice=True, loss=0.5, seed=3)
    model.run(120)

    assert 0.3 < model.line.quality().loss < 0.7
    assert all(len(window.trips) <= 60 for window in model.line._windows)


def test_unknown_and_late_answers_are_passed_over():
    model = Model(alive=dead_from(0))
    model.run(5)
    for key in (-1, 1, 2, 10**9):
        model.line.answered(key, model.now)

    assert model.line.up is False


@pytest.mark.parametrize("asleep", [0.5, 1.5, 5.0, 3600.0])
def test_a_process_that_was_held_up_calls_no_line_down(asleep):
    """Its echoes of before are lost, which the figures may say; the line is asked anew before anything is claimed."""
    model = Model()
    for _ in range(5):
        model.run(model.time + 10)
        model.sleep(asleep)
        model.run(model.time + 10)

    assert [up for _, up in model.changes] == [True]


def test_a_process_that_slept_does_not_make_up_for_missed_echoes():
    model = Model()
    model.run(10)
    model.sleep(3600)
    before = model.echoes
    model.run(model.time + 10)

    assert model.echoes - before <= 2 * 11 + 30


@pytest.mark.parametrize("half_period", [4.0, 6.0])
def test_flapping_is_seen_flap_by_flap(half_period):
    model = Model(alive=lambda _destination, now: now < 20 or int((now - 20) / half_period) % 2 == 1)
    model.run(20 + 10 * half_period)

    downs = [at for at, up in model.changes if up is False]
    assert len(downs) == 5
    assert all(0 <= at - (20 + 2 * number * half_period) <= NAMED_BY for number, at in enumerate(downs))


def test_without_a_carrier_it_is_down_at_once_and_up_again_with_the_first_answer():
    model = Model(alive=dead_from(20.4, 25.2))
    model.run(20.4)
    model.line.lost_carrier(model.now)
    assert (model.line.up, relative(model, model.line.failed_at)) == (False, pytest.approx(20.4))
    assert model.line.last_good is None
    model.run(25.2)
    model.line.check(model.now)
    model.run(25.5)

    assert model.line.up is True
    assert relative(model, model.line.restored_at) == pytest.approx(25.2, abs=EXACT)


def test_carrier_lost_twice_keeps_when_it_failed():
    model = Model(alive=dead_from(20))
    model.run(25)
    failed = model.line.failed_at
    model.line.lost_carrier(model.now)

    assert model.line.failed_at == failed


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["run", "sleep", "carrier", "check"]), st.floats(0, 20)), min_size=1, max_size=12
    ),
    st.floats(0, 1),
    st.integers(0, 99),
)
def test_whatever_happens_it_stays_bounded_and_comes_back(steps, loss, seed):
    """Times are finite and in order, nothing is kept for ever, and a line that works is up in the end."""
    cured = []
    model = Model(seed=seed, alive=lambda _destination, _now: bool(cured) or model._chance.random() >= loss)
    for what, seconds in steps:
        if what == "run":
            model.run(model.time + seconds)
        elif what == "sleep":
            model.sleep(seconds)
        elif what == "carrier":
            model.line.lost_carrier(model.now)
        else:
            model.line.check(model.now)
        line = model.line
        assert len(line._under_way) <= 3 * 20
        assert line.failed_at is None or line.failed_at <= model.now
        assert line.restored_at is None or line.restored_at <= model.now
        if line.up and line.failed_at is not None:
            assert line.restored_at is not None
            assert line.failed_at <= line.restored_at
    cured.append(True)
    model.run(model.time + 7)

    assert model.line.up is True
    assert model.line.targets_answer
