"""How far a site lags behind the Department's feed, and the shares on time over a week of feeds."""

from __future__ import annotations

import datetime as dt
import unicodedata
from collections.abc import Callable

import pytest
from haidang_reach import feed
from haidang_reach.news import WINDOW_SECONDS, lag_seconds
from haidang_reach.page import read

from tests.reach.feeds import News, at, atom, page, rss

SITE = "https://thcs.example/"
NOW = at(25, 8)
LETTER = News("Công văn về tổ chức kỳ thi học sinh giỏi", "https://so.example/tin/7?id=1", at(25, 6))
PLAN = News("Kế hoạch kiểm tra cuối học kỳ một", "https://so.example/tin/8", at(25, 7))
HOUR = 3600.0


def lag(department: list[News], html: str = "", own: list[News] | None = None, now: dt.datetime = NOW) -> float:
    items = feed.read(rss(own)) if own is not None else ()
    return lag_seconds(feed.read(rss(department)), read(html), SITE, items, now.timestamp())


def test_the_oldest_that_is_missing_tells() -> None:
    assert lag([LETTER, PLAN]) == 2 * HOUR
    assert lag([LETTER, PLAN], own=[LETTER]) == HOUR
    assert lag([LETTER, PLAN], own=[LETTER, PLAN]) == 0
    assert lag([]) == 0


@pytest.mark.parametrize("html", [
    page([LETTER.title]), page([LETTER.title.upper()]), page(["“Công văn” về tổ chức kỳ thi, học sinh giỏi"]),
    '<a href="http://www.so.example/tin/7?id=1&utm_source=rss#a">Xem</a>', "<p>" + LETTER.title + "</p>",
    page(["Công văn về tổ chức kỳ thi…"]), page(["Công văn về tổ chức kỳ thi ..."]),
])  # fmt: skip
def test_what_is_taken_in_on_the_page(html: str) -> None:
    assert lag([LETTER], html) == 0


@pytest.mark.parametrize("html", [
    page(["Công văn về tổ chức kỳ thi học sinh"]), page(["Công văn…"]), page(["..."]),
    '<a href="https://so.example/tin/7?id=2">Xem</a>', '<a href="https://khac.example/tin/7?id=1">Xem</a>',
    '<a href="http://[::1">Xem</a>',
])  # fmt: skip
def test_what_is_not(html: str) -> None:
    assert lag([LETTER], html) == 2 * HOUR


def test_titles_that_say_nothing_prove_nothing() -> None:
    assert lag([LETTER._replace(title="Thông báo")], page(["Thông báo"])) == 2 * HOUR


def test_decomposed_letters_are_the_same() -> None:
    assert lag([LETTER], page([unicodedata.normalize("NFD", LETTER.title)])) == 0


def test_what_is_asked_of_nobody() -> None:
    old = LETTER._replace(published=NOW - dt.timedelta(seconds=WINDOW_SECONDS + 1))
    future = PLAN._replace(published=NOW + dt.timedelta(hours=1))

    assert lag([old, future]) == 0


WEEK = [
    News("Thông báo A về việc nộp báo cáo", "https://so.example/a", at(23, 7, 45)),
    News("Thông báo B về việc nộp báo cáo", "https://so.example/b", at(23, 15)),
    News("Thông báo C về việc nộp báo cáo", "https://so.example/c", at(24, 10)),
    News("Thông báo D về việc nộp báo cáo", "https://so.example/d", at(25, 16)),
    News("Thông báo E về việc nộp báo cáo", "https://so.example/e", at(26, 7, 50)),
    News("Thông báo F về việc nộp báo cáo", "https://so.example/f", at(27, 9)),
]
"""Monday to Friday."""
MORNING, AFTERNOON = 8, 17
TAKES_IN: dict[str, Callable[[dt.datetime], dt.datetime | None]] = {
    "at once": lambda published: published,
    "half past seven": lambda published: _next(published, 7, 30),
    "half past four": lambda published: _next(published, 16, 30),
    "on Wednesday": lambda published: at(25, 12) if published <= at(25, 12) else None,
    "never": lambda _: None,
}
"""When each unit takes in what was published."""


def _next(published: dt.datetime, hour: int, minute: int) -> dt.datetime:
    today = published.replace(hour=hour, minute=minute)
    return today if today >= published else today + dt.timedelta(days=1)


@pytest.mark.parametrize(("unit", "mornings", "afternoons"), [
    ("at once", 5, 5), ("half past seven", 5, 3), ("half past four", 5, 5), ("on Wednesday", 1, 1), ("never", 1, 0),
])  # fmt: skip
@pytest.mark.parametrize("by", ["page", "feed"])
def test_a_week_gives_the_right_shares_on_time(unit: str, mornings: int, afternoons: int, by: str) -> None:
    """Nothing may be missing that is from before the deadline before: 15 h in the morning, 9 h in the afternoon."""
    on_time = {
        hour: sum(_lag_at(unit, at(day, hour), by) <= most * HOUR for day in range(23, 28))
        for hour, most in ((MORNING, 15), (AFTERNOON, 9))
    }

    assert on_time == {MORNING: mornings, AFTERNOON: afternoons}


def _lag_at(unit: str, now: dt.datetime, by: str) -> float:
    """As the feeds stood then."""
    published = [each for each in WEEK if each.published <= now]
    taken = [each for each in published if (moment := TAKES_IN[unit](each.published)) and moment <= now]
    own = [each._replace(link=f"{SITE}tin/{each.title[10]}", published=now) for each in taken]
    site = read(page([each.title for each in own] if by == "page" else []))
    items = feed.read(atom(own)) if by == "feed" else ()
    return lag_seconds(feed.read(rss(published)), site, SITE, items, now.timestamp())
