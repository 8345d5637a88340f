"""Telling people as a part of the collector: on where `HAIDANG_NOTIFY` names a file of settings."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_collector.notify.planning import Planner
from haidang_collector.notify.settings import NotifySettings, load
from haidang_collector.notify.worker import NotifyMetrics, Worker

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from prometheus_client import CollectorRegistry

    from haidang_collector.registry.database import Database
    from haidang_collector.settings import Settings


@contextlib.asynccontextmanager
async def telling(settings: Settings, database: Database, registry: CollectorRegistry) -> AsyncIterator[Planner | None]:
    """What is to hear of news while people are told; None where nobody is. Raises BadNotifyError."""
    if not settings.notify:
        yield None
        return
    wanted = settings_of(settings)
    worker = Worker(database, wanted, settings.time_zone, NotifyMetrics(registry))
    task = asyncio.create_task(worker.run())
    try:
        yield Planner(wanted, settings.time_zone)
    finally:
        await worker.stop()
        await task


def settings_of(settings: Settings) -> NotifySettings:
    """Of the file; messages lead to the collector's public address where it names no other. Raises BadNotifyError."""
    wanted = load(Path(settings.notify))
    if wanted.pages.url:
        return wanted
    return wanted.model_copy(update={"pages": wanted.pages.model_copy(update={"url": settings.public_url})})
