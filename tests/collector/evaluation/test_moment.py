from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from haidang_collector.evaluation.moment import BadMomentError, read
from hypothesis import given
from hypothesis import strategies as st

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
NOW = datetime(2026, 11, 25, 3, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        (None, "2026-11-25T10:30:00+07:00"),
        ("2026-11-25", "2026-11-25T10:30:00+07:00"),
        ("2026-11-24", "2026-11-25T00:00:00+07:00"),
        ("2026-11-25T08:00", "2026-11-25T08:00:00+07:00"),
        ("2026-11-25T08:00+00:00", None),
        ("2026-11-25T01:00Z", "2026-11-25T08:00:00+07:00"),
        ("2026-11-26", None),
        ("2026-02-30", None),
        ("25/11/2026", None),
        ("9999-12-31", None),
        ("0001-01-01T00:00", None),
        ("1969-12-31T23:59+00:00", None),
        ("1970-01-01T00:00Z", "1970-01-01T08:00:00+08:00"),
        ("0001-01-01T00:00+14:00", None),
        ("now", None),
        ("", None),
    ],
)
def test_a_moment(text: str | None, meant: str | None) -> None:
    """
    A day is its end, 24:00 in the schools' zone, or now while it lasts; nothing is known of what is to come.
    """
    if meant is None:
        with pytest.raises(BadMomentError, match=r"is no moment; write it as|is still to come|is before 1970"):
            read(text, ZONE, NOW)
    else:
        assert read(text, ZONE, NOW).isoformat() == meant


@given(st.text(max_size=60) | st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.dates().map(str))
def test_any_text_is_a_moment_of_the_past_or_refused_in_one_line(text: str) -> None:
    try:
        told: datetime | str = read(text, ZONE, NOW)
    except BadMomentError as refused:
        told = str(refused)

    assert told.isprintable() if isinstance(told, str) else told <= NOW
