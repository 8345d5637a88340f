"""A registry of two units, on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry

from tests.collector.registry.filled import filled_database, filled_file
from tests.postgresql import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_collector.registry.database import Database


FILLING = {"registry", "alerts", "office"}
"""Fixtures that make the database themselves, with something in it."""


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Of an empty database, or of one that another fixture fills."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'registry.db'}"
        return
    made = server().name() if FILLING & set(request.fixturenames) else server().create()
    yield made
    server().drop(made)


@pytest.fixture(scope="session")
def two_units(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filled_file(tmp_path_factory.mktemp("two_units"), add_two_units)


@pytest.fixture
def registry(url: str, two_units: Path) -> Iterator[Registry]:
    with filled_database(url, two_units, add_two_units):
        made = Registry(url)
        yield made
        made.close()


def add_two_units(database: Database) -> None:
    with database.write() as session:
        for code, name, level in (("TH-001", "Tiểu học Đom Đóm", "primary"), ("THCS-002", "THCS Sao Mai", "mixed")):
            session.add(Unit(code=code, name=name, district="Quận Bắc", level=level, address=None, students={}))
