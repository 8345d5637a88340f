"""The database connection: SQLite by default, PostgreSQL by URL; transactions, schema version, upgrade."""

from __future__ import annotations

import os
import threading
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, MetaData, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlalchemy.orm import Session

from haidang_collector.registry import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alembic.config import Config
    from sqlalchemy.engine import URL
    from sqlalchemy.engine.interfaces import DBAPIConnection

BUSY_TIMEOUT_SECONDS = 15
UPGRADE_LOCK = 0x48414944
"""Any fixed number: PostgreSQL's advisory lock under which one process at a time upgrades."""

_SQLITE_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_SECONDS * 1000}",
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


class RegistryDatabaseError(RuntimeError):
    """The database cannot be used as it is; the text says which one and what to do."""


class Database:
    """One engine. Safe to share between threads."""

    def __init__(self, url: str) -> None:
        self.url = _parse(url)
        self.is_sqlite = self.url.get_backend_name() == "sqlite"
        if self.is_sqlite:
            _make_private_file(self.url)
        try:
            self._engine = create_engine(self.url, hide_parameters=True, pool_pre_ping=not self.is_sqlite)
        except (ModuleNotFoundError, NoSuchModuleError) as missing:
            raise RegistryDatabaseError(
                f"database {self.name}: {missing}; for PostgreSQL install haidang[collector,postgres]"
            ) from missing
        if self.is_sqlite:
            event.listen(self._engine, "connect", _set_up_sqlite)
            event.listen(self._engine, "begin", _begin_sqlite)
        self._turn = threading.RLock() if self.is_sqlite else nullcontext()
        self._writer: Engine = self._engine.execution_options(haidang_writes=True)

    @property
    def name(self) -> str:
        """The URL without its password."""
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection in a transaction that only reads."""
        with self._engine.begin() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction, committed at the end. On SQLite it holds the only write lock from its start.

        Threads of this process wait there in turn: SQLite's own waiting is a poll, which under load may wait for ever.
        """
        with self._turn, Session(self._writer) as session, session.begin():
            yield session

    def prepare(self) -> None:
        """Make the schema ready: an empty SQLite file is filled, anything else has to be at the newest version.

        Raises RegistryDatabaseError that says which command mends it.
        """
        present, newest = self.versions()
        if present == newest:
            return
        if present is None and self.is_sqlite:
            self.upgrade()
            return
        if present is not None and present not in schema.known():
            raise RegistryDatabaseError(
                f"database {self.name} has version {present}, newer than {newest} of this program; install a newer one"
            )
        raise RegistryDatabaseError(
            f"database {self.name} has version {present or 'none'}, needed is {newest}; run: haidang db upgrade"
        )

    def is_behind(self) -> bool:
        """Whether `upgrade` has something to do; False for the tables of a newer program. Raises as `versions`."""
        present, newest = self.versions()
        return present != newest and (present is None or present in schema.known())

    def versions(self) -> tuple[str | None, str]:
        """The schema version that is there (None: an empty database) and the newest one.

        Raises RegistryDatabaseError if the database cannot be opened, or holds another program's tables.
        """
        newest = schema.newest()
        try:
            with self.read() as connection:
                tables = inspect(connection).get_table_names()
                if "alembic_version" in tables:
                    return connection.scalar(text("SELECT version_num FROM alembic_version")), newest
        except DBAPIError as failed:
            raise RegistryDatabaseError(f"database {self.name}: {failed.orig}") from failed
        if tables:
            raise RegistryDatabaseError(
                f"database {self.name} holds tables that are not the registry's ({', '.join(sorted(tables)[:3])}); "
                "give an empty database or another file"
            )
        return None, newest

    def upgrade(self) -> None:
        """Bring the schema to the newest version, in one transaction. Several processes may try at once."""
        from alembic import command  # noqa: PLC0415 - loaded late, few commands need it

        config = _alembic_config()
        with self._writer.begin() as connection:
            if not self.is_sqlite:
                connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": UPGRADE_LOCK})
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    @contextmanager
    def read_as_one(self) -> Iterator[Connection]:
        """As `read`, and all that is read is of one moment."""
        level = {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ"}
        with self._engine.execution_options(**level).begin() as connection:
            yield connection

    @contextmanager
    def rebuilt(self, version: str) -> Iterator[Connection]:
        """The tables of `version`, empty, to be filled; then they are brought to the newest. One transaction.

        Raises RegistryDatabaseError where rows would be lost, or `version` is newer than this program.
        """
        from alembic import command  # noqa: PLC0415 - as above

        if version not in schema.known():
            raise RegistryDatabaseError(f"version {version} is newer than this program; install a newer one")
        self.versions()
        config = _alembic_config()
        with self._writer.begin() as connection:
            present = MetaData()
            present.reflect(connection)
            for table in present.tables.values():
                if table.name != "alembic_version" and connection.execute(table.select().limit(1)).first():
                    raise RegistryDatabaseError(
                        f"database {self.name} has rows in {table.name}; restore into an empty database"
                    )
            present.drop_all(connection)
            config.attributes["connection"] = connection
            command.upgrade(config, version)
            yield connection
            command.upgrade(config, "head")

    def close(self) -> None:
        self._engine.dispose()


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise RegistryDatabaseError(
            "the database URL cannot be read; write sqlite:////path/to/file.db or postgresql://user@host/name"
        ) from None
    backend = parsed.get_backend_name()
    if backend == "sqlite" and not (parsed.database and parsed.database != ":memory:"):
        raise RegistryDatabaseError(f"database {url!r} is in memory; give a file: sqlite:////path/to/file.db")
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise RegistryDatabaseError(f"database {backend!r} is not supported; use sqlite:// or postgresql://")
    return parsed


def _make_private_file(url: URL) -> None:
    """The file holds SNMP passwords of schools: readable by its owner only, and its WAL takes over the mode."""
    path = Path(url.database or "")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as failed:
        raise RegistryDatabaseError(
            f"database file {path}: {failed.strerror}; give a place this user may write to (--data DIR)"
        ) from failed


def _set_up_sqlite(connection: DBAPIConnection, _record: object) -> None:
    raw: Any = connection
    raw.isolation_level = None  # transactions are begun below, not by the driver's guess
    for pragma in _SQLITE_PRAGMAS:
        raw.execute(pragma).close()


def _begin_sqlite(connection: Connection) -> None:
    """A transaction that will write takes the lock at once: upgrading a read lock later can fail without waiting."""
    writes = connection.get_execution_options().get("haidang_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _alembic_config() -> Config:
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(schema.FOLDER).replace("%", "%%"))
    return config
