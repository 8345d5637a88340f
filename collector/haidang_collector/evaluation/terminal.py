"""The evaluation on a terminal: shares as bars and the units worst off, or one unit row by row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from haidang_collector.evaluation.model import ROWS, STATES, worst
from haidang_collector.evaluation.words import Words, short

if TYPE_CHECKING:
    from rich.console import Console

    from haidang_collector.evaluation.model import Evaluation, Share, State, UnitResult

BAR_CELLS = 24
WORST = 10
LONGEST_NAME = 40
BLOCKS = {"met": "█", "unmet": "▒", "unknown": "░", "not_applicable": "·"}
"""Told apart without colours too."""
COLOURS = {"met": "green", "unmet": "red", "unknown": "yellow", "not_applicable": "dim"}


def show(evaluation: Evaluation, language: str, console: Console) -> None:
    words = Words(language)
    _ = words.translations.gettext
    head = _("Evaluation of %(whom)s at %(at)s") % {
        "whom": words.scope(evaluation),
        "at": words.moment(evaluation.at),
    }
    console.print(Text(head, style="bold"))
    for problem in evaluation.problems:
        console.print(Text(words.problem(problem), style="yellow"))
    if not evaluation.units:
        return
    if evaluation.scope == "unit":
        console.print(_of_unit(evaluation.units[0], words))
        return
    console.print(_of_rows(evaluation, words))
    if evaluation.scope == "city":
        console.print(_of_districts(evaluation, words))
    if worst_off := worst(evaluation.units, WORST):
        console.print(_of_worst(worst_off, words))


def _of_rows(evaluation: Evaluation, words: Words) -> Table:
    _ = words.translations.gettext
    legend = "  ".join(f"{BLOCKS[state]} {words.state(state)}" for state in STATES)
    table = Table(caption=Text(legend), caption_justify="left")
    for title in (_("Row"), _("Requirement"), "", _("Share")):
        table.add_column(title, justify="right" if title == _("Share") else "left")
    for state in STATES:
        table.add_column(words.state(state), justify="right")
    for row in ROWS:
        share = evaluation.shares[row]
        counts = [Text(words.number(getattr(share, state)), COLOURS[state]) for state in STATES]
        table.add_row(row, words.row_title(row), _bar(share), words.percent(share.ratio), *counts)
    return table


def _of_districts(evaluation: Evaluation, words: Words) -> Table:
    table = Table(
        title=words.translations.gettext("Districts: share of the units judged, in percent; ? where some are not known")
    )
    table.add_column(words.translations.gettext("District"))
    for row in ROWS:
        table.add_column(row, justify="right")
    for district, shares in evaluation.districts.items():
        table.add_row(_name(district), *(words.compared(shares[row]) for row in ROWS))
    return table


def _of_worst(units: list[UnitResult], words: Words) -> Table:
    _ = words.translations.gettext
    table = Table(title=_("Units that miss most rows"))
    for title in (_("Code"), _("Name"), _("District"), _("Rows not met"), _("Rows not known")):
        table.add_column(title)
    for result in units:
        rows = [" ".join(row for row in ROWS if result.rows[row].state == state) for state in ("unmet", "unknown")]
        table.add_row(*map(_name, (result.unit.code, result.unit.name, result.unit.district)), *rows)
    return table


def _of_unit(result: UnitResult, words: Words) -> Table:
    _ = words.translations.gettext
    table = Table(show_lines=True)
    for title in (_("Row"), _("Requirement"), _("State"), _("Figures"), _("Evidence")):
        table.add_column(title)
    for row in ROWS:
        judgement = result.rows[row]
        figures = Text("\n".join(words.figures(judgement.facts)))
        for lack in words.missing(row, judgement):
            figures.append(f"\n{lack}" if figures else lack, COLOURS["unmet"])
        table.add_row(row, words.row_title(row), _state(judgement.state, words), figures, words.evidence(judgement))
    return table


def _state(state: State, words: Words) -> Text:
    return Text(f"{words.mark(state)} {words.state(state)}", COLOURS[state])


def _bar(share: Share) -> Text:
    """As wide as the parts of all units, each part that there is at least a cell."""
    total = sum(getattr(share, state) for state in STATES)
    bar = Text()
    for state in STATES:
        if count := getattr(share, state):
            bar.append(BLOCKS[state] * max(1, round(BAR_CELLS * count / total)), COLOURS[state])
    return bar


def _name(text: str) -> Text:
    """Not read as markup, whatever it holds."""
    return Text(short(text, LONGEST_NAME))
