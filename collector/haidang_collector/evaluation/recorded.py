"""Shares that the recording rules counted themselves, at any moment: what an evaluation is set beside."""

from __future__ import annotations

import math
from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from haidang_collector.evaluation import occasion
from haidang_collector.evaluation.model import ROWS, STATES, Earlier, Share

if TYPE_CHECKING:
    from haidang_collector.evaluation.store import Store

CITY = "city:row_units:count"
DISTRICTS = "district:row_units:count"
LOOKBACK = "15m"
"""A store that was restarted just then still tells: rules of rows are evaluated every 4 minutes."""


def city(store: Store, at: datetime) -> dict[str, Share]:
    """Of the whole city by row; empty where the rules did not speak. Raises StoreAwayError."""
    return _read(store, CITY, at).get("", {})


def before(store: Store, at: datetime, matcher: str = "") -> Earlier | None:
    """At the end of the mid-year or year-end day before `at`; of the city and its districts, or of those that match.

    None where the store has nothing of it. Raises StoreAwayError.
    """
    day = occasion.before((at - timedelta(microseconds=1)).date())
    end = datetime.combine(day + timedelta(days=1), time(), at.tzinfo)
    shares = _read(store, f"{DISTRICTS}{{{matcher}}}", end)
    if not matcher:
        shares |= _read(store, CITY, end)
    return Earlier(day, shares) if shares else None


def _read(store: Store, series: str, at: datetime) -> dict[str, dict[str, Share]]:
    """By district (empty: the city), then by row. A row of which a state is not told is not there."""
    counts: defaultdict[tuple[str, str], dict[str, int]] = defaultdict(dict)
    for labels, value in store.query(f"last_over_time({series}[{LOOKBACK}])", at):
        state, row = labels.get("state", ""), labels.get("row", "")
        if row in ROWS and state in STATES and math.isfinite(value) and value >= 0:
            counts[labels.get("district", ""), row][state] = int(value)
    shares: defaultdict[str, dict[str, Share]] = defaultdict(dict)
    for (district, row), by_state in counts.items():
        if len(by_state) == len(STATES):
            shares[district][row] = Share(**by_state)
    return dict(shares)
