"""Telling people as a part of the collector: on where `HAIDANG_NOTIFY` names a file of settings."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_collector.centre.school_time import load as load_calendar
from haidang_collector.incidents.intake import Intake
from haidang_collector.notify.planning import Planner
from haidang_collector.notify.settings import NotifySettings, load
from haidang_collector.notify.worker import NotifyMetrics, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client import CollectorRegistry

    from haidang_collector.registry.database import Database
    from haidang_collector.settings import Settings


@contextlib.asynccontextmanager
async def telling(
    settings: Settings, database: Database, registry: CollectorRegistry, *, tells: bool = True
) -> AsyncIterator[Intake]:
    """Where Alertmanager's news are kept, and people told of them where that is on. Raises BadNotifyError.

    `tells`: this process sends the messages; otherwise another one does.
    """
    if not settings.notify:
        yield Intake(database, None)
        return
    wanted = settings_of(settings)
    if not tells:
        yield Intake(database, Planner(wanted, settings.time_zone))
        return
    worker = Worker(database, wanted, settings.time_zone, NotifyMetrics(registry))
    task = asyncio.create_task(worker.run())
    try:
        yield Intake(database, Planner(wanted, settings.time_zone))
    finally:
        await worker.stop()
        await task


def settings_of(settings: Settings) -> NotifySettings:
    """Of the file, with the holidays of the calendar beside its own. Raises BadNotifyError, and BadCalendarError.

    Messages lead to the collector's public address where the file names no other.
    """
    wanted = load(Path(settings.notify))
    calendar = load_calendar(Path(settings.calendar) if settings.calendar else None)
    holidays = {
        first + timedelta(days=number)
        for first, last, *_ in calendar.holidays
        for number in range((last - first).days + 1)
    }  # fmt: skip
    quiet = wanted.quiet.model_copy(update={"holidays": (*wanted.quiet.holidays, *sorted(holidays))})
    pages = wanted.pages if wanted.pages.url else wanted.pages.model_copy(update={"url": settings.public_url})
    return wanted.model_copy(update={"pages": pages, "quiet": quiet})
