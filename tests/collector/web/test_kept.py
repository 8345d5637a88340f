"""What is shown of a large city: a look of some seconds ago, renewed while somebody looks."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
from haidang_collector.web import agent_pages, asking, city_pages, kept
from haidang_collector.web.kept import Kept

from tests.collector.web.reading import rows, tiles

if TYPE_CHECKING:
    from tests.collector.web.conftest import Web


class Counting:
    """Gives 1, 2, 3…"""

    def __init__(self) -> None:
        self.made = 0
        self.again = asyncio.Event()

    async def __call__(self) -> int:
        self.made += 1
        if self.made > 1:
            self.again.set()
        return self.made


@pytest.fixture
def large(city: Web, monkeypatch: pytest.MonkeyPatch) -> Web:
    """Its six units are very many, and nothing is renewed within a test."""
    for module in (asking, city_pages, agent_pages):
        monkeypatch.setattr(module, "LARGE", 4)
    monkeypatch.setattr(kept, "RENEWED_SECONDS", 600.0)
    return city


def test_what_is_small_is_made_anew_each_time() -> None:
    async def looked() -> list[int]:
        looks, make = Kept(), Counting()
        return [await looks.look("it", make, lambda _: False) for _ in range(3)]

    assert asyncio.run(looked()) == [1, 2, 3]


def test_what_is_large_is_renewed_behind_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "RENEWED_SECONDS", 0.01)

    async def looked() -> tuple[int, int, int]:
        looks, make = Kept(), Counting()
        first = await looks.look("it", make, lambda _: True)
        second = await looks.look("it", make, lambda _: True)
        await asyncio.wait_for(make.again.wait(), 30)
        await asyncio.sleep(0)
        third = await looks.look("it", make, lambda _: True)
        await looks.close()
        return first, second, third

    first, second, third = asyncio.run(looked())
    assert (first, second) == (1, 1)
    assert third > 1


def test_what_nobody_looks_at_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "RENEWED_SECONDS", 0.01)
    monkeypatch.setattr(kept, "WATCHED_SECONDS", -1.0)

    async def looked() -> list[int]:
        looks, make = Kept(), Counting()
        first = await looks.look("it", make, lambda _: True)
        await looks._looks["it"].renewing
        second = await looks.look("it", make, lambda _: True)
        await looks.close()
        return [first, second]

    assert asyncio.run(looked()) == [1, 2]


def test_what_is_too_old_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept, "OLDEST_SECONDS", -1.0)

    async def looked() -> list[int]:
        looks, make = Kept(), Counting()
        found = [await looks.look("it", make, lambda _: True) for _ in range(2)]
        await looks.close()
        return found

    assert asyncio.run(looked()) == [1, 2]


def test_pages_of_a_large_city_say_of_when_they_are(large: Web) -> None:
    before = large.page("/units?lang=en")
    large.internet["UP"] = 0.0
    large.add("LATER", "Trường mới")
    after, start = large.page("/units?lang=en"), large.page("/?lang=en")

    assert rows(after) == rows(before)
    assert as_of(before) == as_of(after) == as_of(start)
    assert tiles(start)["up"] == 1


@pytest.mark.parametrize("scope", [{"district": "Quận 1"}, {"unit": "UP"}], ids=["district", "unit"])
def test_who_has_a_part_of_it_sees_that_part_of_now(large: Web, scope: dict[str, str]) -> None:
    """Asked for is no more than theirs."""
    large.page("/units")
    large.log_in(**scope)
    large.internet["UP"] = 0.0
    del large.asked[:]

    assert ("UP", "down") in rows(large.page("/units"))
    assert "DOWN" not in dict(rows(large.page("/units")))
    (asked,) = {query for query in large.asked if "internet_up" in query}
    assert f"{next(iter(scope))}=" in asked


def test_the_rules_word_is_kept_where_very_many_units_were_judged(large: Web) -> None:
    large.figures = {"city:row_units:count": [{"labels": {"row": "R1", "state": "met"}, "value": 5}]}
    large.page()
    del large.asked[:]

    large.page()

    assert large.asked == []


def test_agents_of_a_large_city_are_shown_as_they_are_now(large: Web) -> None:
    large.log_in("operator")
    assert "/agents/revoke/a-UP" in large.page("/agents")
    large.registry.revoke_agent("a-UP")

    assert "/agents/revoke/a-UP" not in large.page("/agents?q=UP")
    assert "a-UP" in large.page("/agents?q=UP")


def as_of(page: str) -> str:
    found = re.search(r'class="when">[^<]*<time datetime="([^"]+)"', page)
    assert found
    return found[1]
