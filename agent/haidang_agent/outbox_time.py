"""Snapshots that were stored before the centre's time was known: which, and what follows for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3

FUTURE_MS = 300_000
"""A stamp further ahead than this came from a centre whose own clock was wrong."""


class EarlierBoot(NamedTuple):
    """A run of the machine that never met the centre; all in milliseconds of its own monotonic clock.

    `wall_less_monotonic` is as of its last snapshot, so a wall clock set in between does not tear it apart.
    """

    boot: str
    first: int
    last: int
    wall_less_monotonic: int


def earlier_boots(database: sqlite3.Connection, boot: str) -> list[EarlierBoot]:
    """Boots before `boot` with snapshots that have no time, the earliest first."""
    rows = database.execute(
        "SELECT boot, min(monotonic_ms), max(monotonic_ms), max(id) FROM snapshot"
        " WHERE timestamp_ms ISNULL AND boot <> ? GROUP BY boot ORDER BY min(id)",
        (boot,),
    ).fetchall()
    relation = "SELECT wall_ms - monotonic_ms FROM snapshot WHERE id = ?"
    return [
        EarlierBoot(name, first, last, database.execute(relation, (number,)).fetchone()[0])
        for name, first, last, number in rows
    ]


def wall_at_start(database: sqlite3.Connection, boot: str) -> int | None:
    """Wall clock less monotonic clock (ms) at this boot's first snapshot without a time; None without any."""
    row = database.execute(
        "SELECT wall_ms - monotonic_ms FROM snapshot WHERE timestamp_ms ISNULL AND boot = ? ORDER BY id LIMIT 1",
        (boot,),
    ).fetchone()
    return None if row is None else int(row[0])


def in_the_future(database: sqlite3.Connection, now_ms: int) -> list[int]:
    """Ids of snapshots that wait with a time that cannot be."""
    rows = database.execute("SELECT id FROM waiting WHERE timestamp_ms > ?", (now_ms + FUTURE_MS,))
    return [number for (number,) in rows]
