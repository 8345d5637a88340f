"""Credentials: whole, private, never shown."""

from __future__ import annotations

import json
import logging
import os
from typing import TYPE_CHECKING

import pytest
from haidang_agent.credentials import FILE, Credentials, CredentialsError, load, new_key, save

if TYPE_CHECKING:
    from pathlib import Path

SOMEBODY = (64_123, 64_124)
MINE = Credentials("k" * 43, agent="a-1", unit="TH-001")


def test_kept(tmp_path: Path) -> None:
    """What was saved is loaded; before that there is nothing."""
    folder = tmp_path / "state"
    assert load(folder) is None
    save(folder, MINE)
    assert load(folder) == MINE
    assert MINE.bearer == f"a-1.{'k' * 43}"


def test_only_the_owner_may_read(tmp_path: Path) -> None:
    """Also with a generous umask, and over a file or a left-over draft that others could read."""
    (tmp_path / "credentials.new").write_text("old draft")
    (tmp_path / "credentials.new").chmod(0o666)
    (tmp_path / FILE).write_text("{}")
    (tmp_path / FILE).chmod(0o644)
    before = os.umask(0)
    try:
        save(tmp_path, MINE)
    finally:
        os.umask(before)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == [FILE]


def test_what_root_writes_the_service_reads(tmp_path: Path) -> None:
    os.chown(tmp_path, *SOMEBODY)

    save(tmp_path, MINE)

    found = (tmp_path / FILE).stat()
    assert (found.st_uid, found.st_gid) == SOMEBODY


def test_whole_or_not_at_all(tmp_path: Path) -> None:
    """A reader that has the file open still reads the old one whole; a draft that cannot be made spoils nothing."""
    save(tmp_path, MINE)
    with (tmp_path / FILE).open() as reader:
        save(tmp_path, Credentials("x" * 43, agent="a-2"))
        assert json.load(reader)["agent"] == "a-1"
    (tmp_path / "credentials.new").mkdir()
    with pytest.raises(OSError, match=r"credentials\.new"):
        save(tmp_path, MINE)
    kept = load(tmp_path)
    assert kept is not None
    assert kept.agent == "a-2"


def test_the_key_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Neither by repr nor in a log line."""
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("test").warning("%s %r", MINE, [MINE])
    assert MINE.key not in repr(MINE) + str(MINE) + caplog.text
    assert "a-1" in caplog.text


def test_a_new_key() -> None:
    """32 random bytes: 43 characters that a header may carry."""
    assert len(new_key()) == 43
    assert new_key() != new_key()
    Credentials(new_key(), agent="a")


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", "{}", '{"key": 5}', '{"key": "a", "more": "b"}', '{"key": "a\\nb"}', '{"key": "a", "agent": null}'],
)
def test_a_broken_file(tmp_path: Path, content: str) -> None:
    """The text names the file and the way out, and does not show the key."""
    (tmp_path / FILE).write_text(content)
    with pytest.raises(CredentialsError, match=rf"{FILE}.*enrol again with --force"):
        load(tmp_path)
