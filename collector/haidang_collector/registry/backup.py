"""The registry as one file that any database takes: made while the collector runs, restored whole or not at all.

A gzip of lines of JSON: what it is and its schema's version; each table with its columns, and its rows as lists; at
last how many rows there were. Cells of JSON are text as it is stored, times RFC 3339 in UTC. So SQLite's registry
becomes PostgreSQL's, and an older version's goes through the same migrations as its database would.
"""

from __future__ import annotations

import gzip
import json
import os
import zlib
from contextlib import suppress
from datetime import UTC, date, datetime
from typing import IO, TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, StatementError

from haidang_collector.registry.database import RegistryDatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.registry.database import Database

FORMAT = "haidang-registry-1"
LONGEST_LINE = 64 << 20
AT_ONCE = 500
"""Rows in one statement."""

Counts = dict[str, int]


class BadBackupError(ValueError):
    """The file is no backup, or not a whole one; the text names the line."""


def backup(database: Database, file: Path) -> Counts:
    """Rows written, by table, all as of one moment. The file is readable by its owner only, and whole or not there.

    Raises RegistryDatabaseError for an empty database, OSError; FileExistsError rather than write over anything.
    """
    version, _ = database.versions()
    if version is None:
        raise RegistryDatabaseError(f"database {database.name} is empty: there is nothing to back up")
    if file.exists():
        raise FileExistsError(17, "is there already; give another name", str(file))
    part = file.with_name(file.name + ".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as raw:
            with gzip.open(raw, "wt", encoding="utf-8", compresslevel=6) as out:
                counts = _write(database, version, out)
            raw.flush()
            os.fsync(raw.fileno())
        os.link(part, file)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()
    return counts


def restore(database: Database, file: Path) -> Counts:
    """Rows read, by table, at this program's version. In one transaction: a fault leaves the database as it was.

    Raises BadBackupError, OSError, and RegistryDatabaseError for a database that holds rows or a backup that is newer.
    """
    with gzip.open(file, "rb") as raw:
        lines = _lines(raw)
        match next(lines, None):
            case {"format": str(kind), "version": str(version)} if kind == FORMAT:
                with database.rebuilt(version) as connection:
                    return _read(connection, lines)
        raise BadBackupError(f"{file} is no backup that `haidang db backup` made")


def _write(database: Database, version: str, out: IO[str]) -> Counts:
    counts: Counts = {}
    _put(out, {"format": FORMAT, "version": version, "made_at": datetime.now(UTC)})
    with database.read_as_one() as connection:
        for table in _tables(connection):
            _put(out, {"table": table.name, "columns": [column.name for column in table.columns]})
            cells = [sa.cast(cell, sa.Text) if isinstance(cell.type, sa.JSON) else cell for cell in table.columns]
            counts[table.name] = 0
            query = sa.select(*cells).order_by(*table.primary_key.columns)
            for row in connection.execute(query, execution_options={"yield_per": AT_ONCE}):
                _put(out, list(row))
                counts[table.name] += 1
    _put(out, {"rows": sum(counts.values())})
    return counts


class _Filling:
    """A table that rows go into, many in one statement."""

    def __init__(self, connection: sa.Connection, table: sa.Table, columns: list[str]) -> None:
        self.table = table
        self.count = 0
        self._connection = connection
        self._columns = [table.columns[name] for name in columns]
        self._rows: list[dict[str, Any]] = []
        self._insert = sa.insert(table).values({cell.name: _place(connection, cell) for cell in self._columns})

    def add(self, row: list[Any]) -> None:
        if len(row) != len(self._columns):
            raise BadBackupError(f"a row of {self.table.name} has {len(row)} cells, not {len(self._columns)}")
        self._rows.append({cell.name: _read_cell(cell, value) for cell, value in zip(self._columns, row, strict=True)})
        self.count += 1
        if len(self._rows) == AT_ONCE:
            self._flush()

    def finish(self) -> None:
        """Write what is left; the database's own numbers go on behind the highest."""
        self._flush()
        keys = list(self.table.primary_key.columns)
        if self._connection.dialect.name == "postgresql" and len(keys) == 1 and self.count:
            sequence = sa.func.pg_get_serial_sequence(self.table.name, keys[0].name)
            if self._connection.scalar(sa.select(sequence)):
                highest = sa.select(sa.func.max(keys[0])).scalar_subquery()
                self._connection.execute(sa.select(sa.func.setval(sequence, highest)))

    def _flush(self) -> None:
        if not self._rows:
            return
        try:
            self._connection.execute(self._insert, self._rows)
        except DBAPIError:
            raise
        except (StatementError, OverflowError, UnicodeEncodeError) as wrong:  # before the database was asked
            words = f"a row of {self.table.name} holds what does not fit its columns ({type(wrong).__name__})"
            raise BadBackupError(words) from wrong
        self._rows = []


def _read(connection: sa.Connection, lines: Iterator[Any]) -> Counts:
    """Rows inserted, by table. Raises BadBackupError."""
    tables = {table.name: table for table in _tables(connection)}
    filled: list[_Filling] = []
    for line in lines:
        if filled and isinstance(line, list):
            filled[-1].add(line)
            continue
        if filled:
            filled[-1].finish()
        match line:
            case {"table": str(name), "columns": [*columns]} if name in tables and _names(columns, tables[name]):
                filled.append(_Filling(connection, tables[name], columns))
            case {"rows": int(rows)} if rows == sum(each.count for each in filled) and next(lines, None) is None:
                return {each.table.name: each.count for each in filled}
            case _:
                raise BadBackupError(f"{json.dumps(line)[:80]}: not what comes next in a backup")
    raise BadBackupError("the end is missing: the file is not whole")


def _tables(connection: sa.Connection) -> list[sa.Table]:
    """All of the registry, each after those that it refers to."""
    found = sa.MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def _names(columns: list[Any], table: sa.Table) -> bool:
    return bool(columns) and all(isinstance(name, str) and name in table.columns for name in columns)


def _place(connection: sa.Connection, column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    """Where a cell stands in an INSERT: text of JSON goes in as it is."""
    if not isinstance(column.type, sa.JSON):
        return sa.bindparam(column.name, type_=column.type)
    text = sa.bindparam(column.name, type_=sa.Text())
    return text if connection.dialect.name == "sqlite" else sa.cast(text, sa.JSON)


def _lines(raw: gzip.GzipFile) -> Iterator[Any]:
    """Raises BadBackupError."""
    number = 1
    try:
        while line := raw.readline(LONGEST_LINE):
            yield json.loads(line)
            number += 1
    except (EOFError, gzip.BadGzipFile, ValueError, RecursionError, zlib.error) as wrong:
        raise BadBackupError(f"line {number}: {wrong}") from wrong


def _put(out: IO[str], line: object) -> None:
    out.write(json.dumps(line, ensure_ascii=False, default=_written) + "\n")


def _written(cell: object) -> str:
    if isinstance(cell, datetime):
        return (cell if cell.tzinfo else cell.replace(tzinfo=UTC)).astimezone(UTC).isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    raise TypeError(f"a backup knows no {type(cell).__name__}")


def _read_cell(column: sa.Column[Any], cell: Any) -> Any:
    """Raises BadBackupError."""
    if not (isinstance(cell, str) and isinstance(column.type, (sa.DateTime, sa.Date))):
        return cell
    try:
        if isinstance(column.type, sa.Date):
            return date.fromisoformat(cell)
        moment = datetime.fromisoformat(cell)
    except ValueError as wrong:
        raise BadBackupError(f"column {column.name}: {wrong}") from None
    return moment if column.type.timezone else moment.replace(tzinfo=None)
