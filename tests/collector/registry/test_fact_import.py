from __future__ import annotations

import csv
import io
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from haidang_collector.registry.fact_import import all_facts, export_facts, import_facts
from haidang_collector.registry.fact_kinds import CONTACTS, CONTRACTS, KINDS, LABS, Kind
from haidang_collector.registry.fact_table import FactRow, FactTable, read_facts
from haidang_collector.registry.history import history_of, operator
from haidang_collector.registry.models import Unit
from haidang_collector.registry.sheet import RUN_BY_SPREADSHEETS, clean, csv_line, inert
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import UnknownUnitError
from haidang_collector.registry.units_import import Outcome, import_units
from haidang_collector.registry.units_table import read_table
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

EXAMPLES = Path(__file__).parents[3] / "docs/examples"
HEADER = "code,name,cidr,computers,level\n"
ROOMS = HEADER + "TH-001,Phòng 1,10.20.1.0/24,40,TH\nTH-001,Phòng 2,,,\nTHCS-002,Phòng 1,,35,THCS\n"


def run(registry: Registry, text: str, kind: Kind = LABS, *, skip_bad: bool = False, replace: bool = False) -> Outcome:
    table = read_facts(text.encode(), kind)
    return import_facts(registry.database, kind, table, skip_bad=skip_bad, replace=replace, who="Ví Dụ")


def counts(outcome: Outcome) -> tuple[int, int, int, int]:
    assert outcome.applied
    return outcome.created, outcome.updated, outcome.unchanged, outcome.removed


def rooms(registry: Registry) -> dict[tuple[str, object], object]:
    return {(fact.unit, fact.values["name"]): fact.values["computers"] for fact in all_facts(registry.database, LABS)}


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.word)
def test_the_example_is_imported_once_however_often_it_is_read(registry: Registry, kind: Kind) -> None:
    import_units(registry.database, read_table((EXAMPLES / "units.csv").read_bytes()))
    table = read_facts((EXAMPLES / f"{kind.word}.csv").read_bytes(), kind)

    first = import_facts(registry.database, kind, table)
    again = import_facts(registry.database, kind, table)

    assert (table.problems, table.notes) == ([], [])
    assert counts(first) == (len(table.rows), 0, 0, 0)
    assert counts(again) == (0, 0, len(table.rows), 0)


def test_a_missing_column_keeps_a_fact_and_an_empty_cell_removes_it(registry: Registry) -> None:
    run(registry, ROOMS)

    assert counts(run(registry, "code,name,level\nTH-001,Phòng 1,THCS\n")) == (0, 1, 0, 0)
    assert rooms(registry)[("TH-001", "Phòng 1")] == 40
    assert counts(run(registry, "code,name,computers\nTH-001,Phòng 1,\n")) == (0, 1, 0, 0)
    assert rooms(registry)[("TH-001", "Phòng 1")] is None


def test_what_a_file_does_not_name_stays_or_goes_with_replace(registry: Registry) -> None:
    run(registry, ROOMS)
    less = "code,name,computers\nTH-001,Phòng 2,20\n"

    assert counts(run(registry, less)) == (0, 1, 0, 0)
    assert counts(run(registry, less, replace=True)) == (0, 0, 1, 1)
    assert rooms(registry) == {("TH-001", "Phòng 2"): 20, ("THCS-002", "Phòng 1"): 35}, "of units it names only"


@pytest.mark.parametrize("bad", ["TH-001,PHÒNG 1,30", "TH-001,Phòng 1,-1"])
def test_an_entry_that_a_bad_row_means_does_not_go(registry: Registry, bad: str) -> None:
    run(registry, ROOMS)
    before = rooms(registry)

    outcome = run(registry, f"code,name,computers\nTH-001,Phòng 2,20\n{bad}\n", skip_bad=True, replace=True)

    assert (outcome.applied, outcome.removed) == (True, 0)
    assert rooms(registry) == before | {("TH-001", "Phòng 2"): 20}


def test_units_and_entries_must_be_spelt_as_registered(registry: Registry) -> None:
    run(registry, ROOMS)

    outcome = run(registry, "code,name\nTH-009,P\nth-001,Phòng 1\nTH-001,PHÒNG 2\n")

    assert not outcome.applied
    case = "is registered otherwise; write {!r}; capital and small letters count"
    assert [(problem.row, problem.value, f"{problem.reason}; {problem.fix}") for problem in outcome.bad] == [
        (2, "TH-009", "is no registered unit; mend the code, or import the unit first"),
        (3, "th-001", case.format("TH-001")),
        (4, "PHÒNG 2", case.format("Phòng 2")),
    ]


def test_nothing_of_a_file_with_a_bad_row_is_imported_unless_they_are_left_out(registry: Registry) -> None:
    bad = ROOMS + "TH-001,Phòng 3,,-1,\n"

    assert not run(registry, bad).applied
    assert rooms(registry) == {}
    assert history_of(registry.database, "TH-001") == []
    assert counts(run(registry, bad, skip_bad=True)) == (3, 0, 0, 0)


def test_a_dry_run_counts_and_changes_nothing(registry: Registry) -> None:
    outcome = import_facts(registry.database, LABS, read_facts(ROOMS.encode(), LABS), dry_run=True)

    assert (outcome.applied, outcome.created, rooms(registry)) == (False, 3, {})


def test_a_renewed_contract_stands_beside_the_old_one(registry: Registry) -> None:
    header = "code,wan,number,isp,down,starts\n"
    run(registry, header + "TH-001,wan1,A-1,vnpt,100,2024-01-01\n", CONTRACTS)

    assert counts(run(registry, header + "TH-001,wan1,A-2,VNPT,300,2026-01-01\n", CONTRACTS)) == (1, 0, 0, 0)
    assert [(fact.values["number"], fact.values["isp"]) for fact in all_facts(registry.database, CONTRACTS)] == [
        ("A-1", "VNPT"),
        ("A-2", "VNPT"),
    ]


def test_every_change_is_a_row_of_the_history(registry: Registry) -> None:
    run(registry, "code,role,name,phone\nTH-001,leader,Ví Dụ,0900000001\n", CONTACTS)
    run(registry, "code,role,name,phone\nTH-001,leader,Ví Dụ,0900000002\n", CONTACTS)
    run(registry, "code,role,name,phone\nTH-001,leader,Ví Dụ,0900000002\n", CONTACTS)
    run(registry, "code,role,name,email\nTH-001,leader,Mẫu,mau@x.edu.vn\n", CONTACTS, replace=True)
    changes = history_of(registry.database, "TH-001")

    assert [(change.what, change.entry, change.before, change.after) for change in reversed(changes)] == [
        ("contacts", "leader Ví Dụ", None, {"phone": "0900000001"}),
        ("contacts", "leader Ví Dụ", {"phone": "0900000001"}, {"phone": "0900000002"}),
        ("contacts", "leader Mẫu", None, {"email": "mau@x.edu.vn"}),
        ("contacts", "leader Ví Dụ", {"phone": "0900000002"}, None),
    ]
    assert {change.who for change in changes} == {"Ví Dụ"}
    assert all(abs(change.at - datetime.now(UTC)) < timedelta(minutes=1) for change in changes)
    assert changes[0].parts() == [("(removed)", "", ""), ("phone", "0900000002", "")]
    assert history_of(registry.database, "THCS-002") == []


def test_changes_of_units_themselves_are_in_the_history(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_OPERATOR", "Phòng GD\nMẫu")
    header = "code,name,district,level,students\n"
    import_units(registry.database, read_table((header + "X1,N,D,TH,\nTH-001,Tên mới,Quận Bắc,TH,480\n").encode()))
    import_units(registry.database, read_table((header + "TH-001,Tên mới,Quận Bắc,TH,470\n").encode()))
    newest, second = history_of(registry.database, "TH-001")

    assert (newest.who, newest.what, newest.before, newest.after) == (
        "Phòng GDMẫu", "units", {"students_primary": 480}, {"students_primary": 470},
    )  # fmt: skip
    assert second.before == {"name": "Tiểu học Đom Đóm"}
    assert second.after == {"name": "Tên mới", "students_primary": 480}
    assert history_of(registry.database, "X1")[0].before is None


def test_there_is_no_history_of_a_unit_that_is_not_there(registry: Registry) -> None:
    with pytest.raises(UnknownUnitError):
        history_of(registry.database, "TH-009")


@pytest.mark.parametrize(
    ("environment", "who"),
    [({"HAIDANG_OPERATOR": "Sở", "SUDO_USER": "mau"}, "Sở"), ({"SUDO_USER": "mau"}, "mau")],
)
def test_who_is_at_work(environment: dict[str, str], who: str) -> None:
    assert operator(environment) == who
    assert operator({})


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\t", "\r", "\n", " ="])
def test_no_cell_of_an_export_is_a_formula(begin: str) -> None:
    assert inert(f"{begin}1+1") == f"'{begin}1+1"


def test_no_part_of_a_cell_is_a_formula_where_lines_part_at_semicolons() -> None:
    assert inert("Phòng 1") == "Phòng 1"
    assert inert("a;=1;b; ; +1;1=1") == "a;\u2060=1;b; ;\u2060 +1;1=1"
    assert inert("a\r\n=1\t@b") == "a\r\u2060\n\u2060=1\t\u2060@b"
    line = csv_line(["a;=1", 'b "c"', "d", "e,f", "g\nh"])
    assert line == '"a;\u2060=1","b ""c""",d,"e,f","g\nh"\r\n'
    assert next(csv.reader(io.StringIO(line, newline="")))[1:] == ['b "c"', "d", "e,f", "g\nh"]


@settings(max_examples=300, deadline=None)
@given(st.text("a;,=+-@ '\"\uff1d\uff20\u2060\u00a0\t", min_size=1, max_size=12))
@example("a; =1")
def test_what_the_import_takes_is_read_back_as_it_was(text: str) -> None:
    taken = clean(text)
    assume(taken and taken.isprintable() and not taken.startswith(RUN_BY_SPREADSHEETS))

    first, second = next(csv.reader(io.StringIO(csv_line([taken, "b"]), newline="")))

    assert (clean(first), second) == (taken, "b")
    assert not [part for part in first.split(";") if part.lstrip().startswith(RUN_BY_SPREADSHEETS)]


@pytest.mark.parametrize("sign", "\u061c\u200e\u200f\u202a\u202e\u2066\u2069")
def test_what_turns_the_order_of_letters_is_shown_as_what_it_is(sign: str) -> None:
    assert inert(f"Trường {sign}fdp.exe") == f"Trường \\u{ord(sign):04x}fdp.exe"


@pytest.mark.parametrize("sign", "\uff1d\uff0b\uff0d\uff20")
def test_a_full_width_formula_is_refused_as_any(registry: Registry, sign: str) -> None:
    (of_facts,) = read_facts(f"code,name\nTH-001,{sign}1\n".encode(), LABS).problems
    (of_units,) = read_table(f"code,name,district,level\nX-1,{sign}1,Q,TH\n".encode()).problems

    assert "spreadsheets would run it" in of_facts.reason
    assert "spreadsheets would run it" in of_units.reason


@pytest.fixture(scope="module")
def school(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    registry = Registry(f"sqlite:///{tmp_path_factory.mktemp('school') / 'registry.db'}")
    with registry.database.write() as session:
        session.add(Unit(code="X", name="N", district="D", level="primary", students={}))
    return registry


texts = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "Zs"]), min_size=1, max_size=30) | st.text(
    "a;,=+-@ '\"\uff1d\uff0b\u202e\t\n", min_size=1, max_size=12
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(sorted(KINDS)), st.data())
def test_what_is_written_out_and_read_in_again_changes_nothing(
    school: Registry, kind: str, data: st.DataObject
) -> None:
    rows = []
    for column in KINDS[kind].columns:
        cell = data.draw(st.just(column.example) | texts.map(str.strip).filter(bool), label=column.name)
        rows.append(cell)
    file = io.StringIO(newline="")
    csv.writer(file).writerows([["code", *(column.name for column in KINDS[kind].columns)], ["X", *rows]])
    import_facts(school.database, KINDS[kind], read_facts(file.getvalue().encode(), KINDS[kind]), skip_bad=True)
    stored = all_facts(school.database, KINDS[kind])
    written = io.StringIO(newline="")
    export_facts(KINDS[kind], stored, written)

    again = import_facts(school.database, KINDS[kind], read_facts(written.getvalue().encode(), KINDS[kind]))

    assert counts(again) == (0, 0, len(stored), 0)
    cells = [cell for row in csv.reader(io.StringIO(written.getvalue())) for cell in row]
    parts = [part.lstrip() for cell in cells for part in cell.split(";")]
    assert not [part for part in parts if part.startswith(RUN_BY_SPREADSHEETS)]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.01, 1000).map(lambda speed: round(speed, 2)), st.dates(date(1990, 1, 1), date(2100, 12, 31)))
def test_numbers_and_dates_survive_the_way_through_a_sheet(speed: float, day: date) -> None:
    columns = {column.name: column for column in CONTRACTS.columns}

    assert columns["down"].read(columns["down"].show(speed)) == speed
    assert columns["starts"].read(columns["starts"].show(day)) == day


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_many_rows_go_in_within_seconds(registry: Registry) -> None:
    rows = [FactRow(n, "TH-001", {"name": f"Phòng {n}", "computers": n % 50}) for n in range(20_000)]
    start = time.process_time()

    assert counts(import_facts(registry.database, LABS, FactTable(rows))) == (20_000, 0, 0, 0)
    rows = [FactRow(row.number, "TH-001", {**row.values, "computers": 1}) for row in rows]
    assert import_facts(registry.database, LABS, FactTable(rows)).updated == 19_600
    assert time.process_time() - start < 20
