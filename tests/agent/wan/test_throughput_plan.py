"""When throughput tests may run: windows over midnight, failures, clocks that are wrong, budgets."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from haidang_agent.wan.throughput_plan import Record, Window
from hypothesis import assume, given
from hypothesis import strategies as st

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
MINUTES = st.integers(0, 1439)
NOW = 1_795_624_200.0


def clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"


@given(MINUTES, MINUTES, MINUTES)
def test_a_window_is_open_from_its_first_minute_until_before_its_last_also_over_midnight(start, end, now):
    assume(start != end)
    window = Window.parse(f"{clock(start)}-{clock(end)}")

    left = window.left(dt.datetime(2026, 11, 25, now // 60, now % 60, tzinfo=ZONE))

    minutes = {(start + step) % 1440 for step in range((end - start) % 1440)}
    assert (left > 0) is (now in minutes)
    if left:
        assert (now + left / 60) % 1440 == end


def test_the_whole_day_has_no_gap():
    window = Window.parse("00:00-24:00")

    assert window.left(dt.datetime(2026, 11, 25, tzinfo=ZONE)) == 86400
    assert window.left(dt.datetime(2026, 11, 25, 23, 59, 59, tzinfo=ZONE)) == 1


@given(st.text(max_size=12))
def test_a_text_is_a_window_or_is_refused(text):
    try:
        window = Window.parse(text)
    except ValueError as refused:
        assert "write as 22:00-05:00" in str(refused)  # noqa: PT017 - most texts are refused, a few are windows
    else:
        assert 0 < window.end - window.start <= 86400


@pytest.mark.parametrize(
    ("tried", "failed", "due"),
    [
        (None, False, True),
        (NOW - 86399, False, False),
        (NOW - 86400, False, True),
        (NOW - 3599, True, False),
        (NOW - 3600, True, True),
        (NOW + 3600, False, True),
    ],
    ids=["never", "almost a day ago", "a day ago", "failed", "failed an hour ago", "a clock was wrong"],
)
def test_a_test_is_due_a_day_after_the_last_or_an_hour_after_one_that_failed(tried, failed, due):
    record = Record(tried=tried, failed=("timeout", "dead") if failed else None)

    assert record.due(NOW, 86400.0) is due


@given(st.lists(st.tuples(st.sampled_from(["2009-01", "2026-11", "2026-12", "2099-07"]), st.integers(0, 10))))
def test_the_months_last_written_are_kept_whatever_a_wrong_clock_says(tests):
    record = Record()
    for month, size in tests:
        record = Record(used=record.spent(month, size))

    last_three = list(dict.fromkeys(month for month, _ in reversed(tests)))[:3]
    assert list(record.used) == last_three[::-1]
    if len({month for month, _ in tests}) <= 3:
        assert sum(record.used.values()) == sum(size for _, size in tests)
