"""The outbox's connection to its file, and whose measurements are in it.

What waits in it, and when it goes, is `outbox`'s.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from haidang_agent import outbox_confirmed, outbox_file
from haidang_agent.kept_file import UNIT, KeptFile
from haidang_agent.outbox_layouts import Layouts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

AGENT = "agent"
"""In `meta`, beside the unit: whose measurements these are."""


class OutboxConnection(KeptFile):
    """`layouts` are of the file that is open."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__(path)
        self.layouts = Layouts()
        self.rows_at_once = outbox_file.rows_at_once(max_bytes)
        self._max_bytes = max_bytes
        self._agent: str | None = None

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """As `transaction`; all that is read in it is of one instant, whatever another process writes."""
        with self.transaction() as database:
            if not database.in_transaction:
                database.execute("BEGIN")
            yield database

    def belong_to(self, agent: str, unit: str) -> None:
        """From now on a file of another unit is set aside, and what is confirmed of another agent is let go."""
        with self.lock:
            self._agent, self.unit = agent, unit
            self.close()
            with self.transaction():
                """What is to be done is done when the file is opened: now, or else as soon as it can be."""

    def connect(self) -> sqlite3.Connection:
        self.layouts.clear()
        return outbox_file.open_or_set_aside(self.path, self._max_bytes)

    def take_over(self, database: sqlite3.Connection) -> None:
        if self._agent is None:
            return
        agent, unit = outbox_file.word(database, AGENT), outbox_file.word(database, UNIT)
        if agent not in (None, self._agent):
            confirmed = outbox_confirmed.every(database)
            for start in range(0, len(confirmed), self.rows_at_once):
                with database:
                    outbox_file.remove(database, confirmed[start : start + self.rows_at_once])
        if (agent, unit) != (self._agent, self.unit):
            with database:
                outbox_file.put(database, AGENT, self._agent)
                outbox_file.put(database, UNIT, self.unit)
