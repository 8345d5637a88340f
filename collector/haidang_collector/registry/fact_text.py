"""Facts of units in Prometheus' text format, made anew when one of them has changed.

Of a city they are seventy thousand series and a second of CPU, and for days on end none of them changes.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from prometheus_client import generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from haidang_collector.registry.models import Change, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from prometheus_client.metrics_core import Metric

    from haidang_collector.registry.database import Database


@dataclass(frozen=True)
class Rendered(Collector):
    """What `collect` gives, as text."""

    collect: Callable[[], Iterable[Metric]]

    def text(self) -> bytes:
        return generate_latest(self)


class FactText:
    """Of `families`, which depend on the registry's facts and on the day (UTC) alone. Thread-safe."""

    def __init__(self, database: Database, families: Callable[[], Iterable[Metric]]) -> None:
        self._database, self._rendered = database, Rendered(families)
        self._lock = threading.Lock()
        self._state: tuple[Any, ...] = ()
        self._text = b""

    def text(self) -> bytes:
        with self._lock:
            state = self._of_now()
            if state != self._state:
                self._text, self._state = self._rendered.text(), state
            return self._text

    def _of_now(self) -> tuple[Any, ...]:
        """Changes are counted too: PostgreSQL numbers one before it is committed, so the newest may come first."""
        with self._database.read() as connection:
            newest = connection.execute(select(Change.id, Change.at).order_by(Change.id.desc()).limit(1)).first()
            counts = [connection.scalar(select(func.count()).select_from(table)) for table in (Change, Unit)]
        return datetime.now(UTC).date(), newest, *counts
