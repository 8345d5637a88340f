from __future__ import annotations

from haidang_collector.simulate.series import Steps, Tally, combined, integral, stepwise
from hypothesis import given
from hypothesis import strategies as st

KEY = ("sum", (("district", "D"),))
WORTH = st.one_of(st.none(), st.integers(-5, 5).map(float))


@st.composite
def steps(draw: st.DrawFn) -> Steps:
    begins = draw(st.lists(st.integers(0, 100), unique=True, max_size=8))
    return [(float(begin), draw(WORTH)) for begin in sorted(begins)]


def worth(told: Steps, at: float) -> float | None:
    return next((value for begin, value in reversed(told) if begin <= at), None)


@given(steps(), st.lists(st.integers(0, 120), unique=True).map(sorted))
def test_at_each_time_the_last_step_holds(told: Steps, times: list[int]) -> None:
    runs = list(stepwise(told)(times))
    found = {times[place]: value for begin, end, value in runs for place in range(begin, end)}

    assert found == {at: value for at in times if (value := worth(told, at)) is not None}


@given(steps(), steps())
def test_two_are_combined_where_both_are_told(one: Steps, other: Steps) -> None:
    both = combined(lambda first, second: first - second, one, other)

    for at in range(121):
        first, second = worth(one, at), worth(other, at)
        assert worth(both, at) == (None if first is None or second is None else first - second)


@given(steps())
def test_an_integral_adds_up_second_by_second(told: Steps) -> None:
    until, added = integral(told), 0.0
    for at in range(121):
        assert until(at) == added
        added += worth(told, at) or 0.0


def test_a_sum_is_absent_while_nobody_adds_to_it_and_zero_where_somebody_adds_nothing() -> None:
    tally = Tally()
    tally.add(KEY, 2, 10, 30)
    tally.add(KEY, 0, 20)
    tally.add(KEY, 3, 10, 20)

    assert tally.steps(KEY) == [(10, 5), (20, 2), (30, 0)]
    assert KEY in tally
    tally.add(("other", ()), 1, 5, 6)
    assert tally.steps(("other", ())) == [(5, 1), (6, None)]
