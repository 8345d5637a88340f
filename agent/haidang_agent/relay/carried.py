"""What a relay keeps for others, in a file that is carried to the centre, and what it may let go of for that.

Nothing leaves the custody by being exported: the stick may be lost. Which frames are in the file is noted beside them;
once the centre says that it has them, they are settled as if they had been handed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.outbox import OutboxError
from haidang_agent.outbox_export import told
from haidang_agent.relay.custody import FORWARDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.relay.custody import Custody

TABLE = """
CREATE TABLE IF NOT EXISTS exported(number INTEGER PRIMARY KEY, id INTEGER NOT NULL, export TEXT NOT NULL)
"""
"""By the number that a frame has in the file. Of one export, the last."""
AT_ONCE = 500
"""Frames that one transaction removes: meanwhile nobody else writes."""


class Carried:
    """For one export. `left` are not in it; `failed` says why the disk does not tell what is kept."""

    def __init__(self, custody: Custody) -> None:
        self._custody = custody
        self._ids: list[int] = []
        self.agents: set[str] = set()
        self.left = 0
        self.failed = ""

    @property
    def is_partial(self) -> bool:
        return bool(self.left or self.failed)

    def frames(self) -> Iterator[bytes]:
        """As they were deposited, the oldest first; ends early where the disk fails."""
        try:
            with self._custody.transaction() as database:
                waiting = [number for (number,) in database.execute("SELECT id FROM waiting ORDER BY newest_ms, id")]
            self.left = len(waiting)
            for number in waiting:
                frame = self._custody.read(number)
                self.left -= 1
                if frame is not None:
                    self._ids.append(number)
                    self.agents.add(frame.agent)
                    yield frame.body
        except OutboxError as failed:
            self.failed = str(failed)

    def note(self, export: str, first: int) -> None:
        """They are in this export from the number `first` on; what was noted of an earlier one is forgotten.

        Raises OutboxError.
        """
        if self.failed:
            return
        with self._custody.transaction() as database:
            database.execute(TABLE)
            database.execute("DELETE FROM exported")
            rows = ((number, each, export) for number, each in enumerate(self._ids, first))
            database.executemany("INSERT INTO exported VALUES (?, ?, ?)", rows)


def waiting(custody: Custody) -> str:
    """The export in which something is that waits here still, empty without any. Raises OutboxError."""
    with custody.transaction() as database:
        database.execute(TABLE)
        database.execute("DELETE FROM exported WHERE id NOT IN (SELECT id FROM frame)")
        found = database.execute("SELECT export FROM exported JOIN waiting USING (id) LIMIT 1").fetchone()
    return "" if found is None else str(found[0])


def settle(custody: Custody, export: str, ranges: str) -> int:
    """The centre has these parts (`0-11,13`) of this export. How many frames were let go of. Raises OutboxError."""
    done = 0
    for run in told(ranges):
        with custody.transaction() as database:
            numbered = "SELECT id FROM exported WHERE export = ? AND number BETWEEN ? AND ?"
            numbers = [number for (number,) in database.execute(numbered, (export, *run))]
        for begin in range(0, len(numbers), AT_ONCE):
            done += custody.settle_all(numbers[begin : begin + AT_ONCE], FORWARDED)
    return done
