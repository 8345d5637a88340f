"""The outbox: the only durable queue. A snapshot is in it before anything is sent, and leaves it when it is settled.

SQLite in WAL mode with `synchronous=FULL`: what `append` has acknowledged survives a `kill -9` and a power cut.
Label sets are stored once a layout, values compressed once a snapshot (docs/decisions/0003).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from haidang_agent import outbox_bounds, outbox_confirmed, outbox_file, outbox_time
from haidang_agent.outbox_layouts import Layouts
from haidang_agent.snapshot import STALE_BITS, Layout, Snapshot

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from haidang_agent.stamp import Stamp

log = logging.getLogger(__name__)

Lost = Literal["size", "age", "thinned", "refused", "clock"]
"""Why a snapshot was never stored at the centre."""

AGE_CHECK_SECONDS = 60.0
AGENT, UNIT = "agent", "unit"
"""In `meta`: whose measurements these are."""


class OutboxError(OSError):
    """The file could not be read or written now (disk full, failing, file corrupt). A later try may succeed."""


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


class _Owner(NamedTuple):
    agent: str
    unit: str


class Outbox:
    """Thread-safe. Raises OutboxError. A file found corrupt is set aside, and the next call begins a new one."""

    def __init__(self, path: Path, *, max_bytes: int = 256 << 20, max_age_seconds: float = 30 * 86400.0) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._rows_at_once = outbox_file.rows_at_once(max_bytes)
        self._max_age_ms = int(max_age_seconds * 1000)
        self._lock = threading.RLock()
        self._layouts = Layouts()
        self._age_check_at = 0.0
        self._thin_above = 0
        self._known: tuple[str, int] | None = None
        self._database: sqlite3.Connection | None = None
        self._file: outbox_file.Identity | None = None
        self._owner: _Owner | None = None

    def append(
        self, snapshot: Snapshot, stamp: Stamp, totals: Mapping[str, float], memory: Mapping[str, Any] | None = None
    ) -> bool:
        """Store the snapshot, the counters it shows and what probes are to remember, in one transaction.

        False where its time is not after that of the last one: it is left out and counted under `clock`.
        """
        with self._lock:
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
                (*stamp, self._layouts.number_of(database, snapshot.layout), stale > 0, packed),
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

    def last_layout(self) -> Layout:
        """The layout of the snapshot appended last, settled or not; () where there never was one."""
        with self._reading() as database:
            return self._layouts.last(database)

    def recall(self) -> Recalled:
        """All that a new run needs of the one before, as of the last append; also with a disk that is full."""
        try:
            with self._reading() as database:
                return self._recalled(database)
        except OutboxError:
            with self._lock, suppress(sqlite3.Error), outbox_file.alone(self._path) as database:
                return Recalled({}, {}, ()) if self._is_of_another(database) else self._recalled(database)
            raise

    def _recalled(self, database: sqlite3.Connection) -> Recalled:
        totals = dict(database.execute("SELECT key, value FROM total"))
        return Recalled(totals, outbox_file.read_memory(database), self._layouts.last(database))

    def newest(self) -> Batch | None:
        """The newest snapshot whose time is known."""
        return self._batch("SELECT * FROM waiting WHERE timestamp_ms NOTNULL ORDER BY timestamp_ms DESC LIMIT 1")

    def backlog(self, before_ms: int, after_ms: int, max_snapshots: int) -> Batch | None:
        """The oldest snapshots between the two times (exclusive), as many as share a layout."""
        return self._batch(
            "SELECT * FROM waiting WHERE timestamp_ms > ? AND timestamp_ms < ? ORDER BY timestamp_ms LIMIT ?",
            after_ms, before_ms, max_snapshots,
        )  # fmt: skip

    def settle(self, ids: Sequence[int], lost: Lost | None = None) -> None:
        """The centre has them, or refused them for ever (`lost`): they leave the outbox."""
        self._remove(ids, lost)

    def confirm(self, ids: Sequence[int], store_since: str, now_ms: int) -> int:
        """A store that runs since `store_since` has them: they wait no more, and are settled two minutes later.

        How many confirmed ones wait again, because they were confirmed of a store that has begun anew since.
        """
        with self._lock:
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
        with self._lock:
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
        with self._lock:
            self._owner = _Owner(agent, unit)
            self.close()
            with self.transaction():
                """What is to be done is done when the file is opened: now, or else as soon as it can be."""

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
        with self._lock:
            if self._database is not None:
                self._database.close()
                self._database = None

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """For what belongs to the outbox and lies in other modules."""
        with self._lock:
            try:
                if self._database is not None and outbox_file.identity(self._path) != self._file:
                    log.error("outbox %s was removed or replaced under the running agent", self._path)
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
                raise OutboxError(f"{self._path}: {broken}; is there space on this disk?") from broken
            except OutboxError:
                raise
            except OSError as refused:  # by the file system, as where another program holds the file
                raise OutboxError(f"{self._path}: {refused}") from refused

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """As `transaction`; all that is read in it is of one instant, whatever another process writes."""
        with self.transaction() as database:
            if not database.in_transaction:
                database.execute("BEGIN")
            yield database

    def _open(self) -> sqlite3.Connection:
        """The file is looked at before anything else is done with it: whose it is."""
        try:
            database = self._connect()
            if other := self._is_of_another(database):
                self.close()
                outbox_file.set_aside_of_unit(self._path, other)
                database = self._connect()
            if self._owner is not None:
                self._take_over(self._owner)
        except BaseException:
            self.close()
            raise
        return database

    def _connect(self) -> sqlite3.Connection:
        self._layouts.clear()
        self._database = outbox_file.open_or_set_aside(self._path, self._max_bytes)
        self._file = outbox_file.identity(self._path)
        return self._database

    def _is_of_another(self, database: sqlite3.Connection) -> str:
        """The unit that it is of, where that is not this machine's; else empty."""
        mine, unit = self._owner.unit if self._owner is not None else "", outbox_file.word(database, UNIT) or ""
        return unit if mine and unit != mine else ""

    def _take_over(self, owner: _Owner) -> None:
        agent, unit = self.note(AGENT), self.note(UNIT)
        if agent not in (None, owner.agent):
            with self.transaction() as database:
                confirmed = outbox_confirmed.every(database)
            self._remove(confirmed, None)
        if (agent, unit) != owner:
            with self.transaction() as database:
                outbox_file.put(database, AGENT, owner.agent)
                outbox_file.put(database, UNIT, owner.unit)

    def _set_aside(self, broken: sqlite3.DatabaseError) -> None:
        try:
            outbox_file.set_aside(self._path, broken)
        except OSError as refused:
            raise OutboxError(f"{self._path}: {broken}; it cannot be set aside: {refused}") from refused

    def _batch(self, query: str, *parameters: int) -> Batch | None:
        batch: Batch | None = None
        with self._reading() as database, outbox_file.readable():
            for number, timestamp_ms, _, _, _, layout, _, packed in database.execute(query, parameters):
                if batch is None:
                    first = layout
                    batch = Batch([], self._layouts.read(database, layout), [], [])
                if layout != first:
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
        for start in range(0, len(ids), self._rows_at_once):
            with self.transaction() as database:
                chunk = [(number,) for number in ids[start : start + self._rows_at_once]]
                database.executemany("DELETE FROM confirmed WHERE id = ?", chunk)
                count = database.executemany("DELETE FROM snapshot WHERE id = ?", chunk).rowcount
                if lost is not None:
                    outbox_file.add(database, f"lost:{lost}", count)
                removed += count
        if lost is not None and removed:
            level = logging.INFO if lost == "thinned" else logging.WARNING
            log.log(level, "outbox: %d snapshots lost: %s", removed, lost)

    def _give_time(self, boot: str, shift_ms: int, now_ms: int) -> None:
        changed = self._rows_at_once
        while changed == self._rows_at_once:
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
