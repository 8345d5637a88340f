from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from haidang_collector.registry import schema
from haidang_collector.registry.database import Database, RegistryDatabaseError, _alembic_config
from haidang_collector.registry.models import Agent, Base
from haidang_collector.registry.store import Registry
from haidang_collector.registry.units_import import all_units
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from tests.collector.registry.rows import versions

if TYPE_CHECKING:
    from pathlib import Path


def test_migrations_make_what_the_models_say(registry: Registry) -> None:
    with registry.database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_an_empty_sqlite_file_is_filled_and_private(tmp_path: Path) -> None:
    """
    Configuration holds SNMP passwords, so nobody else may read the file, nor its log.
    """
    file = tmp_path / "new" / "registry.db"
    registry = Registry(f"sqlite:///{file}")

    assert registry.units() == []
    assert {path.stat().st_mode & 0o777 for path in file.parent.iterdir()} == {0o600}
    registry.close()


def test_several_processes_may_fill_it_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'registry.db'}"
    program = f"from haidang_collector.registry.store import Registry; print(Registry({url!r}).units())"
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) for _ in range(3)]

    assert [process.communicate()[0] for process in running] == [b"[]\n"] * 3


def test_the_versions_there_are_stand_in_the_names_of_files() -> None:
    assert (schema.known(), schema.newest()) == (set(versions()), versions()[-1])


def test_an_older_schema_is_refused_with_the_command_that_mends_it(
    registry: Registry, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "newest", lambda: "9999 of tomorrow")

    with pytest.raises(RegistryDatabaseError, match=r"has version \d{4}, needed is 9999 .*; run: haidang db upgrade"):
        Registry(url)


def test_the_first_tables_are_upgraded_with_what_is_in_them(url: str) -> None:
    database = Database(url)
    with database.write() as session:
        config = _alembic_config()
        config.attributes["connection"] = session.connection()
        command.upgrade(config, "0001")
        session.execute(text("INSERT INTO unit VALUES ('X1', 'N', 'D', 'primary', NULL, '{\"primary\": 5}')"))

    assert database.is_behind()
    database.upgrade()

    assert [(unit.code, unit.students) for unit in all_units(database)] == [("X1", {"primary": 5})]
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    database.close()


def test_only_an_empty_sqlite_file_is_filled_unasked(url: str) -> None:
    """
    A database server is shared: what is made there is made by command.
    """
    database = Database(url)
    if not database.is_sqlite:
        with pytest.raises(RegistryDatabaseError, match=r"has version none, .*run: haidang db upgrade"):
            Registry(url)
        database.upgrade()
    database.close()

    Registry(url).close()


def test_a_newer_schema_is_not_touched(registry: Registry, url: str) -> None:
    with registry.database.write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(RegistryDatabaseError, match="version 9999, newer than"):
        Registry(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nonsense", "cannot be read"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("mysql://root:hush@localhost/x", "not supported"),
        ("sqlite:////proc/nowhere/registry.db", "give a place this user may write to"),
        ("sqlite:////etc/hostname", "not a database"),
    ],
)
def test_an_unusable_database_is_one_clear_line(url: str, words: str) -> None:
    with pytest.raises(RegistryDatabaseError, match=words) as refused:
        Registry(url)

    assert "hush" not in str(refused.value)


def test_another_programs_database_is_left_alone(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'other.db'}")
    with database.write() as session:
        session.execute(text("CREATE TABLE invoices (id INTEGER)"))

    with pytest.raises(RegistryDatabaseError, match=r"not the registry's \(invoices\)"):
        Registry(str(database.url))
    database.close()


def test_upgrading_twice_changes_nothing(registry: Registry) -> None:
    registry.database.upgrade()

    assert [unit.code for unit in registry.units()] == ["TH-001", "THCS-002"]


def test_no_agent_without_its_unit(registry: Registry) -> None:
    agent = {"id": "a-x", "key_hash": "", "roles": "site", "version": "", "os": "", "stopped": False}
    with pytest.raises(IntegrityError), registry.database.write() as session:
        session.execute(
            Agent.__table__.insert().values(**agent, unit="nowhere", enrolled_at=text("CURRENT_TIMESTAMP"))  # type: ignore[attr-defined]
        )
