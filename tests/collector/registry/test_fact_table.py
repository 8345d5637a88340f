from __future__ import annotations

import io
import re
from datetime import date, datetime

import openpyxl
import pytest
from haidang_collector.registry.fact_kinds import CONTACTS, CONTRACTS, EQUIPMENT, KINDS, LABS, PLANS, PORTALS, SUBJECTS
from haidang_collector.registry.fact_table import FactTable, read_facts
from haidang_collector.registry.sheet import BadFileError
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.formula import ArrayFormula

from tests.collector.registry.sheets import xlsx

LAB = "Mã đơn vị,Tên phòng máy,Dải mạng,VLAN,Số máy tính,Cấp học\n"
MAKES = "code\tname\tDải mạng khác\tCổng switch\tĐịa chỉ MAC\n"
CONTRACT = "code,wan,number,isp,medium,down,up,starts,ends\n"


def read(kind: str, text: str) -> FactTable:
    return read_facts(text.encode(), KINDS[kind])


def only(table: FactTable) -> dict[str, object]:
    (row,) = table.rows
    assert table.problems == []
    return row.values


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize(
    "header",
    [
        "Mã đơn vị,Tên phòng máy,Dải mạng,VLAN,Số máy tính,Cấp học",
        "code,name,cidr,vlan,computers,level",
        "MÃ TRƯỜNG,Phòng máy,Subnet,vlan id,Số máy,Cấp",
        "Ma don vi,Ten phong may,Dai mang,Vlan,So may tinh,Cap hoc",
    ],
)
def test_headings_in_vietnamese_and_english(header: str, delimiter: str) -> None:
    text = f"DANH SÁCH\n{header}\nTH-001,Phòng 1,10.20.1.0/24,20,40,TH\n".replace(",", delimiter)

    assert only(read("labs", text)) == {
        "name": "Phòng 1", "cidr": "10.20.1.0/24", "vlan": 20, "computers": 40, "level": "primary",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("subnets", "10.20.3.0/24", "10.20.3.0/24"),
        (
            "subnets",
            "10.20.3.0/24;10.20.4.0/24 2001:DB8:20::/64,10.20.3.0/24",
            "10.20.3.0/24 10.20.4.0/24 2001:db8:20::/64",
        ),
        ("ports", "10.20.0.2 Gi1/0/1-24", "10.20.0.2 Gi1/0/1-24"),
        (
            "ports",
            "sw1  Gi1 , Slot: 1 Port: 5-8;sw1.th.edu.vn eth5 ; ",
            "sw1 Gi1,Slot: 1 Port: 5-8; sw1.th.edu.vn eth5",
        ),
        ("machines", "8C-EC-4B-00-00-01", "8c:ec:4b:00:00:01"),
        ("machines", "8cec.4b00.0001, 8cec4b000002; 8c:ec:4b:00:00:01", "8c:ec:4b:00:00:01 8c:ec:4b:00:00:02"),
    ],
)
def test_what_makes_a_room_is_a_list_in_one_spelling(column: str, cell: str, value: str) -> None:
    """
    Read again, it is the same.
    """
    for text in (cell, value):
        table = read("labs", f"code\tname\t{column}\nX\tP\t{text}\n")
        assert only(table) == {"name": "P", column: value}


def test_empty_is_none_and_a_missing_column_is_absent() -> None:
    assert only(read("labs", "code,name,computers\nTH-001,Phòng 1,\n")) == {"name": "Phòng 1", "computers": None}


@pytest.mark.parametrize(
    ("kind", "text", "values"),
    [
        ("equipment", "code,kind,number\nX,Máy vi tính quản lý,0", {"kind": "management_computer", "number": 0}),
        ("equipment", "code,kind,number\nX,management_computer,2", {"kind": "management_computer", "number": 2}),
        ("equipment", "code,loại,số lượng\nX,MÁY CHIẾU,2", {"kind": "projector", "number": 2}),
        ("subjects", "code,name,has_computer\nX,Tổ Toán,x", {"name": "Tổ Toán", "has_computer": True}),
        ("subjects", "code,name,has_computer\nX,Tổ Toán,Chưa có", {"name": "Tổ Toán", "has_computer": False}),
        ("contacts", "code,role,name\nX,Hiệu trưởng,Ví Dụ", {"role": "leader", "name": "Ví Dụ"}),
        (
            "plans",
            "code,year,received\nX,2025 \u2013 2026,1/9/2025",
            {"year": "2025-2026", "received": date(2025, 9, 1)},
        ),
        ("portals", "code,website\nX,https://x.example/", {"url": "https://x.example/"}),
        (
            "public_services",
            "code,dịch vụ,địa chỉ,mùa\nX,TUYỂN SINH,https://x.example/,Mùa tuyển sinh",
            {"service": "enrolment", "url": "https://x.example/", "season": "enrolment"},
        ),
        (
            "public_services",
            "code,service,url,season\nX,lop_10,https://x.example/,he  enrolment he",
            {"service": "lop_10", "url": "https://x.example/", "season": "he enrolment"},
        ),
    ],
)
def test_words_as_people_write_them(kind: str, text: str, values: dict[str, object]) -> None:
    assert only(read(kind, text)) == values


@pytest.mark.parametrize(
    ("told", "kept"),
    [("vnpt", "VNPT"), ("FPT Telecom", "FPT"), ("Tập đoàn Viettel", "Viettel"), ("Nhà mạng Ví Dụ", "Nhà mạng Ví Dụ")],
)
def test_an_isp_gets_the_name_that_measurements_use(told: str, kept: str) -> None:
    assert only(read("contracts", f"code,wan,isp\nX,wan1,{told}"))["isp"] == kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("25/11/2026", date(2026, 11, 25)),
        ("3-4-2026", date(2026, 4, 3)),
        ("2026-11-25", date(2026, 11, 25)),
        ("2026-11-25 14:30:00", date(2026, 11, 25)),
        ("46351", date(2026, 11, 25)),
        ("46351.75", date(2026, 11, 25)),
    ],
)
def test_dates_in_every_form(told: str, kept: date) -> None:
    assert only(read("plans", f"code,year,received\nX,2026-2027,{told}"))["received"] == kept


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("0900 000 001", "0900000001"),
        ("900000001", "0900000001"),
        ("+84 (90) 000.0001", "0900000001"),
        ("028 3800 0001", "02838000001"),
        ("+65 6000 0000", "006560000000"),
    ],
)
def test_telephone_numbers_are_kept_in_one_form(told: str, kept: str) -> None:
    assert only(read("contacts", f"code,role,name,phone\nX,leader,Ví Dụ,{told}"))["phone"] == kept


BAD = [
    ("labs", LAB + ",P,,,,", "Mã đơn vị", "is empty; fill it in; of merged cells only the first row holds the value"),
    ("labs", LAB + "Trường,P,,,,", "Mã đơn vị", "is no unit code"),
    ("labs", LAB + "X,,,,,", "Tên phòng máy", "is empty"),
    ("labs", LAB + "X,=A1,,,,", "Tên phòng máy", "is a formula; copy the column and paste it as values"),
    ("labs", LAB + "X,@P,,,,", "Tên phòng máy", "spreadsheets would run it"),
    ("labs", LAB + "X,P,10.20.1.5/24,,,", "Dải mạng", "is no network; write 10.20.1.0/24"),
    ("labs", LAB + "X,P,10.20.1.0,,,", "Dải mạng", "add its length"),
    ("labs", LAB + "X,P,10.20.1.0/33,,,", "Dải mạng", "is no network"),
    ("labs", LAB + "X,P,,4095,,", "VLAN", "1 to 4094"),
    ("labs", LAB + "X,P,,,-40,", "Số máy tính", "write digits only, 0 to 100000"),
    ("labs", LAB + "X,P,,,1.234,", "Số máy tính", "has a separator; write digits only, as 1234"),
    ("labs", LAB + "X,P,,,40 máy,", "Số máy tính", "is no such number"),
    ("labs", LAB + "X,P,,,=20+20,", "Số máy tính", "is a formula"),
    ("labs", LAB + "X,P,,,#REF!,", "Số máy tính", "is a spreadsheet's error"),
    ("labs", LAB + "X,P,,,,Đại học", "Cấp học", "write one of Tiểu học, THCS, THPT; empty: shared by all levels"),
    ("labs", LAB + "X,P,,,,Liên cấp", "Cấp học", "is none of the known"),
    ("labs", LAB + "X,P,,,,,more", "", "has no column"),
    ("labs", MAKES + "X\tP\t10.20.3.0/24; 10.20.4.1/24", "Dải mạng khác", "is no network; write 10.20.4.0/24"),
    ("labs", MAKES + "X\tP\tlab-1", "Dải mạng khác", "is no network; write it as 10.20.1.0/24"),
    ("labs", MAKES + "X\tP\t;", "Dải mạng khác", "lists 0; write 1 to 64"),
    (
        "labs",
        MAKES + "X\tP\t\tGi1/0/1",
        "Cổng switch",
        "is no port; write the switch, then its ports, as 10.20.0.2 Gi1",
    ),
    ("labs", MAKES + "X\tP\t\tsw1 Gi1,,Gi2", "Cổng switch", "holds 'sw1 Gi1,,Gi2', which is no port"),
    ("labs", MAKES + "X\tP\t\tsw1 Gi24-1", "Cổng switch", "holds 'Gi24-1', which ends before it begins"),
    ("labs", MAKES + "X\tP\t\tsw1 Cổng 1", "Cổng switch", "is no port"),
    ("labs", MAKES + "X\tP\t\t=sw1 1", "Cổng switch", "is a formula"),
    ("labs", MAKES + "X\tP\t\t" + ";".join(f"sw{n} 1" for n in range(70)), "Cổng switch", "lists 70; write 1 to 64"),
    ("labs", MAKES + "X\tP\t\t\tPC-07", "Địa chỉ MAC", "holds 'PC-07', which is no MAC address"),
    ("labs", MAKES + "X\tP\t\t\t00:00:00:00:00:00", "Địa chỉ MAC", "is no MAC address; write it as 8c:ec:4b:00:00:01"),
    ("labs", MAKES + "X\tP\t\t\tda:a1:19:00:00:09", "Địa chỉ MAC", "no network card was made with; switch off random"),
    ("labs", MAKES + "X\tP\t\t\tff:ff:ff:ff:ff:ff", "Địa chỉ MAC", "no network card was made with"),
    ("labs", LAB + "Y,P,,,,\ny,p,,,,", "Tên phòng máy", "stands in row 2 already"),
    ("equipment", "code,kind,number\nX,Máy bay,1", "kind", "write one of Máy tính quản lý"),
    ("equipment", "code,kind,number\nX,Máy in,", "number", "is empty"),
    ("equipment", "code,kind,number\nX,Máy in,-1", "number", "is no such number"),
    ("subjects", "code,name,has_computer\nX,Tổ Toán,có lẽ", "has_computer", "is neither yes nor no"),
    ("contacts", "code,role,name,phone\nX,leader,V,0901-ext-2", "phone", "write one number as 0901234567"),
    ("contacts", "code,role,name,email\nX,leader,V,v@", "email", "is no e-mail address"),
    ("contacts", "code,role,name,email\nX,leader,V,-v@x.edu.vn", "email", "spreadsheets would run it"),
    ("plans", "code,year,received\nX,2025-2027,1/9/2025", "year", "is no school year"),
    ("plans", "code,year,received\nX,2025-2026,31/2/2026", "received", "write it as 25/11/2026 or 2026-11-25"),
    ("plans", "code,year,received\nX,2025-2026,11/25/2026", "received", "is no date"),
    ("plans", "code,year,received\nX,2025-2026,25/11/26", "received", "is no date"),
    ("plans", "code,year,received\nX,2025-2026,01/01/1026", "received", "is no date"),
    ("contracts", CONTRACT + "X,WAN 1,,VNPT,,,,,", "wan", "write it as wan1"),
    ("contracts", CONTRACT + "X,wan1,,VNPT,,1.000,,,", "down", "without a unit or separator, as 1000"),
    ("contracts", CONTRACT + "X,wan1,,VNPT,,300 Mbps,,,", "down", "without a unit"),
    ("contracts", CONTRACT + "X,wan1,,VNPT,,0,,,", "down", "above 0"),
    ("contracts", CONTRACT + "X,wan1,,VNPT,,,,2026-02-01,2026-01-01", "ends", "is before the contract starts"),
    ("portals", "code,url,mail_domain\nX,,", "url", "fill in one of them"),
    ("portals", "code,url\nX,th.edu.vn", "url", "write https://"),
    ("portals", "code,url\nX,https://x.example:22/", "url", "is at port 22, where the centre does not ask"),
    ("public_services", "code,service,url\nX,fees,http://x.example:25/", "url", "at one of 80, 443, 8080, 8443"),
    ("public_services", "code,service,url\nX,a__b,http://x.example/", "service", "is no service that is known"),
    ("portals", "code,url\nX,javascript:alert(1)", "url", "is no address of a site"),
    ("portals", "code,url\nX,https://a:b@x.example/", "url", "holds a user name or password"),
    ("portals", "code,mail_domain\nX,@th.edu.vn", "mail_domain", "what stands behind the @"),
    ("public_services", "code,service,url\nX,Bán trú,https://x.example/", "service", "write one of Tuyển sinh đầu cấp"),
    ("public_services", "code,service,url\nX,enrolment,", "url", "is empty"),
    ("public_services", "code,service,url\nX,enrolment,x.example", "url", "is no address of a site"),
    ("public_services", "code,service,url,season\nX,fees,https://x.example/,Mùa hè", "season", "is no season"),
    (
        "public_services",
        "code,service,url\nX,fees,https://x.example/\nX,Học phí,https://y.example/",
        "service",
        "in row 2",
    ),
]


@pytest.mark.parametrize(("kind", "text", "column", "words"), BAD)
def test_a_bad_row_is_told_by_column_and_mend(kind: str, text: str, column: str, words: str) -> None:
    (problem,) = read(kind, text).problems

    assert problem.column == column
    assert words in str(problem)


def test_all_bad_rows_are_told_and_the_others_kept() -> None:
    table = read("labs", LAB + "X,P,,,-1,\n" * 300 + "X,P,,,1,\n")

    assert [problem.row for problem in table.problems] == list(range(2, 302))
    assert len(table.rows) == 1


def test_numbers_and_dates_of_a_spreadsheet() -> None:
    rows = [
        ["Kế hoạch"],
        ["Mã đơn vị", "Năm học", "Ngày nhận", "Ghi chú"],
        ["A", "2026-2027", datetime(2026, 11, 25), None],  # noqa: DTZ001 - as spreadsheets keep it
        ["B", "2026-2027", 46351, "?"],
        ["C", "2026-2027", "25/11/2026", None],
    ]
    table = read_facts(xlsx(rows), PLANS)

    assert [row.values["received"] for row in table.rows] == [date(2026, 11, 25)] * 3
    assert table.notes == ["column 'Ghi chú' is not known and was left out"]


def test_a_number_of_mbit_may_have_decimals() -> None:
    rows = [["code", "wan", "isp", "down", "up"], ["X", "wan1", "VNPT", 7.5, "7,5"]]

    assert only(read_facts(xlsx(rows), CONTRACTS)) == {"wan": "wan1", "isp": "VNPT", "down": 7.5, "up": 7.5}


def test_formulas_of_a_spreadsheet_are_refused_and_not_taken_for_empty() -> None:
    rows = [
        ["code", "name", "computers"],
        ["A", "P", "=20+20"],
        ["B", "P", ArrayFormula("C3", "=SUM(A1:A2)")],
        ["C", '=HYPERLINK("https://x.example")', 1],
    ]

    assert [str(problem).partition("value ")[2] for problem in read_facts(xlsx(rows), LABS).problems] == [
        "'=20+20': is a formula; copy the column and paste it as values",
        "'=SUM(A1:A2)': is a formula; copy the column and paste it as values",
        "'=HYPERLINK(\"https://x.example\")': is a formula; copy the column and paste it as values",
    ]


def test_merged_cells_are_told_from_the_second_row_on() -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (["code", "kind", "number"], ["X", "Máy in", 1], [None, "Webcam", 1]):
        book.active.append(row)
    book.active.merge_cells("A2:A3")
    file = io.BytesIO()
    book.save(file)
    table = read_facts(file.getvalue(), EQUIPMENT)

    assert [row.unit for row in table.rows] == ["X"]
    assert [(problem.row, problem.column) for problem in table.problems] == [(3, "code")]
    assert "unmerge them" in str(table.problems[0])


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"code,name\n", "row 1: the header lacks Có máy tính (has_computer); add it"),
        (b"code,name,has_computer,computer\n", "both mean Có máy tính (has_computer); remove one"),
        (b"", "no row among the first 30 has the columns of subjects: Mã đơn vị (code), Tổ bộ môn (name)"),
        (b"%PDF", "`haidang units template subjects` writes a table to fill in"),
        (b"\xff\xfe", "UTF-16"),
        (b"PK\x03\x04rubbish", "a damaged .xlsx"),
        (b"code,name,has_computer\n" + b"X,Y,1\n" * 200_000, "more than 100000 rows; divide the file"),
    ],
)
def test_what_is_no_such_table_is_one_clear_line(content: bytes, words: str) -> None:
    with pytest.raises(BadFileError, match=re.escape(words)) as refused:
        read_facts(content, SUBJECTS)

    assert "\n" not in str(refused.value)


def told(content: bytes, kind: str) -> list[str]:
    try:
        return [str(problem) for problem in read_facts(content, KINDS[kind]).problems]
    except BadFileError as refused:
        return [str(refused)]


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_no_cell_breaks_the_reader(kind: str, data: st.DataObject) -> None:
    columns = [column.name for column in KINDS[kind].columns]
    cells = st.text(max_size=30) | st.sampled_from([column.example for column in KINDS[kind].columns])
    rows = data.draw(st.lists(st.lists(cells, min_size=len(columns) + 1, max_size=len(columns) + 2), max_size=5))
    text = "\n".join("\t".join(row) for row in [["code", *columns], *rows])

    assert all(told(text.encode("utf-8", "surrogatepass"), kind))


def test_examples_of_the_columns_can_be_read() -> None:
    for kind in (LABS, EQUIPMENT, SUBJECTS, CONTACTS, PLANS, CONTRACTS, PORTALS):
        for column in kind.columns:
            assert column.read(column.example) is not None
