"""Shares as the rules recorded them, in a real store."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_collector.evaluation import recorded
from haidang_collector.evaluation.gather import gather
from haidang_collector.evaluation.model import Share
from haidang_collector.evaluation.store import Store
from haidang_collector.policy import policy

from tests.collector.evaluation.told import ZONE, Told, tell
from tests.servers import prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

THEN = datetime(2026, 5, 31, 23, 57, tzinfo=ZONE)
AT = datetime(2026, 11, 25, 8, tzinfo=ZONE)
WHOLE = {"met": 3, "unmet": 1, "unknown": 0, "not_applicable": 2}


def told(counts: dict[str, float], row: str, **labels: str) -> Iterator[Told]:
    name = "district:row_units:count" if labels else "city:row_units:count"
    for state, count in counts.items():
        yield name, count, {"row": row, "state": state} | labels


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    folder: Path = tmp_path_factory.mktemp("recorded")
    with prometheus(folder, window="400d") as server, httpx.Client() as client:
        for at in (THEN, AT):
            tell(server, told(WHOLE, "R1"), at)
            tell(server, told(WHOLE | {"met": 1}, "R1", district="Quận 1"), at)
            tell(server, told(WHOLE | {"met": 2}, "R1", district="Quận 2"), at)
            tell(server, told({"met": 1}, "R2"), at)
            tell(server, told(WHOLE | {"unknown": float("nan")}, "R3"), at)
        yield Store(client, server.url)


def test_shares_are_those_of_the_rules_and_half_told_rows_are_absent(store: Store) -> None:
    assert recorded.city(store, AT) == {"R1": Share(met=3, unmet=1, unknown=0, not_applicable=2)}


def test_the_evaluation_before_is_that_of_the_last_day_of_the_school_year(store: Store) -> None:
    before = recorded.before(store, AT)

    assert before is not None
    assert before.day == date(2026, 5, 31)
    assert {of: shares["R1"].met for of, shares in before.shares.items()} == {"": 3, "Quận 1": 1, "Quận 2": 2}


def test_a_district_has_its_own_and_the_citys_beside_it(store: Store) -> None:
    found = gather(store, [], policy.load(), AT, district="")
    of_it = recorded.before(store, AT, 'district="Quận 1"')

    assert found.city == {}, "the city stands beside itself"
    assert found.before == recorded.before(store, AT)
    assert of_it is not None
    assert set(of_it.shares) == {"Quận 1"}


def test_where_nothing_is_recorded_there_is_nothing_not_zero(store: Store) -> None:
    assert recorded.before(store, datetime(2026, 5, 31, 12, tzinfo=ZONE)) is None
    assert recorded.city(store, datetime(2026, 3, 1, tzinfo=ZONE)) == {}
