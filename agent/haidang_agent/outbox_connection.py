"""The outbox's connection to its file: opened when needed, and begun anew where the file is broken, gone or another's.

What waits in it, and when it goes, is `outbox`'s.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent import outbox_confirmed, outbox_file
from haidang_agent.outbox_layouts import Layouts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

AGENT, UNIT = "agent", "unit"
"""In `meta`: whose measurements these are."""


class OutboxError(OSError):
    """The file could not be read or written now (disk full, failing, file corrupt). A later try may succeed."""


class _Owner(NamedTuple):
    agent: str
    unit: str


class OutboxConnection:
    """Thread-safe by `lock`, which may be held over several transactions. Raises OutboxError.

    A file found corrupt is set aside, and the next transaction begins a new one.
    """

    def __init__(self, path: Path, max_bytes: int) -> None:
        self.path = path
        self.lock = threading.RLock()
        self.layouts = Layouts()
        """Of the file that is open."""
        self.rows_at_once = outbox_file.rows_at_once(max_bytes)
        self._max_bytes = max_bytes
        self._database: sqlite3.Connection | None = None
        self._file: outbox_file.Identity | None = None
        self._owner: _Owner | None = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written within is on the disk after it, or none. One within another commits what came before."""
        with self.lock:
            try:
                if self._database is not None and outbox_file.identity(self.path) != self._file:
                    log.error("outbox %s was removed or replaced under the running agent", self.path)
                    self.close()
                with self._database or self._open() as database:
                    yield database
            except sqlite3.DatabaseError as broken:
                corrupt = outbox_file.is_corrupt(broken)
                if not corrupt and not isinstance(broken, sqlite3.OperationalError):
                    raise
                self.close()
                if corrupt:
                    self._set_aside(broken)
                raise OutboxError(f"{self.path}: {broken}; is there space on this disk?") from broken
            except OutboxError:
                raise
            except OSError as refused:  # by the file system, as where another program holds the file
                raise OutboxError(f"{self.path}: {refused}") from refused

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
            self._owner = _Owner(agent, unit)
            self.close()
            with self.transaction():
                """What is to be done is done when the file is opened: now, or else as soon as it can be."""

    def is_of_another(self, database: sqlite3.Connection) -> str:
        """The unit that it is of, where that is not this machine's; else empty."""
        mine, unit = self._owner.unit if self._owner is not None else "", outbox_file.word(database, UNIT) or ""
        return unit if mine and unit != mine else ""

    def close(self) -> None:
        """The next transaction opens it again."""
        with self.lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _open(self) -> sqlite3.Connection:
        """The file is looked at before anything else is done with it: whose it is."""
        try:
            database = self._connect()
            if other := self.is_of_another(database):
                self.close()
                outbox_file.set_aside_of_unit(self.path, other)
                database = self._connect()
            if self._owner is not None:
                self._take_over(database, self._owner)
        except BaseException:
            self.close()
            raise
        return database

    def _connect(self) -> sqlite3.Connection:
        self.layouts.clear()
        self._database = outbox_file.open_or_set_aside(self.path, self._max_bytes)
        self._file = outbox_file.identity(self.path)
        return self._database

    def _take_over(self, database: sqlite3.Connection, owner: _Owner) -> None:
        agent, unit = outbox_file.word(database, AGENT), outbox_file.word(database, UNIT)
        if agent not in (None, owner.agent):
            confirmed = outbox_confirmed.every(database)
            for start in range(0, len(confirmed), self.rows_at_once):
                with database:
                    outbox_file.remove(database, confirmed[start : start + self.rows_at_once])
        if (agent, unit) != owner:
            with database:
                outbox_file.put(database, AGENT, owner.agent)
                outbox_file.put(database, UNIT, owner.unit)

    def _set_aside(self, broken: sqlite3.DatabaseError) -> None:
        try:
            outbox_file.set_aside(self.path, broken)
        except OSError as refused:
            raise OutboxError(f"{self.path}: {broken}; it cannot be set aside: {refused}") from refused
