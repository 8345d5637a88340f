"""Snapshots that were stored before the centre's time was known: which, and what follows for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

FUTURE_MS = 300_000
"""A stamp further ahead than this came from a centre whose own clock was wrong."""
PROCESS = "process-"
"""A boot's name begins so where the system has none for it; then it is of one process of the agent alone."""
UNCHANGED_MS = 1_000
RUNNING_MS = 86_400_000
"""A clock further off than this may have no battery, and begin at the same time with each boot."""


class EarlierBoot(NamedTuple):
    """A run of the machine that never met the centre; all in milliseconds of its own monotonic clock.

    `wall_less_monotonic` is as of its last snapshot, so a wall clock set in between does not tear it apart.
    """

    boot: str
    first: int
    last: int
    wall_less_monotonic: int


class ThisBoot(NamedTuple):
    """All in milliseconds. `wall_less_monotonic` as at the start; by `error` the wall clock was ahead then."""

    boot: str
    started: int
    wall_less_monotonic: int
    error: int

    @property
    def offset(self) -> int:
        """The centre's time less the monotonic clock."""
        return self.wall_less_monotonic - self.error

    def is_that_of(self, earlier: EarlierBoot) -> bool:
        """Another process had that name, in this very run of the machine.

        Two boots have two beginnings, and a clock that is about right has run through both.
        """
        return (
            self.boot.startswith(PROCESS)
            and earlier.boot.startswith(PROCESS)
            and earlier.last <= self.started
            and abs(earlier.wall_less_monotonic - self.wall_less_monotonic) <= UNCHANGED_MS
            and abs(self.error) <= RUNNING_MS
        )


def shifts(earlier: Sequence[EarlierBoot], this: ThisBoot, known: int) -> Iterator[tuple[str, int]]:
    """Boot, and what makes the centre's time of its monotonic clock, for those of which that is certain.

    They lie after `known`. Where the system has no name for its boots, only a monotonic clock that went back tells
    another one from a wall clock that was set.
    """
    first_since = this.started
    for each in reversed(earlier):
        if this.is_that_of(each):
            shift, is_certain = this.offset, True
        else:
            shift = each.wall_less_monotonic - this.error
            is_certain = each.last + shift < this.offset and (
                not each.boot.startswith(PROCESS) or first_since < each.last
            )
        if is_certain and known < each.first + shift:
            yield each.boot, shift
        first_since = min(first_since, each.first)


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
