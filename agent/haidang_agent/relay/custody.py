"""What a relay keeps of others until the centre has it: frames that it can neither change nor sign, on its disk."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import threading
import time
from collections import Counter, OrderedDict
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent import outbox_file
from haidang_agent.outbox import OutboxError
from haidang_agent.outbox_confirmed import KEPT_MS
from haidang_agent.outbox_connection import UNIT

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from haidang_agent.relay.frame import Label

log = logging.getLogger(__name__)

FILE = "relay.db"
"""In the state folder."""
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE counted(outcome TEXT PRIMARY KEY, frames INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE frame(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    newest_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    size INTEGER NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL
);
CREATE INDEX frame_agent ON frame(agent, newest_ms);
CREATE INDEX frame_newest ON frame(newest_ms);
INSERT INTO sqlite_sequence VALUES ('frame', abs(random()) >> 16);
"""
"""Numbers begin anywhere: one that was read from a file set aside since means nothing in this one."""
TOLD = """
CREATE TABLE IF NOT EXISTS told(id INTEGER, outcome TEXT, PRIMARY KEY(id, outcome)) WITHOUT ROWID;
DELETE FROM told WHERE id NOT IN (SELECT id FROM frame);
"""
"""What was counted of a frame that is still kept, so that one that is handed over once more counts once. An older agent
removes frames alone."""
META = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""
"""For which unit's agents this is kept, as the outbox has it; an older agent notes nothing."""
CONFIRMED = """
CREATE TEMP TABLE confirmed(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL);
CREATE TEMP VIEW waiting AS SELECT * FROM frame WHERE id NOT IN (SELECT id FROM confirmed);
"""
"""Frames that the centre has, kept in case its store loses them (`outbox_confirmed`). A relay that is started anew does
not know of this, and hands them over once more."""
OVERHEAD_BYTES = 512
"""Counted for each frame beside its bytes, so that many small ones are bounded too."""
AGENT_PART, ADDRESS_PART = 8, 4
"""An agent's id may take an eighth of the room, an address a quarter: nobody can fill all of it for the others."""
FORWARDED = "forwarded"
MOST_SETTLED = 10_000
"""Frames that went are known so many long, so that whoever heard them pass cannot make the relay bring them again."""


class FullError(Exception):
    """There is no room; what is there stays. The text says whose part is used up."""


class Waiting(NamedTuple):
    """A frame that waits, with what it says of itself."""

    number: int
    agent: str
    newest_ms: int
    samples: int
    body: bytes


@dataclass(frozen=True, slots=True)
class CustodyStats:
    """`frames` wait, `bytes` is all that is kept.

    `counted`: frames that went, by what became of them: `forwarded`, and why the centre refused them or a part.
    """

    frames: int
    bytes: int
    oldest_timestamp: float | None
    counted: Mapping[str, int]


class Custody:
    """Thread-safe. Raises OutboxError where the disk refuses. A file found corrupt is set aside.

    So is one of another unit than `unit`, where that is given: only that unit's relay can hand it over.
    """

    def __init__(self, path: Path, max_bytes: int, unit: str = "") -> None:
        self.max_bytes = max_bytes
        self.unit = unit
        self._path = path
        self._lock = threading.RLock()
        self._database: sqlite3.Connection | None = None
        self._file: outbox_file.Identity | None = None
        self._agents: Counter[str] = Counter()
        self._addresses: Counter[str] = Counter()
        self._settled: OrderedDict[bytes, None] = OrderedDict()
        self._store_since = ""

    def take(self, frame: bytes, label: Label, address: str) -> None:
        """On the disk when this returns, or with the centre; there once however often it comes.

        Raises FullError, OutboxError.
        """
        digest, size = hashlib.sha256(frame).digest(), len(frame) + OVERHEAD_BYTES
        with self._lock:
            if digest in self._settled:
                return
            with self._transaction() as database:
                if database.execute("SELECT 1 FROM frame WHERE digest = ?", (digest,)).fetchone():
                    return
            self._make_room(label.agent, address, size)
            with self._transaction() as database:
                database.execute(
                    "INSERT INTO frame(agent, address, newest_ms, samples, size, digest, body) VALUES (?,?,?,?,?,?,?)",
                    (label.agent, address, label.newest_ms, label.samples, size, digest, frame),
                )
            self._agents[label.agent] += size
            self._addresses[address] += size

    def newest(self, after: Mapping[str, int], without: Collection[str] = ()) -> list[int]:
        """The newest frame of each agent but `without`, unless one as new as `after` has gone; the newest first."""
        with self._transaction() as database:
            found = database.execute("SELECT agent, max(newest_ms), id FROM waiting GROUP BY agent").fetchall()
        found.sort(key=lambda row: -row[1])
        return [number for agent, newest, number in found if newest > after.get(agent, -1) and agent not in without]

    def oldest(self, without: Collection[str] = ()) -> int | None:
        """Of all agents but these; None where there is none."""
        marks = ",".join("?" * len(without))
        with self._transaction() as database:
            row = database.execute(
                f"SELECT id FROM waiting WHERE agent NOT IN ({marks}) ORDER BY newest_ms, id LIMIT 1",  # noqa: S608 - marks
                tuple(without),
            ).fetchone()
        return None if row is None else int(row[0])

    def read(self, number: int) -> Waiting | None:
        """None where it has gone."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT id, agent, newest_ms, samples, body FROM frame WHERE id = ?", (number,)
            ).fetchone()
        return None if row is None else Waiting(*row)

    def settle(self, number: int, *outcomes: str) -> None:
        """The centre has it, or refused it or a part of it for ever; counted in the same transaction."""
        self.settle_all([number], *outcomes)

    def settle_all(self, numbers: Collection[int], *outcomes: str) -> int:
        """As `settle`, of each of these. How many were there."""
        gone: list[tuple[str, str, int, bytes]] = []
        with self._lock:
            with self._transaction() as database:
                for number in numbers:
                    row = database.execute(
                        "DELETE FROM frame WHERE id = ? RETURNING agent, address, size, digest", (number,)
                    ).fetchone()
                    if row is None:
                        continue
                    gone.append(row)
                    database.execute("DELETE FROM confirmed WHERE id = ?", (number,))
                    _count(database, number, outcomes)
                    database.execute("DELETE FROM told WHERE id = ?", (number,))
            for agent, address, size, digest in gone:
                self._settled[digest] = None
                if len(self._settled) > MOST_SETTLED:
                    self._settled.popitem(last=False)
                for used, who in ((self._agents, agent), (self._addresses, address)):
                    used[who] -= size
                    if not used[who]:
                        del used[who]
        return len(gone)

    def confirm(self, number: int, store_since: str, *outcomes: str) -> int:
        """As `settle`, but a store that runs since `store_since` has it: it is kept for two minutes more.

        How many wait again, because a store had them that has begun anew since.
        """
        now_ms = int(time.monotonic() * 1000)
        with self._lock:
            with self._transaction() as database:
                began_anew = store_since != self._store_since
                again = database.execute("DELETE FROM confirmed").rowcount if began_anew else 0
                added = "INSERT OR IGNORE INTO confirmed SELECT id, ? FROM frame WHERE id = ?"
                if database.execute(added, (now_ms, number)).rowcount:
                    _count(database, number, outcomes)
                safe = database.execute("SELECT id FROM confirmed WHERE at_ms < ?", (now_ms - KEPT_MS,)).fetchall()
            self._store_since = store_since
            for (each,) in safe:
                self.settle(each)
        return again

    def confirmed(self) -> int | None:
        """The smallest of what is kept although the centre has it; None without any."""
        with self._transaction() as database:
            row = database.execute(
                "SELECT id FROM confirmed JOIN frame USING (id) ORDER BY size, id LIMIT 1"
            ).fetchone()
        return None if row is None else int(row[0])

    def stats(self) -> CustodyStats:
        with self._transaction() as database:
            frames, oldest = database.execute("SELECT count(*), min(newest_ms) FROM waiting").fetchone()
            counted = dict(database.execute("SELECT outcome, frames FROM counted"))
            used = self._agents.total()
        return CustodyStats(frames, used, None if oldest is None else oldest / 1000, counted)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """For what else is noted in this file (`carried`). Raises OutboxError."""
        return self._transaction()

    def close(self) -> None:
        with self._lock:
            self._settled.clear()
            if self._database is not None:
                self._database.close()
                self._database = None

    def _make_room(self, agent: str, address: str, size: int) -> None:
        """What the centre has gives way first. Raises FullError, OutboxError."""
        try:
            self._check_room(agent, address, size)
        except FullError:
            with self._transaction() as database:
                confirmed = database.execute("SELECT id FROM confirmed").fetchall()
            if not confirmed:
                raise
            for (each,) in confirmed:
                self.settle(each)
            self._check_room(agent, address, size)

    def _check_room(self, agent: str, address: str, size: int) -> None:
        if self._agents.total() + size > self.max_bytes:
            raise FullError("the relay's custody is full")
        if self._agents[agent] + size > self.max_bytes // AGENT_PART:
            raise FullError("this agent's part of the relay's custody is full")
        if self._addresses[address] + size > self.max_bytes // ADDRESS_PART:
            raise FullError("this address's part of the relay's custody is full")

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._database is not None and outbox_file.identity(self._path) != self._file:
                    log.error("%s was removed or replaced under the running agent", self._path)
                    self.close()
                if self._database is None:
                    self._open()
                with self._database as database:  # type: ignore[union-attr]  # just opened
                    yield database
            except sqlite3.DatabaseError as broken:
                self.close()
                if outbox_file.is_corrupt(broken):
                    self._set_aside(broken)
                raise OutboxError(f"{self._path}: {broken}; is there space on this disk?") from broken
            except OSError as refused:  # by the file system, as where it has become read-only
                raise OutboxError(f"{self._path}: {refused}") from refused

    def _set_aside(self, broken: sqlite3.DatabaseError) -> None:
        try:
            outbox_file.set_aside(self._path, broken)
        except OSError as refused:
            raise OutboxError(f"{self._path}: {broken}; it cannot be set aside: {refused}") from refused

    def _open(self) -> None:
        database = self._connect()
        try:
            unit = outbox_file.word(database, UNIT)
            if self.unit and unit not in (None, self.unit):
                database.close()
                outbox_file.set_aside_of_unit(self._path, str(unit))
                database = self._connect()
                unit = None
            if self.unit and unit is None:
                with database:
                    outbox_file.put(database, UNIT, self.unit)
            self._agents, self._addresses = Counter(), Counter()
            for agent, address, size in database.execute(
                "SELECT agent, address, sum(size) FROM frame GROUP BY agent, address"
            ):
                self._agents[agent] += size
                self._addresses[address] += size
        except (sqlite3.Error, OSError):
            database.close()
            raise
        self._database, self._file = database, outbox_file.identity(self._path)

    def _connect(self) -> sqlite3.Connection:
        outbox_file.begin(self._path)
        database = sqlite3.connect(self._path, timeout=outbox_file.BUSY_SECONDS, check_same_thread=False)
        try:
            self._path.chmod(0o600)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("PRAGMA journal_size_limit=4194304")
            database.execute("PRAGMA cache_size=-512")
            if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                database.executescript(f"BEGIN;{SCHEMA};PRAGMA user_version={SCHEMA_VERSION};COMMIT")
            database.executescript(TOLD + META + CONFIRMED)
        except (sqlite3.Error, OSError):
            database.close()
            raise
        return database


def _count(database: sqlite3.Connection, number: int, outcomes: Collection[str]) -> None:
    """Each outcome of a frame once."""
    for outcome in outcomes:
        if database.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (number, outcome)).rowcount:
            database.execute(
                "INSERT INTO counted VALUES (?, 1) ON CONFLICT(outcome) DO UPDATE SET frames = frames + 1", (outcome,)
            )
