"""What a relay keeps of others until the centre has it: frames that it can neither change nor sign, on its disk."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.outbox_confirmed import KEPT_MS
from haidang_agent.relay.custody_file import CustodyFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path

    from haidang_agent.relay.frame import Label

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
        self._file = CustodyFile(path, unit)
        self._store_since = ""

    def take(self, frame: bytes, label: Label, address: str) -> None:
        """On the disk when this returns, or with the centre; there once however often it comes.

        Raises FullError, OutboxError.
        """
        digest, size = hashlib.sha256(frame).digest(), len(frame) + OVERHEAD_BYTES
        with self._file.lock:
            if digest in self._file.settled:
                return
            with self._file.transaction() as database:
                if database.execute("SELECT 1 FROM frame WHERE digest = ?", (digest,)).fetchone():
                    return
            self._make_room(label.agent, address, size)
            with self._file.transaction() as database:
                database.execute(
                    "INSERT INTO frame(agent, address, newest_ms, samples, size, digest, body) VALUES (?,?,?,?,?,?,?)",
                    (label.agent, address, label.newest_ms, label.samples, size, digest, frame),
                )
            self._file.agents[label.agent] += size
            self._file.addresses[address] += size

    def newest(self, after: Mapping[str, int], without: Collection[str] = ()) -> list[int]:
        """The newest frame of each agent but `without`, unless one as new as `after` has gone; the newest first."""
        with self._file.transaction() as database:
            found = database.execute("SELECT agent, max(newest_ms), id FROM waiting GROUP BY agent").fetchall()
        found.sort(key=lambda row: -row[1])
        return [number for agent, newest, number in found if newest > after.get(agent, -1) and agent not in without]

    def oldest(self, without: Collection[str] = ()) -> int | None:
        """Of all agents but these; None where there is none."""
        marks = ",".join("?" * len(without))
        with self._file.transaction() as database:
            row = database.execute(
                f"SELECT id FROM waiting WHERE agent NOT IN ({marks}) ORDER BY newest_ms, id LIMIT 1",  # noqa: S608 - marks
                tuple(without),
            ).fetchone()
        return None if row is None else int(row[0])

    def read(self, number: int) -> Waiting | None:
        """None where it has gone."""
        with self._file.transaction() as database:
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
        with self._file.lock:
            with self._file.transaction() as database:
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
                self._file.settled[digest] = None
                if len(self._file.settled) > MOST_SETTLED:
                    self._file.settled.popitem(last=False)
                for used, who in ((self._file.agents, agent), (self._file.addresses, address)):
                    used[who] -= size
                    if not used[who]:
                        del used[who]
        return len(gone)

    def confirm(self, number: int, store_since: str, *outcomes: str) -> int:
        """As `settle`, but a store that runs since `store_since` has it: it is kept for two minutes more.

        How many wait again, because a store had them that has begun anew since.
        """
        now_ms = int(time.monotonic() * 1000)
        with self._file.lock:
            with self._file.transaction() as database:
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
        with self._file.transaction() as database:
            row = database.execute(
                "SELECT id FROM confirmed JOIN frame USING (id) ORDER BY size, id LIMIT 1"
            ).fetchone()
        return None if row is None else int(row[0])

    def stats(self) -> CustodyStats:
        with self._file.transaction() as database:
            frames, oldest = database.execute("SELECT count(*), min(newest_ms) FROM waiting").fetchone()
            counted = dict(database.execute("SELECT outcome, frames FROM counted"))
            used = self._file.agents.total()
        return CustodyStats(frames, used, None if oldest is None else oldest / 1000, counted)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """For what else is noted in this file (`carried`). Raises OutboxError."""
        return self._file.transaction()

    def close(self) -> None:
        self._file.close()

    def _make_room(self, agent: str, address: str, size: int) -> None:
        """What the centre has gives way first. Raises FullError, OutboxError."""
        try:
            self._check_room(agent, address, size)
        except FullError:
            with self._file.transaction() as database:
                confirmed = database.execute("SELECT id FROM confirmed").fetchall()
            if not confirmed:
                raise
            for (each,) in confirmed:
                self.settle(each)
            self._check_room(agent, address, size)

    def _check_room(self, agent: str, address: str, size: int) -> None:
        if self._file.agents.total() + size > self.max_bytes:
            raise FullError("the relay's custody is full")
        if self._file.agents[agent] + size > self.max_bytes // AGENT_PART:
            raise FullError("this agent's part of the relay's custody is full")
        if self._file.addresses[address] + size > self.max_bytes // ADDRESS_PART:
            raise FullError("this address's part of the relay's custody is full")


def _count(database: sqlite3.Connection, number: int, outcomes: Collection[str]) -> None:
    """Each outcome of a frame once."""
    for outcome in outcomes:
        if database.execute("INSERT OR IGNORE INTO told VALUES (?, ?)", (number, outcome)).rowcount:
            database.execute(
                "INSERT INTO counted VALUES (?, 1) ON CONFLICT(outcome) DO UPDATE SET frames = frames + 1", (outcome,)
            )
