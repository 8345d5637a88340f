from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.unit_words import LEVELS

from tests.collector.commands.conftest import EXAMPLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang

BAD = "code,name,district,level,notes\nX1,N,D,TH,\nX2,N,D,?,\nX3,,D,TH,\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.csv"
    file.write_text(BAD)
    return file


def test_import_counts_and_repeats_without_a_change(empty: Haidang) -> None:
    first, second = empty("units", "import", EXAMPLE), empty("units", "import", EXAMPLE)

    assert (first.exit_code, first.stdout) == (0, "8 created, 0 updated, 0 unchanged\n")
    assert (second.exit_code, second.stdout) == (0, "0 created, 0 updated, 8 unchanged\n")


def test_a_file_with_bad_rows_is_told_and_not_applied(empty: Haidang, bad: Path) -> None:
    result = empty("units", "import", bad)

    assert result.exit_code == 1
    assert result.stdout == "nothing imported; it would be: 1 created, 0 updated, 0 unchanged\n"
    assert result.stderr.splitlines() == [
        f"{bad}: note: column 'notes' is not known and was left out",
        f"{bad}: row 3, column 'level', value '?': is no level; write one of {', '.join(LEVELS.values())}",
        f"{bad}: row 4, column 'name', value '': is empty; fill it in",
        "2 bad rows: mend them, or leave them out with --skip-bad",
    ]
    assert empty("units", "list").stdout == ""


def test_bad_rows_can_be_left_out(empty: Haidang, bad: Path) -> None:
    result = empty("units", "import", bad, "--skip-bad")

    assert (result.exit_code, result.stdout) == (1, "1 created, 0 updated, 0 unchanged, 2 bad rows left out\n")
    assert empty("units", "list").stdout == "X1  N  D  primary\n"


def test_import_as_json(empty: Haidang, bad: Path) -> None:
    told = json.loads(empty("units", "import", bad, "--json").stdout)

    assert (told["applied"], told["created"], len(told["notes"])) == (False, 1, 1)
    assert told["bad"][1] == {"row": 4, "column": "name", "value": "", "reason": "is empty", "fix": "fill it in"}


def test_a_dry_run_changes_nothing(empty: Haidang) -> None:
    assert empty("units", "import", EXAMPLE, "--dry-run").stdout.startswith("nothing imported; it would be: 8 created")
    assert empty("units", "list").stdout == ""


@pytest.mark.parametrize(("content", "words"), [(b"\xff", "not UTF-8"), (b"x", "no row among"), (None, "No such file")])
def test_a_file_that_cannot_be_read_is_status_2(
    empty: Haidang, tmp_path: Path, content: bytes | None, words: str
) -> None:
    file = tmp_path / "file.csv"
    if content is not None:
        file.write_bytes(content)

    result = empty("units", "import", file)

    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(f"{file}: ")
    assert words in result.stderr


def test_the_list_tells_all_as_json(haidang: Haidang) -> None:
    units = json.loads(haidang("units", "list", "--json").stdout)

    assert len(units) == 8
    assert units[1]["students"] == {"primary": 420, "lower_secondary": 380, "upper_secondary": 290}


def test_an_export_is_for_excel_and_can_be_imported(haidang: Haidang, tmp_path: Path) -> None:
    exported = haidang("units", "export").stdout_bytes
    (tmp_path / "export.csv").write_bytes(exported)

    assert exported.startswith("\ufeffMã đơn vị,".encode())
    assert haidang("units", "import", tmp_path / "export.csv").stdout == "0 created, 0 updated, 8 unchanged\n"


def test_configuration_is_set_and_shown(haidang: Haidang, tmp_path: Path) -> None:
    default, own = tmp_path / "default.toml", tmp_path / "own.toml"
    default.write_text('[agent]\npush_interval = "15s"\n')
    own.write_text('\ufeff[[wan]]\nname = "wan1"\nisp = "Viễn thông"\n')

    assert haidang("units", "config", "--default", "--set", default).exit_code == 0
    assert haidang("units", "config", "TH-MAU-01", "--set", own).exit_code == 0
    shown = [
        json.loads(haidang("units", "config", *arguments).stdout)
        for arguments in (["--default"], ["TH-MAU-01"], ["TH-MAU-01", "--show"], ["TH-MAU-02", "--show"])
    ]

    first, second = {"agent": {"push_interval": "15s"}}, {"wan": [{"name": "wan1", "isp": "Viễn thông"}]}
    assert shown == [first, second, first | second, first]


@pytest.mark.parametrize(
    ("arguments", "content", "words"),
    [
        (["TH-MAU-99"], "", "there is no unit 'TH-MAU-99'"),
        (["TH-MAU-01"], "[server]\n", "[server]: stands only in the school's own agent.toml"),
        (["TH-MAU-01", "--default"], "", "give the code of a unit, or --default"),
        ([], "", "give the code of a unit, or --default"),
    ],
)
def test_a_bad_configuration_is_status_2(
    haidang: Haidang, tmp_path: Path, arguments: list[str], content: str, words: str
) -> None:
    file = tmp_path / "file.toml"
    file.write_text(content)

    result = haidang("units", "config", *arguments, "--set", file)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


def test_a_configuration_file_that_is_not_there_is_status_2(haidang: Haidang, tmp_path: Path) -> None:
    result = haidang("units", "config", "--default", "--set", tmp_path / "none.toml")

    assert (result.exit_code, result.stderr) == (2, f"{tmp_path / 'none.toml'}: No such file or directory\n")
