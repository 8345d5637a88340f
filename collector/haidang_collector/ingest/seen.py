"""When and how each agent was last heard: at hand in memory, written to the registry every few seconds in one go."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.registry.facts import latest_credible

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from haidang_collector.registry.facts import Sighting

log = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0


class Seen:
    """Thread-safe."""

    def __init__(self, record: Callable[[Mapping[str, Sighting]], None]) -> None:
        self._record = record
        self._lock = threading.Lock()
        self._latest: dict[str, tuple[Sighting, float]] = {}
        self._unwritten: dict[str, Sighting] = {}

    def heard(self, agent: str, sighting: Sighting) -> None:
        with self._lock:
            self._unwritten[agent] = sighting
            self._latest[agent] = sighting, time.monotonic()

    def latest(self, agent: str) -> Sighting | None:
        """What this process heard; the registry may know of other processes' newer sightings.

        Where the clock was put back by hours since, the time is what it was by the clock of now.
        """
        sighting, heard = self._latest.get(agent, (None, 0.0))
        if sighting is not None and sighting.at > latest_credible():
            return sighting._replace(at=time.time() - (time.monotonic() - heard))
        return sighting

    def flush(self) -> None:
        """Writes what is new; on failure it stays for the next time."""
        with self._lock:
            taken, self._unwritten = self._unwritten, {}
        if not taken:
            return
        try:
            self._record(taken)
        except SQLAlchemyError as failed:
            with self._lock:
                self._unwritten = taken | self._unwritten
            log.warning("last-seen times of %d agents are not written yet: %s", len(taken), failed)

    async def keep_flushing(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await asyncio.to_thread(self.flush)
