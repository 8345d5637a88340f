"""Which evaluation of a school year one is, and which came before it."""

from __future__ import annotations

from datetime import date
from typing import Literal

Occasion = Literal["mid_year", "year_end", "at_date"]
MID_YEAR, YEAR_END = (1, 15), (5, 31)
"""Month and day: about when the first semester ends, and the last day of a school year in Vietnam."""
FIRST_MONTH = 7
"""A school year runs from 1 July to 30 June, as that of the plans does."""


def of(day: date) -> Occasion:
    """By the day alone: the two above are what a department evaluates at."""
    return {MID_YEAR: "mid_year", YEAR_END: "year_end"}.get((day.month, day.day), "at_date")  # type: ignore[return-value]


def school_year(day: date) -> tuple[int, int]:
    """The calendar years in which it begins and ends."""
    begins = day.year - (day.month < FIRST_MONTH)
    return begins, begins + 1


def before(day: date) -> date:
    """The last day of a mid-year or year-end evaluation that was over when `day` began."""
    days = (date(year, *each) for year in (day.year, day.year - 1) for each in (YEAR_END, MID_YEAR))
    return next(each for each in days if each < day)
