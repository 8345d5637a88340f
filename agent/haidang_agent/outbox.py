"""The outbox: the only durable queue. A snapshot is in it before anything is sent, and leaves it when it is settled.

SQLite in WAL mode with `synchronous=FULL`: what `append` has acknowledged survives a `kill -9` and a power cut.
Label sets are stored once a layout, values compressed once a snapshot (docs/decisions/0003).
"""

from __future__ import annotations

import logging
import sqlite3
import time
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from haidang_agent import outbox_bounds, outbox_confirmed, outbox_file, outbox_time
from haidang_agent.kept_file import OutboxError
from haidang_agent.outbox_connection import OutboxConnection
from haidang_agent.snapshot import STALE_BITS, Layout, Snapshot

if TYPE_CHECKING:
    from array import array
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from haidang_agent.stamp import Stamp

__all__ = ["Batch", "Lost", "Outbox", "OutboxError", "OutboxStats", "Recalled"]

log = logging.getLogger(__name__)

Lost = Literal["size", "age", "thinned", "refused", "clock"]
"""Why a snapshot was never stored at the centre."""

AGE_CHECK_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class OutboxStats:
    """`snapshots` wait; `samples_total` and `snapshots_total` are all ever appended (without stale markers).

    `lost` counts snapshots.
    """

    snapshots: int
    bytes: int
    oldest_timestamp: float | None
    snapshots_total: int
    samples_total: int
    lost: Mapping[str, int]


class Batch(NamedTuple):
    """Snapshots of one layout in the order of time; row `i` of `values` was taken at `timestamps_ms[i]`."""

    ids: list[int]
    layout: Layout
    timestamps_ms: list[int]
    values: list[array[float]]


class Recalled(NamedTuple):
    """The probes' counters, what they are to remember, and the series that were shown last."""

    totals: dict[str, float]
    memory: dict[str, Any]
    last_layout: Layout


class Outbox:
    """Thread-safe. Raises OutboxError. A file found corrupt is set aside, and the next call begins a new one."""

    def __init__(self, path: Path, *, max_bytes: int = 256 << 20, max_age_seconds: float = 30 * 86400.0) -> None:
        self._connection = OutboxConnection(path, max_bytes)
        self._max_bytes = max_bytes
        self._max_age_ms = int(max_age_seconds * 1000)
        self._age_check_at = 0.0
        self._thin_above = 0
        self._known: tuple[str, int] | None = None

    def append(
        self, snapshot: Snapshot, stamp: Stamp, totals: Mapping[str, float], memory: Mapping[str, Any] | None = None
    ) -> bool:
        """Store the snapshot, the counters it shows and what probes are to remember, in one transaction.

        False where its time is not after that of the last one: it is left out and counted under `clock`.
        """
        with self._connection.lock:
            timed = self._timed(stamp)
            self._make_room(timed.timestamp_ms or 0)
            return self._append(snapshot, timed, totals, memory or {})

    def _timed(self, stamp: Stamp) -> Stamp:
        """The stamp may have been taken just before a `restamp`, with another time or none."""
        if self._known is None or stamp.boot != self._known[0]:
            return stamp
        return stamp._replace(timestamp_ms=stamp.monotonic_ms + self._known[1])

    def _append(self, snapshot: Snapshot, stamp: Stamp, totals: Mapping[str, float], memory: Mapping[str, Any]) -> bool:
        values = snapshot.values.tobytes()
        stale = _stale_markers(values)
        with self.transaction() as database:
            if stamp.timestamp_ms is not None and stamp.timestamp_ms <= outbox_file.number(
                database, "last_timestamp_ms"
            ):
                outbox_file.add(database, "lost:clock", 1)
                return False
            packed = zlib.compress(values, 1)
            database.execute(
                "INSERT INTO snapshot(timestamp_ms, boot, monotonic_ms, wall_ms, layout, stale, packed)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*stamp, self._connection.layouts.number_of(database, snapshot.layout), stale > 0, packed),
            )
            if stamp.timestamp_ms is not None:
                outbox_file.put(database, "last_timestamp_ms", stamp.timestamp_ms)
            outbox_file.add(database, "snapshots_total", 1)
            outbox_file.add(database, "samples_total", len(snapshot.values) - stale)
            database.executemany("INSERT OR REPLACE INTO total VALUES (?, ?)", totals.items())
            outbox_file.write_memory(database, memory)
        return True

    def memory(self) -> dict[str, Any]:
        """What probes are to remember, as of the last append."""
        with self.transaction() as database:
            return outbox_file.read_memory(database)

    def totals(self) -> dict[str, float]:
        """The probes' counters, as of the last append."""
        with self.transaction() as database:
            return dict(database.execute("SELECT key, value FROM total"))

    def recall(self) -> Recalled:
        """All that a new run needs of the one before, as of the last append; also with a disk that is full."""
        try:
            with self._connection.reading() as database:
                return self._recalled(database)
        except OutboxError:
            with self._connection.lock, suppress(sqlite3.Error), outbox_file.alone(self._connection.path) as database:
                return Recalled({}, {}, ()) if self._connection.is_of_another(database) else self._recalled(database)
            raise

    def _recalled(self, database: sqlite3.Connection) -> Recalled:
        totals = dict(database.execute("SELECT key, value FROM total"))
        return Recalled(totals, outbox_file.read_memory(database), self._connection.layouts.last(database))

    def newest(self) -> Batch | None:
        """The newest snapshot whose time is known."""
        return self._batch("SELECT * FROM waiting WHERE timestamp_ms NOTNULL ORDER BY timestamp_ms DESC LIMIT 1")

    def backlog(self, before_ms: int, after_ms: int, most_samples: int) -> Batch | None:
        """The oldest snapshots between the two times (exclusive), as many as share a layout.

        No more than `most_samples` of them together, but at least one snapshot.
        """
        return self._batch(
            "SELECT * FROM waiting WHERE timestamp_ms > ? AND timestamp_ms < ? ORDER BY timestamp_ms",
            after_ms, before_ms, most_samples=most_samples,
        )  # fmt: skip

    def settle(self, ids: Sequence[int], lost: Lost | None = None) -> None:
        """The centre has them, or refused them for ever (`lost`): they leave the outbox."""
        self._remove(ids, lost)

    def confirm(self, ids: Sequence[int], store_since: str, now_ms: int) -> int:
        """A store that runs since `store_since` has them: they wait no more, and are settled two minutes later.

        How many confirmed ones wait again, because they were confirmed of a store that has begun anew since.
        """
        with self._connection.lock:
            with self.transaction() as database:
                past = outbox_confirmed.past(database, now_ms - self._max_age_ms)
            self._remove(past, None)
            with self.transaction() as database:
                again = outbox_confirmed.confirm(database, ids, store_since, now_ms)
                safe = outbox_confirmed.safe(database, now_ms)
            self._remove(safe, None)
        return again

    def restamp(self, boot: str, now_ms: int, offset_ms: int, *, started_ms: int, wall_less_monotonic_ms: int) -> None:
        """Give snapshots without a time theirs, now that the centre's is known: `now_ms`, monotonic + `offset_ms`.

        This process began at `started_ms` of the monotonic clock, the wall clock ahead of that by
        `wall_less_monotonic_ms`.

        Those of this `boot` by the monotonic clock, whatever an earlier process called it; also those that a wrong
        centre had put into the future.
        Those of an earlier boot by what the wall clock said then, less the error it had when this boot began, if that
        lies after all that was known before and before this boot; otherwise the clock did not run on between the two,
        their time can't be known, and they are dropped and counted (`clock`).
        """
        with self._connection.lock:
            with self.transaction() as database:
                known = min(outbox_file.number(database, "last_timestamp_ms"), now_ms)
                started = outbox_time.wall_at_start(database, boot)
                earlier = outbox_time.earlier_boots(database, boot)
            wall = wall_less_monotonic_ms if started is None else started
            this = outbox_time.ThisBoot(boot, started_ms, wall, wall - offset_ms)
            self._give_time(boot, offset_ms, now_ms)
            for earlier_boot, shift_ms in outbox_time.shifts(earlier, this, known):
                self._give_time(earlier_boot, shift_ms, now_ms)
            with self.transaction() as database:
                lost = [row[0] for row in database.execute("SELECT id FROM snapshot WHERE timestamp_ms ISNULL")]
                lost += outbox_time.in_the_future(database, now_ms)
            self._remove(lost, "clock")
            with self.transaction() as database:
                newest = database.execute("SELECT max(timestamp_ms) FROM waiting").fetchone()[0]
                outbox_file.put(database, "last_timestamp_ms", max(known, newest or 0))
            self._known = (boot, offset_ms)

    def note(self, key: str, value: str | None = None) -> str | None:
        """A word kept beside the snapshots: read, or with `value` written first."""
        with self.transaction() as database:
            if value is not None:
                outbox_file.put(database, key, value)
            return outbox_file.word(database, key)

    def belong_to(self, agent: str, unit: str) -> None:
        """From now on nothing of another unit is read or written: its file is set aside, and a new one begun.

        What was stored before any unit was known is this one's.

        Of the same unit all goes on under a new id; only what a store has of the other agent, before this machine was
        enrolled anew, is not brought again in this one's name.
        """
        self._connection.belong_to(agent, unit)

    def stats(self) -> OutboxStats:
        with self.transaction() as database:
            snapshots, oldest = outbox_confirmed.waiting(database)
            lost = database.execute("SELECT substr(key, 6), value FROM meta WHERE key LIKE 'lost:%'")
            return OutboxStats(
                snapshots=snapshots,
                bytes=outbox_file.used_bytes(database),
                oldest_timestamp=None if oldest is None else oldest / 1000,
                snapshots_total=outbox_file.number(database, "snapshots_total"),
                samples_total=outbox_file.number(database, "samples_total"),
                lost={reason: int(number) for reason, number in lost},
            )

    def close(self) -> None:
        """The next call opens it again."""
        self._connection.close()

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """For what belongs to the outbox and lies in other modules."""
        return self._connection.transaction()

    def _batch(self, query: str, *parameters: int, most_samples: int = 0) -> Batch | None:
        batch: Batch | None = None
        with self._connection.reading() as database, outbox_file.readable():
            for number, timestamp_ms, _, _, _, layout, _, packed in database.execute(query, parameters):
                if batch is None:
                    first = layout
                    batch = Batch([], self._connection.layouts.read(database, layout), [], [])
                if layout != first or (batch.ids and (len(batch.ids) + 1) * len(batch.layout) > most_samples):
                    break
                batch.ids.append(number)
                batch.timestamps_ms.append(timestamp_ms)
                batch.values.append(outbox_file.unpack(packed, len(batch.layout)))
        return batch

    def _make_room(self, now_ms: int) -> None:
        now = time.monotonic()
        is_due = now >= self._age_check_at
        with self.transaction() as database:
            newest = max(now_ms, outbox_file.number(database, "last_timestamp_ms"))
            old = outbox_bounds.too_old(database, newest - self._max_age_ms) if is_due else []
            past = outbox_confirmed.past(database, newest - self._max_age_ms)
        self._remove(past, None)
        self._remove(old, "age")
        if is_due:
            self._age_check_at = now + AGE_CHECK_SECONDS
        self._thin(newest)
        while self._too_large():
            with self.transaction() as database:
                confirmed = outbox_confirmed.every(database)
                oldest = outbox_bounds.oldest(database)
            if confirmed:
                self._remove(confirmed, None)
                continue
            if not oldest:
                break
            self._remove(oldest, "size")

    def _thin(self, newest_ms: int) -> None:
        """From half full on, and again whenever some more has come in: a month then drains in a minute."""
        limit = outbox_file.data_limit(self._max_bytes)
        used = self._used()
        if used <= limit // 2:
            self._thin_above = limit // 2
        elif used > min(self._thin_above, limit):
            with self.transaction() as database:
                confirmed = outbox_confirmed.every(database)
            self._remove(confirmed, None)
            with self.transaction() as database:
                spared = outbox_bounds.thinnable(database, newest_ms)
            self._remove(spared, "thinned")
            self._thin_above = max(limit // 2, self._used() + limit // 32)

    def _too_large(self) -> bool:
        return self._used() > outbox_file.data_limit(self._max_bytes)

    def _used(self) -> int:
        with self.transaction() as database:
            return outbox_file.used_bytes(database)

    def _remove(self, ids: Sequence[int], lost: Lost | None) -> None:
        removed = 0
        for start in range(0, len(ids), self._connection.rows_at_once):
            with self.transaction() as database:
                count = outbox_file.remove(database, ids[start : start + self._connection.rows_at_once])
                if lost is not None:
                    outbox_file.add(database, f"lost:{lost}", count)
                removed += count
        if lost is not None and removed:
            level = logging.INFO if lost == "thinned" else logging.WARNING
            log.log(level, "outbox: %d snapshots lost: %s", removed, lost)

    def _give_time(self, boot: str, shift_ms: int, now_ms: int) -> None:
        changed = self._connection.rows_at_once
        while changed == self._connection.rows_at_once:
            with self.transaction() as database:
                changed = database.execute(
                    "UPDATE snapshot SET timestamp_ms = monotonic_ms + ? WHERE id IN (SELECT id FROM waiting"
                    " WHERE boot = ? AND (timestamp_ms ISNULL OR timestamp_ms > ?) ORDER BY id LIMIT ?)",
                    (shift_ms, boot, now_ms + outbox_time.FUTURE_MS, changed),
                ).rowcount


def _stale_markers(values: bytes) -> int:
    if STALE_BITS not in values:
        return 0
    return sum(values[start : start + 8] == STALE_BITS for start in range(0, len(values), 8))
