"""A registry that was destroyed comes back from its file, in whichever database."""

from __future__ import annotations

import gzip
import json
import threading
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry import backup as making
from haidang_collector.registry.backup import BadBackupError
from haidang_collector.registry.database import Database, RegistryDatabaseError
from haidang_collector.registry.models import Unit
from haidang_collector.registry.store import Registry
from sqlalchemy import text

from tests.collector.registry.rows import fill_what_is_empty, held, migrate
from tests.postgresql import server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def empty(kind: str, folder: Path) -> Iterator[Database]:
    url = f"sqlite:///{folder / 'restored.db'}" if kind == "sqlite" else server().create()
    with closing(Database(url)) as database:
        yield database
    if kind == "postgresql":
        server().drop(url)


def test_every_table_comes_back_in_the_other_database(url: str, tmp_path: Path) -> None:
    file, into = tmp_path / "backup.gz", "postgresql" if url.startswith("sqlite") else "sqlite"
    with closing(Database(url)) as database, empty(into, tmp_path) as restored:
        database.upgrade()
        fill_what_is_empty(database)

        written, read = making.backup(database, file), making.restore(restored, file)

        assert held(restored) == held(database)
        assert all(held(restored).values())
        assert written == read == {name: len(rows) for name, rows in held(database).items()}
        assert file.stat().st_mode & 0o777 == 0o600
        restored.prepare()


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_numbers_go_on_behind_those_restored(url: str, tmp_path: Path) -> None:
    """
    PostgreSQL counts by itself, and would begin at 1 again.
    """
    with closing(Database(url)) as database, empty("postgresql", tmp_path) as restored:
        database.upgrade()
        fill_what_is_empty(database)
        making.backup(database, tmp_path / "backup.gz")
        making.restore(restored, tmp_path / "backup.gz")

        insert = "INSERT INTO audit (at, who, what, subject, detail) VALUES (now(), 'w', 'x', 's', '{}') RETURNING id"
        with restored.write() as session:
            assert session.scalar(text(insert)) == 2


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_file_of_an_older_version_goes_through_the_migrations(url: str, tmp_path: Path) -> None:
    with closing(Database(url)) as database, empty("sqlite", tmp_path) as restored:
        migrate(database, "0010")
        fill_what_is_empty(database)
        before = held(database)
        making.backup(database, tmp_path / "backup.gz")

        making.restore(restored, tmp_path / "backup.gz")

        present, newest = restored.versions()
        assert present == newest
        after = held(restored)
    assert {name: len(rows) for name, rows in before.items()} == {name: len(after[name]) for name in before}
    assert after["unit"][0].items() >= before["unit"][0].items()


def test_it_is_of_one_moment_while_others_write(registry: Registry, tmp_path: Path) -> None:
    """
    Each transaction adds a unit and its configuration: no backup has one without the other.
    """
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            number += 1
            with registry.database.write() as session:
                session.add(Unit(code=f"W{number}", name="N", district="D", level="primary", students={}))
                session.flush()
                session.execute(text(f"INSERT INTO unit_key VALUES ('W{number}', '00', CURRENT_TIMESTAMP)"))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = [making.backup(registry.database, tmp_path / f"{number}.gz") for number in range(5)]
    finally:
        done.set()
        writer.join()

    assert [each["unit"] - 2 for each in counts] == [each["unit_key"] for each in counts]


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_nothing_is_written_over(registry: Registry, tmp_path: Path) -> None:
    file = tmp_path / "backup.gz"
    making.backup(registry.database, file)
    content = file.read_bytes()

    with pytest.raises(FileExistsError):
        making.backup(registry.database, file)
    with pytest.raises(RegistryDatabaseError, match="has rows in unit; restore into an empty database"):
        making.restore(registry.database, file)

    assert file.read_bytes() == content
    assert [unit.code for unit in registry.units()] == ["TH-001", "THCS-002"]
    assert sorted(path.name for path in tmp_path.glob("backup*")) == ["backup.gz"]


def broken(whole: bytes) -> Iterator[tuple[str, bytes]]:
    lines = gzip.decompress(whole).splitlines(keepends=True)
    yield "the end is missing", gzip.compress(b"".join(lines[:-1]))
    yield "not what comes next", gzip.compress(b"".join(line for line in lines if b"TH-001" not in line))
    yield "line ", whole[: len(whole) // 2]
    yield "line ", whole[:-20] + bytes(12) + whole[-8:]
    yield "is no backup", gzip.compress(b'{"format": "other", "version": "0001"}\n')
    yield "is no backup", gzip.compress(b"")
    yield "line 1", b"PK\x03\x04 no gzip at all"
    yield "not what comes next", gzip.compress(lines[0] + b'{"table": "unit; DROP", "columns": ["code"]}\n')
    yield "has 1 cells", gzip.compress(b"".join(lines[:2]) + b'["x"]\n')
    yield "not what comes next", gzip.compress(lines[0] + b'["a row of nothing"]\n')
    yield "line 2", gzip.compress(lines[0] + b"[" * 100_000 + b"\n")
    incident = lines[0] + b'{"table": "incident", "columns": ["id", "starts_at", "labels"]}\n%s\n{"rows": 1}\n'
    for row in (b'[99999999999999999999, null, "{}"]', b'[1, 7, "{}"]', b'[1, null, "\\ud800"]'):
        yield "a row of incident holds what does not fit its columns", gzip.compress(incident % row)


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_broken_file_restores_nothing(registry: Registry, tmp_path: Path) -> None:
    making.backup(registry.database, tmp_path / "whole.gz")
    with empty("sqlite", tmp_path) as restored:
        for number, (words, content) in enumerate(broken((tmp_path / "whole.gz").read_bytes())):
            file = tmp_path / f"broken{number}.gz"
            file.write_bytes(content)

            with pytest.raises(BadBackupError, match=words):
                making.restore(restored, file)
            assert restored.versions()[0] is None, words

        making.restore(restored, tmp_path / "whole.gz")
        assert len(held(restored)["unit"]) == 2


def test_a_file_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "newer.gz"
    file.write_bytes(gzip.compress(json.dumps({"format": making.FORMAT, "version": "9999"}).encode() + b"\n"))
    with (
        empty("sqlite", tmp_path) as restored,
        pytest.raises(RegistryDatabaseError, match="newer than this program"),
    ):
        making.restore(restored, file)
