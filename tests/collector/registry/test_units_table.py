from __future__ import annotations

import io
import re
import time
import zipfile
from pathlib import Path

import openpyxl
import pytest
from haidang_collector.registry.sheet import BadFileError
from haidang_collector.registry.units_table import UnitTable, read_table
from hypothesis import given, settings
from hypothesis import strategies as st

HEADER = "Mã đơn vị,Tên đơn vị,Quận/Huyện,Cấp học,Số học sinh\n"
ROW = "TH-001,Tiểu học Đom Đóm,Quận Bắc,Tiểu học,480\n"


def xlsx(*sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for number, rows in enumerate(sheets):
        sheet = book.active if number == 0 else book.create_sheet()
        assert sheet is not None
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def only(table: UnitTable) -> dict[str, object]:
    (row,) = table.rows
    assert table.problems == []
    return {"code": row.code, **row.facts, "students": row.students}


SOUND = {
    "code": "TH-001",
    "name": "Tiểu học Đom Đóm",
    "district": "Quận Bắc",
    "level": "primary",
    "students": {"primary": 480},
}


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_csv_as_programs_write_it(mark: str, delimiter: str, end: str) -> None:
    text = mark + (HEADER + ROW).replace(",", delimiter).replace("\n", end)

    assert only(read_table(text.encode())) == SOUND


def test_english_columns_in_another_order() -> None:
    assert only(read_table(b"level,code,district,name\nprimary,X1,D,N\n")) == {
        "code": "X1", "name": "N", "district": "D", "level": "primary", "students": {},
    }  # fmt: skip


def test_xlsx_with_titles_above_the_header_on_the_second_sheet() -> None:
    table = read_table(
        xlsx(
            [["Hướng dẫn"], ["Điền vào trang sau"]],
            [
                ["DANH SÁCH TRƯỜNG"],
                [],
                ["STT", "Mã trường", "Tên\ntrường", "Phòng GD&ĐT", "Cấp", "Sĩ số"],
                [1, "TH-001", " Tiểu học  Đom\nĐóm ", "Quận Bắc", "TH", 480.0],
                [None, None, None, None, None, None],
            ],
        )
    )

    assert only(table) == SOUND
    assert table.notes == ["column 'STT' is not known and was left out"]
    assert table.rows[0].number == 4


def test_numbers_as_codes() -> None:
    table = read_table(xlsx([["code", "name", "district", "level"], [79000123, "N", "D", "TH"]]))

    assert table.rows[0].code == "79000123"


@pytest.mark.parametrize(
    ("row", "column", "value", "words"),
    [
        (",N,D,TH,", "Mã đơn vị", "", "is empty"),
        ("Trường,N,D,TH,", "Mã đơn vị", "Trường", "is no unit code"),
        ("-x,N,D,TH,", "Mã đơn vị", "-x", "is no unit code"),
        ("x" * 33 + ",N,D,TH,", "Mã đơn vị", "x" * 33, "is no unit code"),
        ("X,,D,TH,", "Tên đơn vị", "", "is empty"),
        ("X," + "n" * 201 + ",D,TH,", "Tên đơn vị", "n" * 60 + "…", "has 201 characters"),
        ('X,"N\nM",D,TH,', "Tên đơn vị", "N\nM", "line break"),
        ("X,=1+1,D,TH,", "Tên đơn vị", "=1+1", "spreadsheets would run it"),
        ("X,N, ,TH,", "Quận/Huyện", "", "is empty"),
        ("X,N,D,,", "Cấp học", "", "is empty"),
        ("X,N,D,Đại học,", "Cấp học", "Đại học", "is no level; write one of Mầm non, Tiểu học"),
        ("X,N,D,TH,-1", "Số học sinh", "-1", "is no number of students"),
        ("X,N,D,TH,1.234", "Số học sinh", "1.234", "write digits only"),
        ("X,N,D,TH,१२", "Số học sinh", "१२", "is no number of students"),
        ("X,N,D,TH,999999", "Số học sinh", "999999", "0 to 100000"),
        ("X,N,D,Liên cấp,480", "Số học sinh", "480", "does not say which level"),
        ("X,Trường A, cơ sở 2,D,TH,", "Cấp học", "D", "is no level"),
        ("X,N,D,TH,480,more", "", "more", "has no column"),
        ("TH-001,N,D,TH,", "Mã đơn vị", "TH-001", "stands in row 2 already"),
        ("th-001,N,D,TH,", "Mã đơn vị", "th-001", "stands in row 2 already"),
    ],
)
def test_a_bad_row_is_told_by_row_column_value_and_reason(row: str, column: str, value: str, words: str) -> None:
    table = read_table((HEADER + ROW + "\n" + row).encode())

    (problem,) = table.problems
    assert (problem.row, problem.column, problem.value) == (4, column, value)
    assert words in str(problem)
    assert [sound.code for sound in table.rows] == ["TH-001"]


def test_all_bad_rows_are_told() -> None:
    table = read_table((HEADER + "?,N,D,TH,\n" * 300).encode())

    assert [problem.row for problem in table.problems] == list(range(2, 302))


def test_students_by_level() -> None:
    text = (
        "code,name,district,level,students,students_primary,Số học sinh THCS\nX,N,D,Liên cấp,,420,380\nY,N,D,TH,5,5,\n"
    )

    assert [row.students for row in read_table(text.encode()).rows] == [
        {"primary": 420, "lower_secondary": 380}, {"primary": 5, "lower_secondary": None},
    ]  # fmt: skip


def test_students_that_disagree_are_bad() -> None:
    table = read_table(b"code,name,district,level,students,students_primary\nX,N,D,TH,6,5\n")

    assert "the level's own column says 5" in str(table.problems[0])


def test_districts_spelt_in_two_ways_are_noted() -> None:
    table = read_table((HEADER + "A,N,Quận Bắc,TH,\nB,N,quận bắc,TH,\n").encode())

    assert table.notes == ["districts 'Quận Bắc', 'quận bắc' count as different; is that meant?"]


TCVN3 = "M· ®¬n vÞ,Tªn,QuËn,CÊp häc\n1,Tr\xadêng TiÓu häc,QuËn 1,TiÓu häc\n"
CP1258 = b"M\xe3 tr\xfd\xf5\xccng,T\xean tr\xfd\xf5\xccng,Qu\xe2\xf2n,C\xe2\xec p ho\xf2c\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (TCVN3.encode("latin-1"), "line 1: byte 0xb7 is not UTF-8, it seems to be TCVN3"),
        (TCVN3.encode(), "which seems to be typed in the old encoding TCVN3"),
        (CP1258, "line 1: byte 0xe3 is not UTF-8, it seems to be Windows-1258"),
        ((HEADER + ROW).encode() + b"\xff", "line 3: byte 0xff is not UTF-8 (an old encoding"),
        ((HEADER + ROW).encode("utf-16"), "UTF-16; save the file as 'CSV UTF-8'"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel file (.xls)"),
        (b"PK\x03\x04rubbish", "a damaged .xlsx"),
        (b"", "no row among the first 30 has the columns Mã đơn vị (code)"),
        (b"%PDF-1.7", "no row among the first 30"),
        (b"code,name\n", "row 1: the header lacks Quận/Huyện (district), Cấp học (level)"),
        ("Mã,Code,name,level,district\n".encode(), "row 1: columns 'Mã' and 'Code' both mean Mã đơn vị (code)"),
        (b"code,name,level,district\n" + b"\n" * 100_000, "more than 100000 rows"),
        (b"code,name,level,district\n" + b"," * 100, "line 2: 101 columns; at most 100"),
        (b'code,name,level,district\n"' + b"x" * 200_000, "is a quotation mark not closed?"),
        (b"x" * ((20 << 20) + 1), "divide the file"),
    ],
)
def test_what_is_no_table_of_units_is_one_clear_line(content: bytes, words: str) -> None:
    with pytest.raises(BadFileError, match=re.escape(words)):
        read_table(content)


def test_an_unclosed_quotation_mark_swallows_no_unit() -> None:
    table = read_table((HEADER + 'A,"Trường A,D,TH,\n' + ROW).encode())

    assert table.rows == []
    assert [problem.row for problem in table.problems] == [2]


def bomb(**parts: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(xlsx([["code", "name"]]))) as sound, zipfile.ZipFile(file, "w", 8) as made:
        for name in sound.namelist():
            made.writestr(name, parts.pop(Path(name).stem, sound.read(name)))
        for name, content in parts.items():
            made.writestr(name, content)
    return file.getvalue()


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
LAUGHS = b"".join(b'<!ENTITY l%d "%s">' % (n, b"&l%d;" % (n - 1) * 10) for n in range(1, 12))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (bomb(big=bytes(70 << 20)), "unpacks to 7"),
        (bomb(sheet1=SHEET % (b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>')), "more than 100000 rows"),
        (bomb(sheet1=SHEET % b"<row><c><v>1</v></c></row>"), "no row among"),
        (bomb(sheet1=SHEET % (b"<row><c><v>1</v></c></row>" * 100_001)), "more than 100000 rows"),
        (bomb(sheet1=b'<!DOCTYPE x [<!ENTITY l0 "ha">' + LAUGHS + b"]>" + SHEET % b"&l11;"), "a damaged .xlsx"),
        (bomb(sheet1=b"<worksheet"), "a damaged .xlsx"),
        (bomb(workbook=b"<workbook/>"), "no row among"),
    ],
    ids=["big", "far cell", "no references", "many rows", "laughs", "cut off", "no sheets"],
)
def test_a_hostile_spreadsheet_is_refused_soon(content: bytes, words: str) -> None:
    start = time.process_time()
    with pytest.raises(BadFileError, match=words):
        read_table(content)

    assert time.process_time() - start < 60


def told(content: bytes) -> list[str]:
    try:
        return [str(problem) for problem in read_table(content).problems]
    except BadFileError as refused:
        return [str(refused)]


@settings(deadline=None)
@given(st.text() | st.text(alphabet=',;\t\n\r"ãđ=x1').map(lambda text: HEADER + text))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert all(told(text.encode("utf-8", "surrogatepass")))


@settings(deadline=None)
@given(st.binary() | st.binary().map(lambda tail: b"PK\x03\x04" + tail))
def test_no_bytes_break_the_reader(content: bytes) -> None:
    assert all(told(content))
