"""Every migration, from the version before it with a row in each of its tables, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from haidang_collector.registry.database import Database
from haidang_collector.registry.models import Base

from tests.collector.registry.rows import fill_what_is_empty, held, migrate, versions


def test_each_version_takes_over_what_the_one_before_holds(url: str) -> None:
    """
    Nothing that stays in the tables may change, whatever else the new version adds.
    """
    database = Database(url)
    for version in versions():
        before = held(database)
        migrate(database, version)
        after = held(database)
        for table in before.keys() & after.keys():
            assert kept(before[table], after[table]) == before[table], f"{table} in {version}"
        fill_what_is_empty(database)

    assert len(held(database)) >= 30
    assert all(held(database).values())
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.close()


def kept(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """`after` without the columns that are new; of those that are gone, `before`'s."""
    return [{name: new.get(name, old[name]) for name in old} for old, new in zip(before, after, strict=True)]
