"""Every query of every dashboard has an answer in a real Prometheus, and every variable has values."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.dashboards.asking import Asking
from tests.dashboards.boards import boards, fill, openings

if TYPE_CHECKING:
    from tests.collector.simulate.running_city import RunningCity
    from tests.dashboards.boards import Board, Query

SETTLED_SECONDS = 300
HOUR = 3600
BOARDS = boards("vi")
"""The other language asks the same, by test_sets.py."""


@pytest.fixture(scope="module")
def unanswered(city: RunningCity) -> dict[str, list[str]]:
    """What has no answer when the city has settled, by dashboard; until then all are asked again and again."""
    store, found = Asking(city.store.url), {board.uid: ["not asked yet"] for board in BOARDS}
    open_: dict[str, list[Query]] = {board.uid: list(board.queries()) for board in BOARDS}
    deadline = time.monotonic() + SETTLED_SECONDS
    while any(found.values()) and time.monotonic() < deadline:
        for board in BOARDS:
            if found[board.uid]:
                found[board.uid] = _ask(board, open_[board.uid], store)
        time.sleep(1)
    return found


def _ask(board: Board, open_: list[Query], store: Asking) -> list[str]:
    """Takes out of `open_` what is answered in one of the ways to open the dashboard; the rest as text."""
    try:
        ways = list(openings(board, store))
    except LookupError as without_value:
        return [str(without_value)]
    open_[:] = [query for query in open_ if not any(_answered(query, way, store) for way in ways)]
    return [f"{query.panel}: {query.expression}" for query in open_]


def _answered(query: Query, way: dict[str, str], store: Asking) -> bool:
    asked = fill(query.expression, way)
    return bool(store.now(asked) if query.instant else store.over(asked, HOUR, points=60))


@pytest.mark.parametrize("board", BOARDS, ids=lambda board: board.uid)
def test_every_variable_has_values_and_every_query_an_answer(board: Board, unanswered: dict[str, list[str]]) -> None:
    assert unanswered[board.uid] == []
