"""What Alertmanager posts, kept many posts at a time: a transaction costs the same for one alert as for a hundred.

While one transaction is under way, what is posted waits for the next. More than can wait is refused: Alertmanager
tries again, so nothing is lost by it.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from anyio import CapacityLimiter, to_thread

from haidang_collector.registry.incidents import record_all

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from haidang_collector.notify.planning import Planner
    from haidang_collector.registry.database import Database
    from haidang_collector.registry.incidents import Notification

MOST_WAITING = 5_000
"""Alerts: half a minute of the worst that is known."""
MOST_TOGETHER = 100
"""Alerts in one transaction, which on SQLite lets nobody else write; a post with more is one of its own."""


class FullError(Exception):
    """So much waits already that no more is taken."""


class _Batch:
    """Posts of one transaction; `task` ends when they are kept."""

    def __init__(self, write: Callable[[_Batch], Coroutine[None, None, None]]) -> None:
        self.notifications: list[Notification] = []
        self.alerts = 0
        self.task = asyncio.create_task(write(self))


class Intake:
    """One at a time writes. `planner` hears of what is new in the same transaction; None: nobody does."""

    def __init__(self, database: Database, planner: Planner | None) -> None:
        self._database = database
        self._planner = planner
        self._turn = asyncio.Lock()
        self._thread = CapacityLimiter(1)
        self._gathering: _Batch | None = None
        self._waiting = 0

    async def keep(self, notification: Notification) -> None:
        """Returns when every alert of it is kept. Raises FullError, and SQLAlchemyError."""
        alerts = len(notification.alerts)
        if self._waiting and self._waiting + alerts > MOST_WAITING:
            raise FullError
        batch = self._gathering
        if batch is None or batch.alerts + alerts > MOST_TOGETHER:
            batch = self._gathering = _Batch(self._write)
        batch.notifications.append(notification)
        batch.alerts += alerts
        self._waiting += alerts
        await asyncio.shield(batch.task)

    async def _write(self, batch: _Batch) -> None:
        async with self._turn:
            if batch is self._gathering:
                self._gathering = None
            keep = partial(record_all, self._database, batch.notifications, then=self._planner)
            try:
                await to_thread.run_sync(keep, limiter=self._thread)
            finally:
                self._waiting -= batch.alerts
