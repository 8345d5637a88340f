"""The label sets of snapshots, stored once a layout."""

from __future__ import annotations

import json
import zlib
from typing import TYPE_CHECKING

from haidang_agent.outbox_file import number, put, readable

if TYPE_CHECKING:
    import sqlite3

    from haidang_agent.snapshot import Layout


REMEMBERED = 2
"""The newest snapshot's, and that of the backlog."""


class Layouts:
    """Remembers those that were read last."""

    def __init__(self) -> None:
        self._known: dict[int, Layout] = {}

    def number_of(self, database: sqlite3.Connection, layout: Layout) -> int:
        """Its row, made where it is missing; it is the last one from then on, and those that nothing needs go."""
        last = number(database, "last_layout")
        if last and self.read(database, last) == layout:
            self._remember(last, layout)  # the caller's own: two of the same objects are equal at once
            return last
        packed = zlib.compress(json.dumps(layout).encode())
        row = database.execute("SELECT id FROM layout WHERE packed = ?", (packed,)).fetchone()
        if row is None:
            row = database.execute("INSERT INTO layout(packed) VALUES (?) RETURNING id", (packed,)).fetchone()
        self._remember(row[0], layout)
        put(database, "last_layout", row[0])
        database.execute(
            "DELETE FROM layout WHERE id <> ? AND id NOT IN (SELECT DISTINCT layout FROM snapshot)", (row[0],)
        )
        return int(row[0])

    def last(self, database: sqlite3.Connection) -> Layout:
        """That of the newest snapshot, settled or not; () where there never was one. Within one transaction."""
        row = number(database, "last_layout")
        return self.read(database, row) if row else ()

    def read(self, database: sqlite3.Connection, row: int) -> Layout:
        """Raises sqlite3.DatabaseError where it is garbled."""
        if row not in self._known:
            with readable():
                (packed,) = database.execute("SELECT packed FROM layout WHERE id = ?", (row,)).fetchone()
                pairs = json.loads(zlib.decompress(packed))
                self._remember(row, tuple(tuple((name, value) for name, value in labels) for labels in pairs))
        return self._known[row]

    def clear(self) -> None:
        """The file may be another one now."""
        self._known.clear()

    def _remember(self, row: int, layout: Layout) -> None:
        self._known.pop(row, None)
        self._known[row] = layout
        while len(self._known) > REMEMBERED:
            del self._known[next(iter(self._known))]
