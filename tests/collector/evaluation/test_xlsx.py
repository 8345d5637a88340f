"""Spreadsheets are read back: by a library, and the file's XML as it is."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from typing import TYPE_CHECKING

import openpyxl
import pytest
from haidang_collector.evaluation import xlsx
from haidang_collector.evaluation.model import ROWS

from tests.collector.evaluation.sample import HOSTILE, evaluation

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet


@pytest.fixture(scope="module")
def file() -> io.BytesIO:
    file = io.BytesIO()
    xlsx.write(evaluation(), "en", file)
    return file


@pytest.fixture(scope="module")
def book(file: io.BytesIO) -> Workbook:
    return openpyxl.load_workbook(file)


def table(sheet: Worksheet) -> list[dict[str, object]]:
    """Below the header, which is what is frozen."""
    header, *rows = list(sheet.iter_rows(min_row=int(str(sheet.freeze_panes)[1:]) - 1, values_only=True))
    return [dict(zip(map(str, header), row, strict=True)) for row in rows]


def test_there_is_an_overview_and_a_sheet_for_each_row(book: Workbook) -> None:
    assert book.sheetnames == ["Overview", *ROWS, "Districts", "Limits"]
    for sheet in book.worksheets:
        header = int(str(sheet.freeze_panes)[1:]) - 1
        assert re.fullmatch(rf"A{header}:[A-Z]+{sheet.max_row}", sheet.auto_filter.ref or "")
        assert {len(cells) for cells in sheet.iter_rows()} == {sheet.max_column}


def test_the_overview_tells_shares_and_the_unknown_apart(book: Workbook) -> None:
    sheet = book["Overview"]
    rows = {str(row["Row"]): row for row in table(sheet)}

    assert sheet["A1"].value == "Evaluation of the whole city at 2026-11-25 08:00"
    assert sheet["A2"].value == "The rows were last judged at 2026-11-25 08:00; that is what is shown."
    assert [rows["R1"][title] for title in ("Share of the units judged", "met", "not met", "not known")] == [1, 1, 0, 1]
    assert rows["R2"]["Share of the units judged"] is None, "nobody was judged: no share, not 0 %"


def test_a_row_tells_each_units_state_figures_and_evidence(book: Workbook) -> None:
    school, other = table(book["R4"])

    assert school == {
        "Code": "TH-001",
        "Name": "Trường Tiểu học Sao Mai",
        "District": "Quận 1",
        "State": "not met",
        "students per computer (primary)": 33.6,
        "students (primary)": 1344,
        "computers needed": None,
        "teaching computers (primary, measured)": 40,
        "computers missing": 16,
        "Missing": "computers missing: 16",
        "Source": "measured and declared",
        "Age of the evidence (days)": pytest.approx(2.315, abs=0.001),
    }
    assert other["State"] == "not known"
    assert other["computers missing"] is None


def test_kinds_shares_and_days_are_told_as_such(book: Workbook) -> None:
    assert table(book["R1"])[0]["fibre known by"] == "light measured"
    assert table(book["R7"])[0]["part (Wi-Fi)"] == "no"
    assert table(book["R12"])[0]["availability (school management SMAS)"] == 0.999, (
        "a cell shows one decimal: never 100 % but where it is all"
    )
    assert table(book["R16"])[0]["plan received (2026-2027)"] == datetime(2026, 10, 1)  # noqa: DTZ001 - a cell has no zone
    many = str(table(book["R13"])[1]["service"])
    assert many.startswith("=cmd0: no; =cmd1: yes; ")
    assert many.count(";") == 59


def test_states_are_coloured_and_worded(book: Workbook) -> None:
    colours = {
        str(cell.value): cell.fill.start_color.rgb
        for row in ("R4", "R1", "R14")
        for (cell,) in book[row].iter_rows(min_row=4, min_col=4, max_col=4)
    }

    assert set(colours) == {"met", "not met", "not known", "does not concern it"}
    assert len(set(colours.values())) == 4


def test_hostile_texts_are_text_and_marked_as_such(book: Workbook) -> None:
    """
    The mark keeps them text where somebody edits the cell.
    """
    hostile = [
        cell
        for sheet in book.worksheets
        for cells in sheet.iter_rows()
        for cell in cells
        if str(cell.value).startswith(("=", "+", "-", "@"))
    ]

    assert {(cell.data_type, cell.quotePrefix) for cell in hostile} == {("s", True)}
    assert {HOSTILE.code, HOSTILE.district, "=1+1"} < {cell.value for cell in hostile}


def test_the_files_xml_holds_no_formula_and_no_control_character(file: io.BytesIO) -> None:
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name).decode() for name in archive.namelist()}
    sheets = "".join(text for name, text in parts.items() if name.startswith("xl/worksheets/"))

    assert set(re.findall(r' t="(\w+)"', sheets)) <= {"s", "inlineStr", "n"}, "types of cells"
    assert "<f" not in sheets
    assert "HYPERLINK(" in "".join(parts.values())
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", "".join(parts.values()).replace("\r", ""))
