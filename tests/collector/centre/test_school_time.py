"""When there is school by the calendar, and what is said of one that cannot be used."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from haidang_collector.centre import school_time
from haidang_collector.centre.school_time import BadCalendarError, load, parse
from haidang_collector.operators_file import MAX_BYTES
from hypothesis import given
from hypothesis import strategies as st

if TYPE_CHECKING:
    from pathlib import Path

SCHOOL = """\
utc_offset = "+07:00"
[[hours]]
days = ["monday", "tuesday", "wednesday", "thursday", "friday"]
from = 07:00:00
to = 11:30:00
source = "x"
[[hours]]
days = ["monday", "friday"]
from = 13:00:00
to = 16:30:00
source = "x"
[[term]]
name = "one"
from = 2026-09-07
to = 2026-12-31
source = "x"
[[holiday]]
name = "feast"
from = 2026-11-19
to = 2026-11-20
source = "x"
[[season]]
name = "enrolment"
from = 2026-09-07
to = 2026-09-30
source = "x"
[[season]]
name = "enrolment"
from = 2026-11-20
to = 2026-11-23
source = "x"
[[made_up]]
day = 2026-11-28
like = "friday"
source = "x"
"""
CALENDAR = parse(SCHOOL)


def at(text: str) -> dt.datetime:
    """Vietnam's time."""
    return dt.datetime.fromisoformat(f"{text}+07:00")


@pytest.mark.parametrize(
    ("when", "there_is"),
    [
        ("2026-11-16 06:59:59", False),
        ("2026-11-16 07:00", True),
        ("2026-11-16 11:30", False),
        ("2026-11-16 15:00", True),
        ("2026-11-17 15:00", False),  # a Tuesday
        ("2026-11-19 09:00", False),  # the feast
        ("2026-11-21 09:00", False),  # a Saturday
        ("2026-11-28 15:00", True),  # a Saturday made up for
        ("2026-09-04 09:00", False),  # before the term
        ("2026-12-31 09:00", True),
        ("2027-01-01 09:00", False),
    ],
)
def test_school_is_in_hours_of_school_days(when: str, there_is: bool) -> None:
    assert CALENDAR.in_session(at(when)) is there_is
    assert CALENDAR.in_session(at(when).astimezone(dt.UTC)) is there_is


@pytest.mark.parametrize(("day", "before"), [(17, 16), (16, 13), (23, 18), (29, 28), (30, 28)])
def test_the_school_day_before_lies_behind_weekends_and_holidays(day: int, before: int) -> None:
    assert CALENDAR.day_before(dt.date(2026, 11, day)) == dt.date(2026, 11, before)


def test_before_the_first_term_there_was_none() -> None:
    assert CALENDAR.day_before(dt.date(2026, 9, 7)) is None


@pytest.mark.parametrize(
    ("when", "told"),
    [
        ("2026-11-23 08:00", {"school_day": 1, "school_in_session": 1, "school_day_before_seconds": 5 * 86400}),
        ("2026-11-19 00:00", {"school_day": 0, "school_in_session": 0, "school_day_before_seconds": 86400}),
        ("2026-09-07 08:00", {"school_day": 1, "school_in_session": 1}),
    ],
)
def test_metrics_tell_of_now_by_the_calendars_clock(when: str, told: dict[str, float]) -> None:
    families = school_time.metrics(CALENDAR, at(when).astimezone(dt.UTC))
    samples = {each.name: each.value for family in families for each in family.samples if not each.labels}

    assert samples == {**told, "school_utc_offset_seconds": 25200}


def test_the_beginnings_of_school_days_before_are_told_as_far_as_there_were_any() -> None:
    families = school_time.metrics(CALENDAR, at("2026-09-10 08:00").astimezone(dt.UTC))
    name = "school_day_before_timestamp_seconds"
    told = {each.labels["days"]: each.value for family in families for each in family.samples if each.name == name}

    assert told == {str(back): at(f"2026-09-{10 - back:02} 00:00").timestamp() for back in (1, 2, 3)}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"+07:00"', '"7"', 'utc_offset: write it as "+07:00"'),
        ('"monday", "friday"', '"mon"', "[[hours]] number 2: 'mon': is no weekday"),
        ("to = 2026-12-31", "to = 2026-01-01", "[[term]] number 1: to = 2026-01-01: is before from = 2026-09-07"),
        ("to = 2026-11-20", 'to = "2026-11-20"', "[[holiday]] number 1: to = '2026-11-20': write a date"),
        ("day = 2026-11-28", "day = 2026-11-28T00:00:00", "[[made_up]] number 1: day = "),
        ("[[holiday]]", "[holiday]", "holiday: is no list of tables"),
        ('name = "one"', "", "[[term]] number 1: name = None: write text"),
        ('name = "one"', 'name = "one"\nweeks = 3', "[[term]] number 1: weeks: unknown"),
        ("[[term]]", "[[terms]]", "[[term]]: there is none"),
        ('name = "enrolment"', 'name = "Tuyển sinh"', "[[season]] number 1: name = 'Tuyển sinh': write"),
        ('name = "enrolment"', 'name = "year"', "[[season]] number 2: name = 'year': write"),
        ("utc_offset", "utc offset", "no TOML"),
    ],
)
def test_a_calendar_that_cannot_be_used_is_named_by_its_entry(old: str, new: str, says: str) -> None:
    with pytest.raises(BadCalendarError) as refused:
        parse(SCHOOL.replace(old, new))

    assert says in str(refused.value)


@given(st.recursive(st.none() | st.booleans() | st.text(max_size=5), lambda inner: st.lists(inner, max_size=3)))
def test_nonsense_is_refused_and_nothing_else(nonsense: object) -> None:
    with pytest.raises(BadCalendarError):
        parse(f"hours = {nonsense!r}")


def test_a_file_is_named_in_what_is_said_of_it(tmp_path: Path) -> None:
    broken = tmp_path / "calendar.toml"
    broken.write_bytes(b"\xff")
    with pytest.raises(BadCalendarError, match="not UTF-8"):
        school_time.load(broken)
    broken.write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(BadCalendarError, match="more than"):
        school_time.load(broken)
    broken.unlink()
    with pytest.raises(BadCalendarError, match=r"calendar\.toml: No such file"):
        school_time.load(broken)


@pytest.mark.parametrize(("moment", "open_"), [("2026-12-14 23:59", False), ("2026-12-31 23:59", True),
                                                ("2027-01-01 00:00", True), ("2027-01-16 00:00", False)])  # fmt: skip
def test_a_season_may_cross_the_new_year_by_the_calendars_clock(moment: str, open_: bool) -> None:
    calendar = parse(SCHOOL.replace("2026-11-20\nto = 2026-11-23", "2026-12-15\nto = 2027-01-15"))
    families = school_time.metrics(calendar, at(moment).astimezone(dt.UTC))
    (told,) = [sample.value for family in families for sample in family.samples if sample.name == "school_season"]

    assert told == open_


@pytest.mark.parametrize(("day", "there_is"), [("09-30", 1), ("10-01", 0), ("11-23", 1), ("11-24", 0)])
def test_a_season_may_have_several_parts(day: str, there_is: float) -> None:
    families = school_time.metrics(CALENDAR, at(f"2026-{day} 23:59"))
    told = [sample for family in families for sample in family.samples if sample.name == "school_season"]

    assert [(sample.labels, sample.value) for sample in told] == [({"season": "enrolment"}, there_is)]


def test_the_built_in_one_has_school_on_a_usual_day() -> None:
    assert load().in_session(at("2026-11-25 09:00"))
    assert not load().in_session(at("2027-02-05 09:00"))
