"""Fills a store with a simulated city's past, up to this moment; its agents go on from there."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from haidang_collector.simulate.backfill import Filled, fill
from haidang_collector.simulate.fleet import enrol_here
from haidang_collector.simulate.grid import RULES, Grid
from haidang_collector.simulate.member import berths
from haidang_collector.simulate.past import Period
from haidang_collector.simulate.year import Year

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from haidang_collector.centre.school_time import Calendar
    from haidang_collector.policy.policy import Policy
    from haidang_collector.registry.database import Database
    from haidang_collector.simulate.backfill import Store
    from haidang_collector.simulate.model import City


def fast_forward(
    database: Database,
    city: City,
    state: Path,
    store: Store,
    seconds: float,
    *,
    now: float,
    policy: Policy,
    calendar: Calendar,
    progress: Callable[[int, float], None],
) -> Filled:
    """So many seconds until `now`, Unix time; from the midnight before.

    Agents are enrolled straight into the registry, below `state`, and later report as those that the past tells of.
    The limits of the policy's last day hold all along. Raises BackfillError, and what enrolling raises.
    """
    found = berths(city, state)
    enrol_here(database, found)
    agents = {berth.unit.code: berth.agent for berth in reversed(found)}
    end = int(now) // RULES * RULES
    first, last = (datetime.fromtimestamp(at, calendar.zone) for at in (end - seconds, end))
    offset = last.utcoffset()
    period = Period(first.date(), last.date(), calendar)
    grid = Grid(int(period.midnight(period.first)), end, int(offset.total_seconds()) if offset else 0)
    return fill(Year(city, period, policy, agents).series(), grid, store, progress)
