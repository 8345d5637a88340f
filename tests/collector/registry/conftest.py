"""A registry of two units, on SQLite and, where HAIDANG_TEST_POSTGRESQL names a server, on PostgreSQL as well.

The server's user must be allowed to create databases: each test gets an empty one, as postgresql:///postgres?host=/tmp/pg.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.database import Database
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from sqlalchemy import create_engine, make_url, text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVER = os.environ.get("HAIDANG_TEST_POSTGRESQL")


@pytest.fixture(params=["sqlite", "postgresql"] if SERVER else ["sqlite"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database."""
    if request.param == "sqlite" or SERVER is None:
        yield f"sqlite:///{tmp_path / 'registry.db'}"
        return
    name = f"haidang_test_{secrets.token_hex(6)}"
    server = make_url(SERVER).set(drivername="postgresql+psycopg")
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
        yield make_url(SERVER).set(database=name).render_as_string(hide_password=False)
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    engine.dispose()


@pytest.fixture
def registry(url: str) -> Iterator[Registry]:
    database = Database(url)
    database.upgrade()
    database.close()
    made = Registry(url)
    with made.database.write() as session:
        for code, name, level in (("TH-001", "Tiểu học Đom Đóm", "primary"), ("THCS-002", "THCS Sao Mai", "mixed")):
            session.add(Unit(code=code, name=name, district="Quận Bắc", level=level, address=None, students={}))
    yield made
    made.close()
