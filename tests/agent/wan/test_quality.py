"""Loss, round trip and jitter of recorded echoes."""

from __future__ import annotations

import pytest
from haidang_agent.wan.quality import Quality, Window, of_the_line
from hypothesis import given
from hypothesis import strategies as st

TRIPS = st.lists(st.none() | st.floats(0.0001, 0.9), max_size=200)


def window(*trips: float | None) -> Window:
    found = Window()
    found.trips.extend(trips)
    return found


def test_nothing_is_said_before_the_first_echo():
    assert window().quality() is None
    assert of_the_line([window(), window()]) is None


def test_figures():
    """Steps are 20, 10 and 10 ms: the pair around the lost echo has none (RFC 3393)."""
    quality = window(0.010, 0.030, None, 0.050, 0.040, 0.050).quality()

    assert quality == pytest.approx(Quality(1 / 6, 0.040, 0.050, (0.020 + 0.010 + 0.010) / 3))


def test_a_dead_target_has_loss_and_no_times():
    assert window(None, None).quality() == Quality(1.0, None, None, None)


def test_one_answer_is_no_jitter():
    assert window(None, 0.2).quality() == Quality(0.5, 0.2, 0.2, None)


def test_percentile_is_by_nearest_rank():
    quality = window(*(number / 1000 for number in range(1, 21))).quality()

    assert (quality.rtt_median, quality.rtt_p95) == pytest.approx((0.0105, 0.019))


def test_loss_is_of_all_targets_that_answer_and_the_round_trip_of_the_nearest():
    assert of_the_line([window(None, 0.1), window(0.2, 0.2), window()]).loss == 0.25
    assert of_the_line([window(0.2), window(0.1), window(None)]).rtt_median == 0.1
    assert of_the_line([window(None), window(None)]).loss == 1


def test_a_target_that_is_dead_itself_is_no_loss_of_the_line():
    dead = window(*[0.1] * 20, *[None] * 10)

    assert of_the_line([window(*[0.1] * 30), dead]).loss == 0
    assert of_the_line([window(*[0.1] * 30), window(*[0.1] * 21, *[None] * 9)]).loss == pytest.approx(9 / 60)


@given(TRIPS)
def test_figures_are_in_their_bounds(trips):
    """And only the last 60 echoes count."""
    quality = window(*trips).quality()

    if quality is None:
        assert trips == []
        return
    last = trips[-60:]
    came = [trip for trip in last if trip is not None]
    assert quality.loss == 1 - len(came) / len(last)
    assert (quality.rtt_median is None) == (came == [])
    if came:
        assert min(came) <= quality.rtt_median <= quality.rtt_p95 <= max(came)
    if quality.jitter is not None:
        assert 0 <= quality.jitter <= max(came) - min(came) + 1e-9
