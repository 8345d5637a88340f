"""By which address each agent's last push came: in memory, and every minute told to the registry."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from haidang_collector.outside.records import Heard, note

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database
    from haidang_collector.registry.store import Identity

log = logging.getLogger(__name__)

FLUSH_SECONDS = 60.0


class Addresses:
    """Thread-safe. The registry keeps those of units that asked for it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = threading.Lock()
        self._heard: dict[str, Heard] = {}

    def heard(self, sender: Identity, address: str) -> None:
        with self._lock:
            self._heard[sender.agent] = Heard(sender.unit, address, time.time())

    def flush(self) -> None:
        """What can't be written now is heard again soon."""
        with self._lock:
            taken, self._heard = self._heard, {}
        try:
            note(self._database, taken, time.time())
        except SQLAlchemyError as failed:
            log.warning("addresses of units are not noted: %s", failed)

    async def keep_flushing(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            await asyncio.to_thread(self.flush)
