from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING

import openpyxl
from haidang_collector.registry.store import Registry
from haidang_collector.registry.unit_words import LEVELS, STUDENT_LEVELS
from haidang_collector.registry.units_import import Outcome, UnitRecord, all_units, export_units, import_units
from haidang_collector.registry.units_table import read_table
from hypothesis import given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    import pytest

EXAMPLE = Path(__file__).parents[3] / "docs/examples/units.csv"
HEADER = "code,name,district,level\n"


def run(registry: Registry, text: str, *, skip_bad: bool = False, dry_run: bool = False) -> Outcome:
    return import_units(registry.database, read_table(text.encode()), skip_bad=skip_bad, dry_run=dry_run)


def counts(outcome: Outcome) -> tuple[bool, int, int, int, int]:
    return outcome.applied, outcome.created, outcome.updated, outcome.unchanged, len(outcome.bad)


def test_the_example_is_imported_once_however_often_it_is_read(registry: Registry) -> None:
    example = EXAMPLE.read_text()

    assert counts(run(registry, example)) == (True, 8, 0, 0, 0)
    assert counts(run(registry, example)) == (True, 0, 0, 8, 0)
    assert UnitRecord(
        "LC-MAU-01", "Trường Tiểu học - THCS - THPT Ví Dụ Bảy Sắc", "Quận Mẫu Nam", "mixed",
        "7 đường Ví Dụ, phường Mẫu 5", {"primary": 420, "lower_secondary": 380, "upper_secondary": 290},
    ) in all_units(registry.database)  # fmt: skip


def test_a_changed_row_updates_and_what_is_not_named_stays(registry: Registry) -> None:
    outcome = run(registry, HEADER + "TH-001,Tiểu học Đom Đóm,Quận Nam,TH\nMN-1,Hoa Giấy,Quận Nam,MN\n")

    assert counts(outcome) == (True, 1, 1, 0, 0)
    assert [(unit.code, unit.district) for unit in registry.units()] == [
        ("MN-1", "Quận Nam"), ("TH-001", "Quận Nam"), ("THCS-002", "Quận Bắc"),
    ]  # fmt: skip


def test_a_missing_column_keeps_a_fact_and_an_empty_cell_removes_it(registry: Registry) -> None:
    def facts() -> tuple[str | None, dict[str, int]]:
        unit = all_units(registry.database)[0]
        return unit.address, unit.students

    run(registry, "code,name,district,level,address,students\nTH-001,N,D,TH,Đường 1,480\n")
    assert facts() == ("Đường 1", {"primary": 480})
    run(registry, HEADER + "TH-001,N,D,TH\n")
    assert facts() == ("Đường 1", {"primary": 480})
    run(registry, "code,name,district,level,address,students\nTH-001,N,D,TH,,\n")
    assert facts() == (None, {})


def test_nothing_of_a_file_with_a_bad_row_is_imported(registry: Registry) -> None:
    before = all_units(registry.database)
    bad = HEADER + "X1,N,D,TH\nX2,N,D,?\nTH-001,N,D,TH\n"

    assert counts(run(registry, bad)) == (False, 1, 1, 0, 1)
    assert all_units(registry.database) == before
    assert counts(run(registry, bad, skip_bad=True)) == (True, 1, 1, 0, 1)
    assert [unit.code for unit in registry.units()] == ["TH-001", "THCS-002", "X1"]


def test_a_dry_run_only_tells(registry: Registry) -> None:
    before = all_units(registry.database)

    assert counts(run(registry, HEADER + "X1,N,D,TH\n", dry_run=True)) == (False, 1, 0, 0, 0)
    assert all_units(registry.database) == before


def test_a_code_in_another_case_is_no_second_unit(registry: Registry) -> None:
    outcome = run(registry, HEADER + "th-001,N,D,TH\n")

    assert not outcome.applied
    assert "write 'TH-001'; capital and small letters count" in str(outcome.bad[0])


def test_a_spreadsheet_of_the_export_changes_nothing(registry: Registry) -> None:
    """
    The way through Excel: exported as CSV, opened, saved as XLSX with numbers as numbers.
    """
    run(registry, EXAMPLE.read_text())
    book = openpyxl.Workbook()
    assert book.active is not None
    for cells in csv.reader(io.StringIO(exported(registry).removeprefix("\ufeff"))):
        book.active.append([int(cell) if cell.isdecimal() else cell for cell in cells])
    file = io.BytesIO()
    book.save(file)

    assert counts(import_units(registry.database, read_table(file.getvalue()))) == (True, 0, 0, 10, 0)


def exported(registry: Registry) -> str:
    file = io.StringIO(newline="")
    export_units(all_units(registry.database), file)
    return file.getvalue()


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=40) | st.text(
    "a;,=+-@ '\"\uff1d\uff0b", min_size=1, max_size=12
)
codes = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", fullmatch=True)
students = st.dictionaries(st.sampled_from(STUDENT_LEVELS), st.integers(0, 100_000))
units = st.builds(UnitRecord, codes, words, words, st.sampled_from(list(LEVELS)), st.none() | words, students)
city = st.lists(units, max_size=8, unique_by=lambda unit: unit.code.casefold())


@settings(max_examples=60, deadline=None)
@given(city)
def test_what_is_written_out_and_read_in_again_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, made: list[UnitRecord]
) -> None:
    registry = Registry(f"sqlite:///{tmp_path_factory.mktemp('city') / 'registry.db'}")
    file = io.StringIO(newline="")
    export_units(made, file)
    outcome = import_units(registry.database, read_table(file.getvalue().encode()), skip_bad=True)
    assert outcome.created + len(outcome.bad) == len(made)

    again = import_units(registry.database, read_table(exported(registry).encode()))
    registry.close()

    assert counts(again) == (True, 0, 0, outcome.created, 0)
