"""Dates as feeds write them."""

from __future__ import annotations

import datetime as dt
from email.utils import format_datetime

import pytest
from haidang_reach.dates import parse
from hypothesis import given
from hypothesis import strategies as st

from tests.reach.feeds import at

ZONES = st.integers(-14 * 4, 14 * 4).map(lambda quarters: dt.timezone(dt.timedelta(minutes=15 * quarters)))
MOMENTS = st.builds(dt.datetime.fromtimestamp, st.integers(100_000_000, 4_000_000_000), ZONES)


@given(MOMENTS)
def test_both_standards_are_read(moment: dt.datetime) -> None:
    assert parse(moment.isoformat()) == moment.timestamp()
    assert parse(format_datetime(moment)) == moment.timestamp()


@pytest.mark.parametrize("text", [
    "2026-11-25T08:05:00+07:00", "2026-11-25T01:05:00Z", "Wed, 25 Nov 2026 01:05:00 GMT",
    "Wed, 25 Nov 2026 01:05:00 -0000", "Wed, 25 Nov 2026 08:05:00 +0700",
    "2026-11-25T08:05:00", "2026-11-25 08:05:00", "Wed, 25 Nov 2026 08:05:00", "25 Nov 2026 08:05", "25/11/2026 08:05",
    "25/11/2026 8:05:00 SA", "25-11-2026 08:05", "Thứ Tư, 25/11/2026 08:05", "Wed, 25 Nov 2026 08:05:00 ICT",
    "Wed, 25 Nov 2026 08:05:00 GMT+7", "  Wed,  25 Nov 2026\n08:05:00 +0700 ",
])  # fmt: skip
def test_without_a_zone_it_is_vietnams(text: str) -> None:
    assert parse(text) == at(25, 8, 5).timestamp()


def test_afternoon_noon_and_midnight() -> None:
    assert parse("25/11/2026 2:05:00 CH") == at(25, 14, 5).timestamp()
    assert parse("25/11/2026 12:05 CH") == at(25, 12, 5).timestamp()
    assert parse("25/11/2026 12:05 SA") == at(25, 0, 5).timestamp()
    assert parse("2026-11-25") == at(25, 0).timestamp()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hôm nay",
        "32/11/2026",
        "25/13/2026",
        "2026-13-01",
        "1" * 500,
        "Wed, 99 Nov 2026 1:1:1",
        "0001-01-01",
        "9999-12-31T23:59:59Z",
    ],
)
def test_what_is_no_date(text: str) -> None:
    assert parse(text) is None


@given(st.text(max_size=40) | st.from_regex(r"[0-9:/ +A-Za-z,-]{1,40}", fullmatch=True))
def test_anything_is_a_date_or_none(text: str) -> None:
    found = parse(text)

    assert found is None or 0 <= found < 4102444800
