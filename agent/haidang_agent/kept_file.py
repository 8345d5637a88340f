"""An agent's SQLite file of a unit: opened when needed, and begun anew where it is broken, gone or another unit's."""

from __future__ import annotations

import logging
import sqlite3
import threading
from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING

from haidang_agent import outbox_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

log = logging.getLogger(__name__)

UNIT = "unit"
"""In `meta`: whose this file is."""


class OutboxError(OSError):
    """The file could not be read or written now (disk full, failing, file corrupt). A later try may succeed."""


class KeptFile(ABC):
    """Thread-safe by `lock`, which may be held over several transactions. Raises OutboxError.

    A file found corrupt is set aside, and the next transaction begins a new one.
    """

    def __init__(self, path: Path, unit: str = "") -> None:
        """An empty `unit` is one that is not known: any file will do."""
        self.path = path
        self.unit = unit
        self.lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._file: outbox_file.Identity | None = None

    @abstractmethod
    def connect(self) -> sqlite3.Connection:
        """The file, made where it is missing. Raises sqlite3.Error, OSError."""

    @abstractmethod
    def take_over(self, database: sqlite3.Connection) -> None:
        """What is to be done with a file just opened, which is this unit's or nobody's yet."""

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All that is written within is on the disk after it, or none. One within another commits what came before."""
        with self.lock:
            try:
                if self._database is not None and outbox_file.identity(self.path) != self._file:
                    log.error("%s was removed or replaced under the running agent", self.path)
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

    def is_of_another(self, database: sqlite3.Connection) -> str:
        """The unit that it is of, where that is not this machine's; else empty."""
        unit = outbox_file.word(database, UNIT) or ""
        return unit if self.unit and unit != self.unit else ""

    def close(self) -> None:
        """The next transaction opens it again."""
        with self.lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    def _open(self) -> sqlite3.Connection:
        """The file is looked at before anything else is done with it: whose it is."""
        try:
            database = self._connected()
            if other := self.is_of_another(database):
                self.close()
                outbox_file.set_aside_of_unit(self.path, other)
                database = self._connected()
            self.take_over(database)
        except BaseException:
            self.close()
            raise
        return database

    def _connected(self) -> sqlite3.Connection:
        self._database = self.connect()
        self._file = outbox_file.identity(self.path)
        return self._database

    def _set_aside(self, broken: sqlite3.DatabaseError) -> None:
        try:
            outbox_file.set_aside(self.path, broken)
        except OSError as refused:
            raise OutboxError(f"{self.path}: {broken}; it cannot be set aside: {refused}") from refused
