from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import openpyxl
import pytest
from haidang_collector.cli import build
from haidang_collector.registry.fact_kinds import KINDS
from typer.testing import CliRunner

from tests.collector.commands.conftest import EXAMPLE, Haidang

LABS = EXAMPLE.with_name("labs.csv")


@pytest.mark.parametrize("kind", KINDS)
def test_an_export_of_the_example_can_be_imported(haidang: Haidang, tmp_path: Path, kind: str) -> None:
    example = EXAMPLE.with_name(f"{kind}.csv")
    assert haidang("units", "import", example, "--kind", kind).exit_code == 0

    exported = haidang("units", "export", "--kind", kind).stdout_bytes
    (tmp_path / "export.csv").write_bytes(exported)
    again = haidang("units", "import", tmp_path / "export.csv", "--kind", kind)

    assert exported.decode("utf-8-sig").splitlines()[0] == example.read_text().splitlines()[0]
    assert again.stdout == f"0 created, 0 updated, {len(example.read_text().splitlines()) - 1} unchanged\n"


@pytest.mark.parametrize("format_", ["csv", "xlsx"])
@pytest.mark.parametrize("kind", ["units", *KINDS])
def test_a_template_filled_in_with_its_own_examples_is_sound(
    haidang: Haidang, tmp_path: Path, kind: str, format_: str
) -> None:
    written = CliRunner().invoke(build(), ["units", "template", kind, "--format", format_]).stdout_bytes
    guide = CliRunner().invoke(build(), ["units", "template", kind, "--format", "xlsx"]).stdout_bytes
    columns = list(openpyxl.load_workbook(io.BytesIO(guide))["Hướng dẫn"].iter_rows(min_row=2, values_only=True))
    file = tmp_path / f"template.{format_}"
    file.write_bytes(written)
    assert haidang("units", "import", file, "--kind", kind).stdout == "0 created, 0 updated, 0 unchanged\n"

    fill_in(file, [str(column[4]) for column in columns])
    imported = haidang("units", "import", file, "--kind", kind)

    assert (imported.exit_code, imported.stderr) == (0, "")
    assert not imported.stdout.startswith("0 created, 0 updated, 0")


def fill_in(file: Path, row: list[str]) -> None:
    if file.suffix == ".csv":
        with file.open("a", encoding="utf-8", newline="") as opened:
            csv.writer(opened).writerow(row)
        return
    book = openpyxl.load_workbook(file)
    book["Dữ liệu"].append(row)
    book.save(file)


def test_bad_rows_are_told_with_their_mend(haidang: Haidang, tmp_path: Path) -> None:
    file = tmp_path / "labs.csv"
    file.write_text("Mã đơn vị,Tên phòng máy,Số máy\nTH-MAU-01,P1,1.234\nTH-MAU-99,P1,1\nTH-MAU-02,P1,30\n")
    refused = haidang("units", "import", file, "--kind", "labs")

    assert (refused.exit_code, refused.stdout) == (
        1,
        "nothing imported; it would be: 1 created, 0 updated, 0 unchanged\n",
    )
    first, second, last = refused.stderr.splitlines()
    assert first == f"{file}: row 2, column 'Số máy', value '1.234': has a separator; write digits only, as 1234"
    assert second.endswith("value 'TH-MAU-99': is no registered unit; mend the code, or import the unit first")
    assert last == "2 bad rows: mend them, or leave them out with --skip-bad"
    assert haidang("units", "import", file, "--kind", "labs", "--skip-bad").exit_code == 1
    assert len(haidang("units", "export", "--kind", "labs").stdout.splitlines()) == 2


def test_replace_removes_what_a_unit_has_no_more(haidang: Haidang, tmp_path: Path) -> None:
    file = tmp_path / "labs.csv"
    file.write_text("code,name\nTHCS-MAU-01,Phòng máy 1\n")
    haidang("units", "import", LABS, "--kind", "labs")

    tried = haidang("units", "import", file, "--kind", "labs", "--replace", "--dry-run")
    done = haidang("units", "import", file, "--kind", "labs", "--replace", "--json")

    assert tried.stdout == "nothing imported; it would be: 0 created, 0 updated, 1 unchanged, 1 removed\n"
    assert json.loads(done.stdout)["removed"] == 1
    assert len(haidang("units", "export", "--kind", "labs").stdout.splitlines()) == 7


@pytest.mark.parametrize(
    "arguments", [["--replace"], ["--kind", "labs", "--replace", "--skip-bad"], ["--kind", "cars"]]
)
def test_options_that_do_not_go_together_are_status_2(haidang: Haidang, arguments: list[str]) -> None:
    assert haidang("units", "import", LABS, *arguments).exit_code == 2


def test_the_history_tells_who_changed_what(haidang: Haidang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_OPERATOR", "Phòng-GD-Mẫu")
    file = tmp_path / "labs.csv"
    file.write_text("code,name,computers\nTH-MAU-01,Phòng máy 1,38\n")
    haidang("units", "import", LABS, "--kind", "labs")
    haidang("units", "import", file, "--kind", "labs")

    newest = haidang("units", "history", "TH-MAU-01").stdout.splitlines()[0].split()
    told = json.loads(haidang("units", "history", "TH-MAU-01", "--json").stdout)

    assert newest[2:] == ["Phòng-GD-Mẫu", "labs", "Phòng", "máy", "1", "computers", "40", "38"]
    assert [(change["what"], change["before"], change["after"]) for change in told[:2]] == [
        ("labs", {"computers": 40}, {"computers": 38}),
        ("labs", None, {"cidr": "10.20.1.0/24", "vlan": 20, "computers": 40, "level": "primary"}),
    ]
    assert told[2]["after"]["students_primary"] == 960
    assert haidang("units", "history", "TH-MAU-99").exit_code == 2
