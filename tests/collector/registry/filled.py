"""Registries with the same in them for many tests: making the tables once saves each half a second."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from haidang_collector.registry.database import Database
from haidang_collector.registry.store import Registry

from tests.postgresql import server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Fill = Callable[[Database], None]


def filled_file(folder: Path, fill: Fill) -> Path:
    """A database file of SQLite to be copied."""
    file = folder / "registry.db"
    registry = Registry(f"sqlite:///{file}")
    fill(registry.database)
    registry.close()
    return file


@contextmanager
def filled_database(url: str, file: Path, fill: Fill) -> Iterator[Database]:
    """At `url`, where nothing is yet; of SQLite a copy of `file`."""
    database = Database(url)
    if database.is_sqlite:
        shutil.copyfile(file, database.url.database or "")
    else:
        server().fill(url, fill)
    yield database
    database.close()
