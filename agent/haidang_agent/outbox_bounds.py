"""Which snapshots have to go when the outbox grows too old or too large."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

DAY_MS = 86_400_000
THINNING = ((7 * DAY_MS, 300_000), (DAY_MS, 60_000))
"""(older than, one snapshot kept in so many milliseconds)."""


def too_old(database: sqlite3.Connection, before_ms: int) -> list[int]:
    """Ids of all that wait and were taken before that time."""
    return _ids(database.execute("SELECT id FROM waiting WHERE timestamp_ms < ? ORDER BY id", (before_ms,)))


def thinnable(database: sqlite3.Connection, newest_ms: int) -> list[int]:
    """Ids of what `THINNING` can spare; a snapshot that ends a series is not among them."""
    found: set[int] = set()
    for older_than, keep_one_in in THINNING:
        found.update(
            _ids(
                database.execute(
                    "SELECT id FROM snapshot WHERE timestamp_ms < :before AND NOT stale AND id NOT IN"
                    " (SELECT min(id) FROM snapshot WHERE timestamp_ms < :before GROUP BY timestamp_ms / :step)",
                    {"before": newest_ms - older_than, "step": keep_one_in},
                )
            )
        )
    return sorted(found)


def oldest(database: sqlite3.Connection) -> list[int]:
    """Ids of the oldest twentieth, so that the next time is some way off; empty only where nothing is left."""
    return _ids(database.execute("SELECT id FROM snapshot ORDER BY id LIMIT (SELECT count(*) / 20 + 1 FROM snapshot)"))


def _ids(rows: sqlite3.Cursor) -> list[int]:
    return [number for (number,) in rows]
