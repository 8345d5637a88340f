"""The outbox's file: opened, found broken and set aside, measured."""

from __future__ import annotations

import json
import logging
import os
import sqlite3
import zlib
from array import array
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from haidang_agent import outbox_confirmed

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE total(key TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID;
CREATE TABLE layout(id INTEGER PRIMARY KEY, packed BLOB NOT NULL UNIQUE);
CREATE TABLE snapshot(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    timestamp_ms INTEGER,
    boot TEXT NOT NULL,
    monotonic_ms INTEGER NOT NULL,
    wall_ms INTEGER NOT NULL,
    layout INTEGER NOT NULL,
    stale INTEGER NOT NULL,
    packed BLOB NOT NULL
);
CREATE INDEX snapshot_timestamp ON snapshot(timestamp_ms);
INSERT INTO sqlite_sequence VALUES ('snapshot', abs(random()) >> 16);
"""
"""Ids begin anywhere, so that what was read from a file set aside since can't be mistaken for what is in this one."""
CHECKED_BYTES = 32 << 20
"""A larger file is not read through at the start; what is broken in it shows when it is met."""
BUSY_SECONDS = 5.0
MEMORY = "memory:"
"""Beginning of the keys under which `meta` has what probes remember."""


Identity = tuple[int, int]
"""Device and inode: a file of the same name may be another one."""


def identity(path: Path) -> Identity | None:
    """None where there is no such file."""
    try:
        status = os.stat(path)  # noqa: PTH116 - with each transaction
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def open_or_set_aside(path: Path, max_bytes: int) -> sqlite3.Connection:
    """The database at `path`, made where it is missing; one that is no sound outbox is renamed, and a new one begun."""
    try:
        return _open(path, max_bytes)
    except sqlite3.DatabaseError as broken:
        if not is_corrupt(broken):
            raise
        set_aside(path, broken)
        return _open(path, max_bytes)


def begin(path: Path) -> None:
    """Where root is the first to write here, the file is the folder's owner's: the agent may run as that user.

    SQLite gives its journals to the owner of the file. One that is there already is left as it is, for in its place
    that user could have put a link. Raises OSError.
    """
    if os.name != "posix" or os.geteuid() != 0:
        return
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return
    try:
        folder_is = path.parent.stat()
        os.fchown(handle, folder_is.st_uid, folder_is.st_gid)
    finally:
        os.close(handle)


def set_aside(path: Path, why: Exception) -> None:
    """Rename the file and its journals to `NAME.corrupt-<UTC>`; never deletes."""
    aside = _rename(path, "corrupt")
    log.error("outbox %s cannot be read (%s); set aside as %s, going on with an empty one", path, why, aside)


def set_aside_of_unit(path: Path, unit: str) -> None:
    """Rename the file and its journals to `NAME.unit-<UTC>`; never deletes."""
    aside = _rename(path, "unit")
    log.warning(
        "outbox %s holds measurements of unit %s; they are kept as %s, going on with an empty one", path, unit, aside
    )


def _rename(path: Path, mark: str) -> str:
    aside = path.with_name(f"{path.name}.{mark}-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}")
    for ending in ("", "-wal", "-shm"):
        journal = path.with_name(path.name + ending)
        if journal.exists():
            journal.rename(aside.with_name(aside.name + ending))
    return aside.name


def is_corrupt(error: sqlite3.DatabaseError) -> bool:
    """The bytes are no outbox (any more)."""
    return _name(error).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "HAIDANG_UNREADABLE"))


@contextmanager
def readable() -> Iterator[None]:
    """Rows that SQLite gives out but that hold no snapshot make the file a corrupt one too."""
    try:
        yield
    except (zlib.error, ValueError, TypeError) as garbled:
        raise unreadable(f"a row of it is garbled ({garbled})") from garbled


def unpack(packed: bytes, width: int) -> array[float]:
    """The values of a snapshot of `width` series, within `readable`."""
    values = array("d", zlib.decompress(packed))
    if len(values) != width:
        raise ValueError(f"{len(values)} values for {width} series")
    return values


def write_memory(database: sqlite3.Connection, memory: Mapping[str, Any]) -> None:
    """What probes are to remember; keys that are not among it stay as they are, and what is the same costs no write."""
    rows = [(MEMORY + key, json.dumps(value)) for key, value in memory.items()]
    database.executemany(
        "INSERT INTO meta VALUES (?, ?)"
        " ON CONFLICT(key) DO UPDATE SET value = excluded.value WHERE value != excluded.value",
        rows,
    )


def read_memory(database: sqlite3.Connection) -> dict[str, Any]:
    rows = database.execute("SELECT key, value FROM meta WHERE key GLOB ?", (MEMORY + "*",)).fetchall()
    return {key.removeprefix(MEMORY): json.loads(value) for key, value in rows}


def look_into_memory(path: Path) -> dict[str, Any]:
    """As `read_memory`, of the file of an agent that may be running. Raises sqlite3.Error where there is none."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)) as database:
        return read_memory(database)


@contextmanager
def alone(path: Path) -> Iterator[sqlite3.Connection]:
    """To read the file while nobody else has it open: SQLite then needs no room on the disk. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=BUSY_SECONDS)) as database:
        database.execute("PRAGMA locking_mode=EXCLUSIVE")
        yield database


def put(database: sqlite3.Connection, key: str, value: str | int) -> None:
    """Write a word of `meta`."""
    database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def word(database: sqlite3.Connection, key: str) -> str | None:
    """A word of `meta`; None where there is none."""
    row = database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row[0])


def number(database: sqlite3.Connection, key: str) -> int:
    """A number of `meta`; 0 where there is none."""
    row = database.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return 0 if row is None else int(row[0])


def add(database: sqlite3.Connection, key: str, more: int) -> None:
    """Count on in `meta`."""
    put(database, key, number(database, key) + more)


def remove(database: sqlite3.Connection, ids: Sequence[int]) -> int:
    """Delete snapshots, confirmed ones too; how many there were. No more than `rows_at_once` in one transaction."""
    rows = [(number,) for number in ids]
    database.executemany("DELETE FROM confirmed WHERE id = ?", rows)
    return database.executemany("DELETE FROM snapshot WHERE id = ?", rows).rowcount


def used_bytes(database: sqlite3.Connection) -> int:
    """Bytes of pages in use; free pages within the file are used again before it grows."""
    (pages,) = database.execute("PRAGMA page_count").fetchone()
    (free,) = database.execute("PRAGMA freelist_count").fetchone()
    (size,) = database.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)


def data_limit(max_bytes: int) -> int:
    """What the tables may take, so that with the write-ahead log the whole stays within `max_bytes`."""
    return max_bytes * 7 // 8


def rows_at_once(max_bytes: int) -> int:
    """How many snapshots one transaction may change: each costs some pages of the write-ahead log."""
    return max(1, max_bytes // 32 // 8192)


def _open(path: Path, max_bytes: int) -> sqlite3.Connection:
    begin(path)
    database = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False)
    try:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=FULL")
        database.execute(f"PRAGMA journal_size_limit={max_bytes // 32}")
        database.execute("PRAGMA wal_autocheckpoint=64")
        database.execute("PRAGMA cache_size=-512")
        (version,) = database.execute("PRAGMA user_version").fetchone()
        if version == 0 and not database.execute("SELECT 1 FROM sqlite_master").fetchone():
            database.executescript(f"BEGIN;{SCHEMA};PRAGMA user_version={SCHEMA_VERSION};COMMIT")
        elif version != SCHEMA_VERSION:
            raise unreadable(f"its schema is {version}, known is {SCHEMA_VERSION}")
        elif path.stat().st_size <= CHECKED_BYTES:
            (verdict,) = database.execute("PRAGMA quick_check(1)").fetchone()
            if verdict != "ok":
                raise unreadable(verdict)
        database.execute("SELECT * FROM snapshot LIMIT 1").fetchone()
        outbox_confirmed.prepare(database)
    except BaseException:
        database.close()
        raise
    path.chmod(0o600)
    return database


def unreadable(text: str) -> sqlite3.DatabaseError:
    """What SQLite itself takes for sound, but is no outbox; `is_corrupt` says so too."""
    error = sqlite3.DatabaseError(text)
    error.sqlite_errorname = "HAIDANG_UNREADABLE"
    return error


def _name(error: sqlite3.DatabaseError) -> str:
    return getattr(error, "sqlite_errorname", "") or ""
