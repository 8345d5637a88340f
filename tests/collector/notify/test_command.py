"""`haidang notify test`: who would be told of what; nothing is sent unasked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from haidang_collector.cli import build
from haidang_collector.registry.location import sqlite_url
from haidang_collector.registry.store import Registry
from typer.testing import CliRunner

from tests.collector.notify.conftest import fill

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.collector.notify.conftest import Mailbox


@pytest.fixture
def folder(tmp_path: Path, mailbox: Mailbox) -> Path:
    registry = Registry(sqlite_url(tmp_path))
    fill(registry.database)
    registry.close()
    (tmp_path / "notify.toml").write_text(
        f'[mail]\nserver = "{mailbox.mail["server"]}"\nsender = "haidang@so.edu.vn"\nsecurity = "none"\n'
        '[pages]\nurl = "https://hd.example"\n'
    )
    return tmp_path


def asked(folder: Path, *arguments: str) -> Result:
    given = ["--settings", str(folder / "notify.toml"), "--data", str(folder)]
    return CliRunner().invoke(build(), ["notify", "test", *arguments, *given])


def test_a_table_of_who_hears_when(folder: Path, mailbox: Mailbox) -> None:
    done = asked(folder, "U1", "--at", "2026-11-25T22:30")
    rows = done.stdout.splitlines()

    assert done.exit_code == 0
    assert [tuple(row.split("  ")[:2]) for row in rows] == [
        ("2026-11-25 22:30:10", "Cô Lan"), ("2026-11-25 22:45:00", "Thầy Minh"),
        ("2026-11-25 23:00:00", "Ông bac"), ("2026-11-25 23:15:00", "Ông so"),
    ]  # fmt: skip
    assert "[NGHIÊM TRỌNG] Trường U1 (U1): InternetDown (từ 22:30 25/11/2026)" in rows[0]
    assert mailbox.letters == []


def test_the_same_as_json_and_who_cannot_be_told(folder: Path) -> None:
    done = asked(folder, "U2", "--severity", "warning", "--at", "2026-11-25T22:30", "--json")
    told = json.loads(done.stdout)

    assert told["without_address"] == ["Cô Hoa"]
    assert "Cô Hoa has no e-mail address" in done.stderr
    assert [(each["at"], each["address"], each["channel"]) for each in told["told"]] == [
        ("2026-11-26T00:00:00+00:00", "hung@u2.edu.vn", "email")
    ]


def test_one_is_sent_when_asked_for(folder: Path, mailbox: Mailbox) -> None:
    done = asked(folder, "U1", "--send")

    assert (done.exit_code, "250 kept" in done.stderr) == (0, True)
    assert [letter["To"] for letter in mailbox.letters] == ["Cô Lan <lan@u1.edu.vn>"]
    assert str(mailbox.letters[0]["Subject"]).startswith("[TEST] [NGHIÊM TRỌNG]")
    mailbox.says = ["550 no such user"]
    refused = asked(folder, "U1", "--send")
    assert (refused.exit_code, "550 no such user" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere"], 2, "haidang units list"),
        (["U1", "--at", "tomorrow"], 2, "2026-11-25T22:30"),
    ],
)
def test_what_cannot_be_asked_is_refused(folder: Path, arguments: list[str], status: int, said: str) -> None:
    done = asked(folder, *arguments)

    assert (done.exit_code, said in done.stderr) == (status, True)


def test_without_settings_it_says_what_to_give(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HAIDANG_NOTIFY", raising=False)
    done = CliRunner().invoke(build(), ["notify", "test", "U1", "--data", str(folder)])

    assert (done.exit_code, "HAIDANG_NOTIFY" in done.stderr) == (2, True)


def test_nobody_to_tell_is_a_problem(tmp_path: Path, mailbox: Mailbox) -> None:
    from haidang_collector.registry.models import Unit  # noqa: PLC0415

    registry = Registry(sqlite_url(tmp_path))
    with registry.database.write() as session:
        session.add(Unit(code="U9", name="Trường", district="Quận Chín", level="primary", students={}))
    registry.close()
    (tmp_path / "notify.toml").write_text('[mail]\nserver = "127.0.0.1:25"\nsender = "a@b.vn"\nsecurity = "none"\n')
    done = asked(tmp_path, "U9")

    assert done.exit_code == 1
    assert "register a contact" in done.stderr
