"""The file in which a relay keeps frames, and how much of it each agent and address has."""

from __future__ import annotations

import sqlite3
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING

from haidang_agent import outbox_file
from haidang_agent.kept_file import UNIT, KeptFile

if TYPE_CHECKING:
    from pathlib import Path

FILE = "relay.db"
"""In the state folder."""
SCHEMA_VERSION = 1
SCHEMA = """
CREATE TABLE counted(outcome TEXT PRIMARY KEY, frames INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE frame(
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    agent TEXT NOT NULL,
    address TEXT NOT NULL,
    newest_ms INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    size INTEGER NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    body BLOB NOT NULL
);
CREATE INDEX frame_agent ON frame(agent, newest_ms);
CREATE INDEX frame_newest ON frame(newest_ms);
INSERT INTO sqlite_sequence VALUES ('frame', abs(random()) >> 16);
"""
"""Numbers begin anywhere: one that was read from a file set aside since means nothing in this one."""
TOLD = """
CREATE TABLE IF NOT EXISTS told(id INTEGER, outcome TEXT, PRIMARY KEY(id, outcome)) WITHOUT ROWID;
DELETE FROM told WHERE id NOT IN (SELECT id FROM frame);
"""
"""What was counted of a frame that is still kept, so that one that is handed over once more counts once. An older agent
removes frames alone."""
META = """
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""
"""For which unit's agents this is kept, as the outbox has it; an older agent notes nothing."""
CONFIRMED = """
CREATE TEMP TABLE confirmed(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL);
CREATE TEMP VIEW waiting AS SELECT * FROM frame WHERE id NOT IN (SELECT id FROM confirmed);
"""
"""Frames that the centre has, kept in case its store loses them (`outbox_confirmed`). A relay that is started anew does
not know of this, and hands them over once more."""


class CustodyFile(KeptFile):
    """As of when the file was opened; whoever writes keeps them up.

    `agents`, `addresses`: bytes kept of each. `settled`: digests of frames that went, the last one last.
    """

    def __init__(self, path: Path, unit: str) -> None:
        super().__init__(path, unit)
        self.agents: Counter[str] = Counter()
        self.addresses: Counter[str] = Counter()
        self.settled: OrderedDict[bytes, None] = OrderedDict()

    def connect(self) -> sqlite3.Connection:
        outbox_file.begin(self.path)
        database = sqlite3.connect(self.path, timeout=outbox_file.BUSY_SECONDS, check_same_thread=False)
        try:
            self.path.chmod(0o600)
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("PRAGMA synchronous=FULL")
            database.execute("PRAGMA journal_size_limit=4194304")
            database.execute("PRAGMA cache_size=-512")
            if database.execute("PRAGMA user_version").fetchone()[0] == 0:
                database.executescript(f"BEGIN;{SCHEMA};PRAGMA user_version={SCHEMA_VERSION};COMMIT")
            database.executescript(TOLD + META + CONFIRMED)
        except (sqlite3.Error, OSError):
            database.close()
            raise
        return database

    def take_over(self, database: sqlite3.Connection) -> None:
        if self.unit and outbox_file.word(database, UNIT) is None:
            with database:
                outbox_file.put(database, UNIT, self.unit)
        self.agents, self.addresses, self.settled = Counter(), Counter(), OrderedDict()
        for agent, address, size in database.execute(
            "SELECT agent, address, sum(size) FROM frame GROUP BY agent, address"
        ):
            self.agents[agent] += size
            self.addresses[address] += size
