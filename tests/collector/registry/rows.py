"""A row in every table of a registry, whatever its version, and what is in them all."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from haidang_collector.registry.database import Database, _alembic_config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VALUES: dict[type[sa.types.TypeEngine[Any]], Any] = {
    sa.Boolean: True,
    sa.Date: date(2026, 11, 25),
    sa.DateTime: datetime(2026, 11, 25, 5, tzinfo=UTC),
    sa.Float: 1.5,
    sa.Integer: 1,
    sa.JSON: {"primary": 5},
    sa.String: "đom đóm",
    sa.LargeBinary: b"\x00\xff",
}
ONE_OF = re.compile(r"\b(\w+)\)?(?:::\w+)?\W+(?:IN|ANY)\W+(?:ARRAY\W+)?'([^']*)'")
"""`a IN ('b', …)`, and what PostgreSQL makes of it: `(a)::text = ANY (ARRAY['b'::character varying, …])`."""

Rows = dict[str, list[dict[str, Any]]]


def versions() -> list[str]:
    """Of the tables, the oldest first."""
    return [script.revision for script in ScriptDirectory.from_config(_alembic_config()).walk_revisions()][::-1]


def migrate(database: Database, version: str) -> None:
    with database.write() as session:
        config = _alembic_config()
        config.attributes["connection"] = session.connection()
        command.upgrade(config, version)


def reflected(connection: sa.Connection) -> sa.MetaData:
    metadata = sa.MetaData()
    metadata.reflect(connection)
    if "alembic_version" in metadata.tables:
        metadata.remove(metadata.tables["alembic_version"])
    return metadata


def held(database: Database) -> Rows:
    """Every row by table; times in UTC, whichever database they are from."""
    with database.read() as connection:
        tables = reflected(connection).sorted_tables
        found = {table.name: connection.execute(table.select()).mappings().all() for table in tables}
    return {name: [{key: _in_utc(cell) for key, cell in row.items()} for row in rows] for name, rows in found.items()}


def fill_what_is_empty(database: Database) -> None:
    with database.write() as session:
        connection = session.connection()
        for table in reflected(connection).sorted_tables:
            if connection.execute(table.select().limit(1)).first() is None:
                connection.execute(table.insert().values(dict(row_for(connection, table))))


def row_for(connection: sa.Connection, table: sa.Table) -> Iterator[tuple[str, Any]]:
    """A value for every column that a check does not want empty."""
    checks = [str(check["sqltext"]) for check in sa.inspect(connection).get_check_constraints(table.name)]
    choices: Mapping[str, str] = dict(found.groups() for check in checks for found in ONE_OF.finditer(check))
    for column in table.columns:
        if column.foreign_keys:
            (key,) = column.foreign_keys
            yield column.name, connection.scalar(sa.select(key.column))
        elif column.name in choices:
            yield column.name, choices[column.name]
        elif not (column.nullable and any(re.search(rf"\b{column.name}\b", check) for check in checks)):
            yield column.name, value_of(column)


def _in_utc(cell: Any) -> Any:
    if not isinstance(cell, datetime):
        return cell
    return cell.astimezone(UTC) if cell.tzinfo else cell.replace(tzinfo=UTC)


def value_of(column: sa.Column[Any]) -> Any:
    value = next(value for kind, value in VALUES.items() if isinstance(column.type, kind))
    return value[: getattr(column.type, "length", None)] if isinstance(value, str) else value
