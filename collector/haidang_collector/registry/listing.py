"""Agents as `haidang agents list` shows them, asked of the database itself: to load SQLAlchemy takes twice as long."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote, unquote

from haidang_collector.registry import schema
from haidang_collector.registry.facts import AgentFact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

SQLITE = "sqlite:///"
COLUMNS = (
    "agent.id", "agent.unit", "unit.district", "agent.roles", "agent.version", "agent.os", "agent.enrolled_at",
    "agent.last_seen", "agent.stopped", "agent.revoked_at IS NOT NULL", "agent.config", "agent.new_key_wanted",
    "agent.doubled_at", "agent.put_back_at", "agent.merged_into", "agent.isp", "agent.scrape_address",
)  # fmt: skip
"""In the order of AgentFact's fields."""
LISTED = "FROM unit JOIN agent ON agent.unit = unit.code"


class NotReadyError(RuntimeError):
    """The database is not there, not of this program's version, or cannot be opened: `Registry` says what to do."""


class BrokenError(RuntimeError):
    """The database stopped answering."""


class Connection(Protocol):
    """What is used of the drivers of both."""

    def execute(self, query: str, parameters: Sequence[object] = ..., /) -> Iterable[tuple[Any, ...]]: ...

    def close(self) -> None: ...


class Wanted(NamedTuple):
    """Of which unit or district; None: of all."""

    unit: str | None = None
    district: str | None = None


class Listing:
    """One open connection that only reads."""

    def __init__(self, connection: Connection, placeholder: str) -> None:
        self._connection = connection
        self._placeholder = placeholder

    def count(self, wanted: Wanted) -> int:
        where, values = self._where(wanted)
        listed = LISTED if where else "FROM agent"
        (row,) = self._connection.execute(f"SELECT count(*) {listed}{where}", values)
        return int(row[0])

    def agents(self, wanted: Wanted, most: int | None = None) -> Iterator[AgentFact]:
        """All that ever enrolled, merged and revoked ones too, by unit and id; the first `most`."""
        where, values = self._where(wanted)
        limit = "" if most is None else f" LIMIT {most:d}"
        query = f"SELECT {', '.join(COLUMNS)} {LISTED}{where} ORDER BY agent.unit, agent.id{limit}"
        for row in self._connection.execute(query, values):
            yield _fact(*row)

    def _where(self, wanted: Wanted) -> tuple[str, list[str]]:
        named = {"unit.code": wanted.unit, "unit.district": wanted.district}
        values = [value for value in named.values() if value is not None]
        tests = [f"{column} = {self._placeholder}" for column, value in named.items() if value is not None]
        return (f" WHERE {' AND '.join(tests)}" if tests else ""), values


@contextmanager
def listing(url: str) -> Iterator[Listing]:
    """Of the registry at `url`. Raises NotReadyError, and BrokenError where reading fails midway."""
    connection, placeholder, error = _sqlite(url) if url.startswith(SQLITE) else _postgresql(url)
    with closing(connection):
        try:
            version = [present for (present,) in connection.execute("SELECT version_num FROM alembic_version")]
        except error as failed:
            raise NotReadyError(str(failed)) from failed
        if version != [schema.newest()]:
            raise NotReadyError(f"the tables are of version {version}")
        try:
            yield Listing(connection, placeholder)
        except error as failed:
            raise BrokenError(str(failed)) from failed


def _sqlite(url: str) -> tuple[Connection, str, type[Exception]]:
    path = unquote(url.removeprefix(SQLITE).partition("?")[0])
    try:
        return sqlite3.connect(f"file:{quote(path)}?mode=ro", uri=True), "?", sqlite3.Error
    except sqlite3.Error as failed:
        raise NotReadyError(str(failed)) from failed


def _postgresql(url: str) -> tuple[Connection, str, type[Exception]]:
    try:
        import psycopg  # noqa: PLC0415 - an extra, and slow to load
    except ModuleNotFoundError as missing:
        raise NotReadyError(str(missing)) from missing
    try:
        return psycopg.connect(f"postgresql://{url.partition('://')[2]}", autocommit=True), "%s", psycopg.Error
    except psycopg.Error as failed:
        raise NotReadyError(str(failed)) from failed


def _fact(
    agent: str, unit: str, district: str, roles: str, version: str, os: str, enrolled_at: str | datetime,
    last_seen: float | None, stopped: bool, revoked: bool, config: str | dict[str, int] | None,
    new_key_wanted: bool, *more: Any,
) -> AgentFact:  # fmt: skip
    """SQLite gives times and JSON as text, and 0 or 1 for what is true or not."""
    since = datetime.fromisoformat(enrolled_at) if isinstance(enrolled_at, str) else enrolled_at
    return AgentFact(
        agent,
        unit,
        district,
        tuple(roles.split()),
        version,
        os,
        since.replace(tzinfo=UTC) if since.tzinfo is None else since.astimezone(UTC),
        last_seen,
        bool(stopped),
        bool(revoked),
        json.loads(config) if isinstance(config, str) else config,
        bool(new_key_wanted),
        *more,
    )
