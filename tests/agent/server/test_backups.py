"""The newest backup: of a folder and of a pattern; what is no backup does not count."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from haidang_agent.server import backups
from haidang_agent.server.backups import newest
from haidang_agent.unread import UnreadError

NOW = 1_800_000_000.0
NOBODY = 65534


def write(path: Path, age: float, content: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.utime(path, (NOW - age, NOW - age))
    return path


def test_of_a_folder_what_lies_directly_in_it(tmp_path: Path) -> None:
    write(tmp_path / "monday.gz", 7200)
    write(tmp_path / "tuesday.gz", 3600)
    write(tmp_path / "deeper/now.gz", 0)

    assert newest(str(tmp_path), NOW) == NOW - 3600


def test_of_a_pattern_what_it_matches(tmp_path: Path) -> None:
    write(tmp_path / "db-1.sql.gz", 7200)
    write(tmp_path / "log.txt", 10)

    assert newest(f"{tmp_path}/db-*.gz", NOW) == NOW - 7200


def test_one_file_and_a_name_with_the_signs_of_a_pattern(tmp_path: Path) -> None:
    assert newest(str(write(tmp_path / "backup.tar", 60)), NOW) == NOW - 60
    write(tmp_path / "[sql]/a", 120)
    assert newest(str(tmp_path / "[sql]"), NOW) == NOW - 120


def test_empty_files_pipes_and_files_of_the_future_do_not_count(tmp_path: Path) -> None:
    write(tmp_path / "good", 86400)
    write(tmp_path / "empty", 60, "")
    write(tmp_path / "from-2038", -86400)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "dangling").symlink_to(tmp_path / "none")

    assert newest(str(tmp_path), NOW) == NOW - 86400


@pytest.mark.parametrize("name", ["", "none", "none/*", "*.gz"])
def test_where_there_is_none(tmp_path: Path, name: str) -> None:
    write(tmp_path / "empty", 60, "")
    (tmp_path / "dangling.gz").symlink_to(tmp_path / "gone")
    assert newest(str(tmp_path / name), NOW) is None


@pytest.mark.parametrize("name", ["", "*.gz", "*/monday.gz"])
def test_what_can_not_be_looked_into_is_not_none(tmp_path: Path, name: str) -> None:
    write(tmp_path / "closed/monday.gz", 60)
    tmp_path.chmod(0o700)
    os.seteuid(NOBODY)
    try:
        with pytest.raises(UnreadError, match="Permission denied"):
            newest(str(tmp_path / name), NOW)
    finally:
        os.seteuid(os.getuid())


def test_a_clock_that_was_set_back_does_not_undo_backups(tmp_path: Path) -> None:
    write(tmp_path / "monday.gz", 0)
    with pytest.raises(UnreadError, match="dated in the future"):
        newest(str(tmp_path), NOW - 86400)


def test_more_files_than_one_looks_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """
    The newest could be among the rest.
    """
    monkeypatch.setattr(backups, "MOST_FILES", 3)
    for number in range(3):
        write(tmp_path / str(number), number)
    assert newest(str(tmp_path), NOW) == NOW
    write(tmp_path / "3", 3)
    with pytest.raises(UnreadError, match="more than 3 files"):
        newest(str(tmp_path), NOW)
