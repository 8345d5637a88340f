"""Thirty days of a school's lines on one line of time."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from haidang_collector.web.state import Measurements
from haidang_collector.web.timeline import LEVELS, SLOT_SECONDS, SLOTS, Timeline, timeline_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.collector.web.reading import Page, part

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.collector.web.conftest import Web

NOW = 1_795_600_000.0
BEGIN = NOW - 30 * 86400
HALF_HOUR = 1800.0
LINE = {"unit": "UP", "agent": "a", "wan": "wan1"}


def book(name: str, entries: Iterable[tuple[float, float]], **labels: str) -> dict[str, Any]:
    """`entries` are when (Unix seconds) and how many seconds so far."""
    return {"metric": LINE | {"__name__": name} | labels, "values": [[at, str(value)] for at, value in entries]}


def timeline(*books: dict[str, Any], witness: str = "a") -> Timeline:
    """What is made of books that the store holds."""

    def answer(request: httpx.Request) -> httpx.Response:
        query = httpx.QueryParams(request.content.decode())["query"]
        found = [each for each in books if each["metric"]["__name__"] in query]
        if query.startswith("group by (cause)"):
            causes = {each["metric"]["cause"] for each in books if "cause" in each["metric"]}
            found = [{"metric": {"cause": cause}, "value": [NOW, "1"]} for cause in causes]
        if query.startswith("agent:school_outage_witness"):
            wans = {each["metric"]["wan"] for each in books}
            found = [{"metric": LINE | {"agent": witness, "wan": wan}, "value": [NOW, "1"]} for wan in wans]
        return httpx.Response(200, json={"data": {"result": found}})

    async def made() -> Timeline:
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
            return await timeline_of(Measurements(client, "http://store"), "UP", NOW)

    return asyncio.run(made())


def test_an_outage_stands_where_it_was() -> None:
    """Ten minutes in the half hour from day 3 on, and the two hours after day 10 whole."""
    day = 86400.0
    entries = [
        (BEGIN, 0), (BEGIN + 3 * day, 0), (BEGIN + 3 * day + HALF_HOUR, 600),
        (BEGIN + 10 * day, 600), (BEGIN + 10 * day + 7200, 7800), (NOW - HALF_HOUR, 7800),
    ]  # fmt: skip
    watched = [(BEGIN + HALF_HOUR * step, HALF_HOUR * step) for step in range(720)]

    (track,) = timeline(
        book("agent:school_outage_seconds:sparse", entries, cause="carrier"),
        book("agent:school_wan_observed_seconds:sparse", watched, isp="VNPT"),
    ).tracks

    assert (track.wan, track.isp) == ("wan1", "VNPT")
    assert [(each.begin - BEGIN, each.seconds) for each in track.outages] == [(10 * day, 7200), (3 * day, 600)]
    assert [(bar.begin * SLOT_SECONDS / day, bar.width, bar.cause, bar.level) for bar in track.bars] == [
        (3, 1, "carrier", 1),
        (10, 1, "carrier", 3),
    ]
    assert track.watched is not None
    assert [(bar.begin, bar.width) for bar in track.watched] == [(0, SLOTS // 2)]


def test_what_was_lost_while_nobody_could_tell_lies_in_between() -> None:
    """A power cut of a day: no entry meanwhile, and one outage over all of it afterwards."""
    entries = [(NOW - 90_000, 0), (NOW - 3600, 86_400), (NOW - 1800, 86_400)]

    (track,) = timeline(book("agent:school_outage_seconds:sparse", entries, cause="power", wan="")).tracks

    assert [(each.begin, each.end, each.seconds) for each in track.outages] == [(NOW - 90_000, NOW - 3600, 86_400)]
    assert track.watched is None
    assert sum(bar.width for bar in track.bars) in (8, 9)


def test_the_last_half_hour_comes_from_the_book_that_is_kept_more_often() -> None:
    sparse = [(NOW - 3600, 100), (NOW - 1800, 100)]
    total = [(NOW - 2400, 100), (NOW - 1560, 160), (NOW - 120, 220)]

    (track,) = timeline(
        book("agent:school_outage_seconds:sparse", sparse, cause="isp"),
        book("agent:school_outage_seconds:total", total, cause="isp"),
    ).tracks

    assert sum(each.seconds for each in track.outages) == 120
    assert track.outages[0].end == NOW - 120


def test_half_hours_lost_whole_are_one_outage_with_their_neighbours() -> None:
    """A cut of an hour and a half; and, apart from it, a line that flaps."""
    lost = [0, 600, 1800, 1800, 600, 0, 60, 60]
    entries = [(NOW - 20_000 + HALF_HOUR * step, float(sum(lost[: step + 1]))) for step in range(len(lost))]

    (track,) = timeline(book("agent:school_outage_seconds:sparse", entries, cause="isp")).tracks

    assert [each.seconds for each in track.outages] == [60, 60, 4800]


def test_a_book_begun_anew_loses_nothing() -> None:
    entries = [(NOW - 7200, 5000), (NOW - 5400, 40), (NOW - 3600, 300)]

    (track,) = timeline(book("agent:school_outage_seconds:sparse", entries, cause="isp")).tracks

    assert [each.seconds for each in track.outages] == [260, 40]


def test_of_two_agents_one_is_believed() -> None:
    """They tell of the same outages."""
    entries = [(NOW - 7200, 0), (NOW - 5400, 60)]
    one, other = (book("agent:school_outage_seconds:sparse", entries, cause="isp", agent=agent) for agent in "ab")

    (track,) = timeline(one, other, witness="b").tracks

    assert [each.seconds for each in track.outages] == [60]
    assert timeline(one, witness="b").tracks == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.floats(60, 200_000), st.floats(0, 200_000), st.sampled_from(["isp", "carrier"])), max_size=40)
)
def test_whatever_is_counted_is_shown_once_and_in_its_place(steps: list[tuple[float, float, str]]) -> None:
    books: dict[str, list[tuple[float, float]]] = {"isp": [(BEGIN, 0.0)], "carrier": [(BEGIN, 0.0)]}
    told = 0.0
    for wait, lost, cause in steps:
        at, so_far = books[cause][-1]
        if at + wait > NOW:
            continue
        told += min(lost, wait)
        books[cause].append((at + wait, so_far + min(lost, wait)))

    (track,) = timeline(
        *(book("agent:school_outage_seconds:sparse", entries, cause=cause) for cause, entries in books.items())
    ).tracks

    assert sum(each.seconds for each in track.outages) == pytest.approx(told, abs=1e-3)
    assert all(BEGIN <= each.begin < each.end <= NOW for each in track.outages)
    ends = [0, *(bar.begin + bar.width for bar in track.bars)]
    assert all(bar.begin >= end and 1 <= bar.level <= LEVELS for bar, end in zip(track.bars, ends, strict=False))
    assert ends[-1] <= SLOTS


def test_the_page_draws_it_and_tells_it_in_a_table(city: Web) -> None:
    now = time.time()
    cause = "<b>mice</b>"
    city.figures = {
        "agent:school_outage_witness": [{"labels": {"agent": "a", "wan": "wan1"}, "value": 1}],
        "group by (cause)": [{"labels": {"cause": name}, "value": 1} for name in (cause, "isp")],
        "agent:school_outage_seconds:sparse": [
            {"labels": LINE | {"cause": cause}, "values": [(now - 9000, 0), (now - 7200, 120)]},
            {"labels": LINE | {"cause": "isp"}, "values": [(now - 86400 * 2, 0), (now - 86400 * 1.5, 20)]},
        ],
    }

    page = city.page("/units/UP?lang=en")
    text = part(page, "lines")

    assert "2 gaps in 30 days; the table tells them" in text
    assert 'class="isp"' in page
    assert 'class="unclear"' in page
    assert "mice" not in page
    assert re.search(r"The 2 gaps as a table .* Cause unknown .* 2 .* The ISP's network .* <1", text)
    assert {tag for tag, _ in Page(page).tags}.isdisjoint({"script"})
    assert Page(page).values("style") == []


def test_without_the_store_it_is_unknown(city: Web) -> None:
    city.store = httpx.ConnectError("refused")

    assert "<svg" not in city.page("/units/UP")
