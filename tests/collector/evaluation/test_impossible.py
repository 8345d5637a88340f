"""What no school can have is shown as not known, what no page can hold is cut short: no form breaks."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import openpyxl
import pytest
from haidang_collector.evaluation import as_json, html, terminal, xlsx
from haidang_collector.evaluation.model import ROWS, Evaluation, Fact, Judgement
from haidang_collector.evaluation.rows import INPUTS
from haidang_collector.evaluation.words import Words
from haidang_collector.registry.facts import UnitFact
from rich.console import Console

from tests.collector.evaluation.sample import SCHOOL, evaluation, result

KINDS = {input_.show: name for name, input_ in INPUTS.items()}
"""A figure that is shown in each way."""


def said(value: float, label: str = "x", unit: UnitFact = SCHOOL) -> Evaluation:
    """A unit with a figure of every kind, all of them and their age `value`."""
    facts = tuple(Fact(name, dict.fromkeys(INPUTS[name].labels, label), value) for name in KINDS.values())
    judged = dict.fromkeys(ROWS, Judgement("unmet", "declared", value, facts))
    return replace(evaluation("unit"), of=unit.code, units=[result(unit, judged)])


def printed(of: Evaluation) -> str:
    console = Console(file=io.StringIO(), width=200)
    terminal.show(of, "vi", console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def book(of: Evaluation) -> openpyxl.Workbook:
    file = io.BytesIO()
    xlsx.write(of, "vi", file)
    return openpyxl.load_workbook(file)


@pytest.mark.parametrize("value", [1e308, -1e308, 1e306, 1e18, -1e18, 1e13, -1.0])
def test_any_number_is_shown_in_every_form(value: float) -> None:
    impossible = said(value)

    assert "Sao Mai" in printed(impossible)
    assert "Sao Mai" in html.page(impossible, "vi", printed=True)
    assert book(impossible)["R4"].max_row == 4
    told = json.loads(as_json.text(impossible, "vi"))
    assert told["units"][0]["rows"]["R4"]["facts"][0]["value"] == value


def test_what_is_no_figure_of_a_school_is_told_as_not_known() -> None:
    words = Words("en")

    assert [words.value(Fact(KINDS[show], {}, 1e306)) for show in ("count", "percent", "day")] == ["—", "—", "—"]
    assert words.age(1e306) == ""
    assert words.evidence(Judgement("met", "measured", 1e306)) == words.source("measured")


def test_the_longest_labels_and_names_are_cut_short() -> None:
    """WeasyPrint takes minutes to lay out a word of 10,000 letters."""
    endless = "A" * 10_000
    long = said(1, label=endless, unit=UnitFact(endless, endless, endless, endless))

    assert max(map(len, html.page(long, "vi", printed=True).split())) < 300
    assert "A" * 300 not in printed(long).replace("\n", "")
    assert max(len(str(cell.value)) for sheet in book(long) for row in sheet for cell in row if cell.value) < 11_000


def test_half_a_character_is_no_text_but_breaks_no_json() -> None:
    broken = said(1, label="\ud800x", unit=replace(SCHOOL, name="Trường \udfff"))

    assert json.loads(as_json.text(broken, "vi").encode())["units"][0]["name"] == "Trường ?"
