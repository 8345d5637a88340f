from __future__ import annotations

from datetime import date

import pytest
from haidang_collector.evaluation import occasion


@pytest.mark.parametrize(
    ("day", "which", "year", "before"),
    [
        (date(2027, 1, 15), "mid_year", (2026, 2027), date(2026, 5, 31)),
        (date(2027, 5, 31), "year_end", (2026, 2027), date(2027, 1, 15)),
        (date(2027, 1, 16), "at_date", (2026, 2027), date(2027, 1, 15)),
        (date(2027, 6, 30), "at_date", (2026, 2027), date(2027, 5, 31)),
        (date(2027, 7, 1), "at_date", (2027, 2028), date(2027, 5, 31)),
        (date(2027, 1, 1), "at_date", (2026, 2027), date(2026, 5, 31)),
    ],
)
def test_the_occasion_its_school_year_and_the_one_before(
    day: date, which: str, year: tuple[int, int], before: date
) -> None:
    assert (occasion.of(day), occasion.school_year(day), occasion.before(day)) == (which, year, before)
