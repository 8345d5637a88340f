"""What the centre has confirmed stays a while, in case its store loses it, and is brought again then.

A store that answered may still lose its last seconds when the power goes: Prometheus syncs its log to the disk by the
segment, and the kernel writes the rest down after some 30 s. With its answer the centre tells since when the store has
been running; another time means that it began anew, and all that is kept here waits again. The store takes what it
already had for the same samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

SCHEMA = "CREATE TABLE IF NOT EXISTS confirmed(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL)"
"""Beside `snapshot`; an agent that does not know of it sends those once more."""
WAITING = "CREATE TEMP VIEW waiting AS SELECT * FROM snapshot WHERE id NOT IN (SELECT id FROM confirmed)"
"""The snapshots that the centre has not confirmed, for this connection."""
KEPT_MS = 120_000
"""Three times as long as Linux takes to write a file down by itself (dirty_expire_centisecs, 30 s, and 10 s more)."""
STORE_SINCE = "store_since"


def prepare(database: sqlite3.Connection) -> None:
    """Make table and view, and forget what was removed by an agent that did not know of them."""
    database.execute(SCHEMA)
    database.execute(WAITING)
    with database:
        database.execute("DELETE FROM confirmed WHERE id NOT IN (SELECT id FROM snapshot)")


def confirm(database: sqlite3.Connection, ids: Sequence[int], store_since: str, at_ms: int) -> int:
    """Note that a store that runs since `store_since` has these. How many wait again: another store had them."""
    row = database.execute("SELECT value FROM meta WHERE key = ?", (STORE_SINCE,)).fetchone()
    again = 0
    if row is None or row[0] != store_since:
        again = database.execute("DELETE FROM confirmed").rowcount
        database.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (STORE_SINCE, store_since))
    database.executemany(
        "INSERT OR REPLACE INTO confirmed SELECT id, ? FROM snapshot WHERE id = ?", ((at_ms, number) for number in ids)
    )
    return again


def safe(database: sqlite3.Connection, now_ms: int) -> list[int]:
    """Ids of what has been in the store for so long that it is on its disk. Only where the store has just answered."""
    return _ids(database, "WHERE abs(at_ms - ?) > ?", now_ms, KEPT_MS)


def past(database: sqlite3.Connection, before_ms: int) -> list[int]:
    """Ids of what no store would take again."""
    return _ids(database, "WHERE at_ms < ?", before_ms)


def every(database: sqlite3.Connection) -> list[int]:
    """Ids of all that is kept although the centre has it."""
    return _ids(database, "")


def waiting(database: sqlite3.Connection) -> tuple[int, int | None]:
    """How many snapshots wait, and the time of the oldest one."""
    (number,) = database.execute("SELECT (SELECT count(*) FROM snapshot) - (SELECT count(*) FROM confirmed)").fetchone()
    oldest = database.execute(
        "SELECT timestamp_ms FROM waiting WHERE timestamp_ms NOTNULL ORDER BY timestamp_ms LIMIT 1"
    ).fetchone()
    return number, None if oldest is None else oldest[0]


def _ids(database: sqlite3.Connection, where: str, *parameters: int) -> list[int]:
    rows = database.execute(f"SELECT id FROM confirmed {where} ORDER BY id", parameters)  # noqa: S608 - from above
    return [number for (number,) in rows]
