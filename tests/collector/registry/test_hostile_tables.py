"""Tables that would hold an import up for minutes, or smuggle into names what terminals and pages obey."""

from __future__ import annotations

import time

import pytest
from haidang_collector.registry import sheet
from haidang_collector.registry.fact_kinds import LABS
from haidang_collector.registry.fact_table import read_facts
from haidang_collector.registry.sheet import BadFileError, read_rows
from haidang_collector.registry.units_table import read_table

from tests.collector.registry.sheets import xlsx, xlsx_of_one_text

HEADER = "code,name,district,level,students\n"
UNSORTED = "a" + "\u0315\u0300" * 60_000
"""Marks that normalisation has to sort: the time it takes grows with the square of their number."""


@pytest.mark.parametrize("row", [f"X-1,{UNSORTED},Q,TH,1", f"X-1,T,Q,{UNSORTED},1", f"{UNSORTED},T,Q,TH,1"])
def test_marks_without_end_are_refused_soon(row: str) -> None:
    started = time.process_time()

    (problem,) = read_table((HEADER + row).encode()).problems

    assert problem.row == 2
    assert time.process_time() - started < 5


def test_marks_without_end_in_a_table_of_facts_are_refused_soon() -> None:
    started = time.process_time()

    assert len(read_facts(f"code,name,level\nX-1,P,{UNSORTED}\n{UNSORTED},P,TH".encode(), LABS).problems) == 2
    with pytest.raises(BadFileError):
        read_table((UNSORTED + ",a,b\n").encode())
    assert time.process_time() - started < 5


@pytest.mark.parametrize("sign", ["\x9b31m", "\u202e", "\u2066", "\u2028", "\x85"])
def test_a_unit_s_name_holds_nothing_that_terminals_obey_or_readers_do_not_see(sign: str) -> None:
    (problem,) = read_table(f"{HEADER}X-1,Trường {sign}Sao,Q,TH,1\n".encode()).problems

    assert (problem.row, problem.column, problem.reason) == (2, "name", "has a line break or control character")


def test_a_room_has_no_more_ports_than_an_agent_can_compare() -> None:
    listed = ",".join(f"Gi1/0/{number}" for number in range(1, 2_000))

    (problem,) = read_facts(f'code,name,ports\nX-1,P,"10.20.0.2 {listed}"\n'.encode(), LABS).problems

    assert (problem.column, problem.reason) == ("ports", "lists 1999 ports")
    assert "Gi1/0/1-24" in problem.fix


def test_a_sheet_of_millions_of_cells_is_refused_before_they_fill_the_memory() -> None:
    wide = ",".join(["1"] * 99)

    with pytest.raises(BadFileError, match="more than 1500000 cells; divide"):
        read_table((HEADER + f"{wide}\n" * 25_000).encode())


@pytest.mark.parametrize(
    ("length", "cells", "words"),
    [
        (1_000_000, 50, "line 1: a cell of 1000000 characters; at most 32767"),
        (32_000, 700, "more than 20000000 characters"),
    ],
)
def test_a_text_that_every_cell_names_is_refused_before_it_fills_the_memory(
    length: int, cells: int, words: str
) -> None:
    with pytest.raises(BadFileError, match=words):
        read_table(xlsx_of_one_text("A" * length, cells))


def test_of_rows_and_cells_without_anything_nothing_is_kept() -> None:
    """
    Else a stray cell at row 99,000 took half a minute of a processor, for a hundred cells of each row above it.
    """
    (rows,) = read_rows(xlsx([["a", None, "b"], [None], ["", None], ["c"]]), lambda _: 0)

    assert [(row.number, row.cells) for row in rows] == [(1, ("a", "", "b")), (2, ()), (3, ()), (4, ("c",))]


def test_a_file_that_unpacks_to_much_costs_another_process_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheet, "XLSX_MEMORY_BYTES", 80 << 20)
    content = xlsx_of_one_text("A" * 40_000_000, 1)
    assert len(content) < 100_000

    with pytest.raises(BadFileError, match="takes more than 60 s or 80 MB to read; divide the file"):
        read_table(content)
