"""The file of settings: a fault is one line that names its place, and never a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from haidang_collector.notify.settings import BadNotifyError, load
from haidang_collector.settings import BadSettingError, Settings

if TYPE_CHECKING:
    from pathlib import Path

GOOD = """\
[pages]
url = "https://hd.example"
[mail]
server = "mail.example:587"
sender = "haidang@so.edu.vn"
user = "haidang"
password_file = "{folder}/password"
[[channel]]
name = "truc-ban"
url_file = "{folder}/channel"
[[person]]
email = "Lan@U1.edu.vn"
language = "en"
channels = ["email", "truc-ban"]
[[deputy]]
of = "lan@u1.edu.vn"
name = "Thầy Nam"
email = "nam@u1.edu.vn"
first = 2026-12-01
last = 2026-12-15
[security]
email = ["ungcuu@so.edu.vn"]
[quiet]
begins = 22:00:00
rest_days = ["saturday", "sunday"]
holidays = [2027-01-01]
[limits]
per_hour = 4
[[route]]
category = "service"
tell = [["district"], ["city"]]
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "channel").write_text("json://user:hunter2@127.0.0.1/\n")
    return tmp_path


def write(folder: Path, text: str) -> Path:
    file = folder / "notify.toml"
    file.write_text(text.replace("{folder}", str(folder)))
    return file


def test_a_whole_file(folder: Path) -> None:
    got = load(write(folder, GOOD))

    assert got.mail is not None
    assert got.mail.password() == "hunter2"
    assert got.url_of("truc-ban") == "json://user:hunter2@127.0.0.1/"
    assert got.wish("lan@u1.edu.vn").language == "en"
    assert got.wish("somebody@else.vn").channels == ("email",)
    assert got.route_of("service", "critical", quiet=False).tell == (("district",), ("city",))
    assert got.route_of("link", "warning", quiet=True).tell[0] == ("officer",)
    assert "hunter2" not in repr(got)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("per_hour = 4", "per_hour = 0", "limits.per_hour"),
        ("per_hour = 4", "perhour = 4", "limits.perhour: Extra inputs"),
        ('"mail.example:587"', '"mail.example"', "mail.server"),
        ("{folder}/password", "{folder}/nothing", "No such file"),
        ('user = "haidang"', "", "user and password_file go together"),
        ('["email", "truc-ban"]', '["email", "truc ban"]', "unknown channels"),
        ('["saturday", "sunday"]', '["caturday"]', "quiet.rest_days"),
        ('lan@u1.edu.vn"\nname', 'lan"\nname', "deputy.0.of"),
        ("[pages]", "[pages", "notify.toml"),
        ('[["district"], ["city"]]', "[]", "route.0.tell"),
    ],
)
def test_a_fault_is_named(folder: Path, before: str, after: str, said: str) -> None:
    file = write(folder, GOOD.replace(before, after))
    with pytest.raises(BadNotifyError) as raised:
        load(file)

    assert said in str(raised.value)
    assert "hunter2" not in str(raised.value)
    with pytest.raises(BadSettingError, match="HAIDANG_NOTIFY"):
        Settings(notify=str(file))


def test_secrets_that_are_no_one_line_are_refused_and_not_shown(folder: Path) -> None:
    for content in (b"", b"hunter2\nhunter3\n", b"\xff\xfe"):
        (folder / "password").write_bytes(content)
        with pytest.raises(BadNotifyError, match="password") as raised:
            load(write(folder, GOOD))
        assert "hunter" not in str(raised.value)


def test_without_any_way_to_tell_people_it_is_refused(folder: Path) -> None:
    with pytest.raises(BadNotifyError, match="nobody could be told"):
        load(write(folder, ""))
