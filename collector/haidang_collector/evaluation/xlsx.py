"""The evaluation as a spreadsheet: an overview, one sheet a row, the districts, the limits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, BinaryIO

from openpyxl import Workbook

from haidang_collector.evaluation.model import ROWS, STATES
from haidang_collector.evaluation.rows import BY_CODE, INPUTS
from haidang_collector.evaluation.sheets import AGE, DATE, PERCENT, RATIO, Sheet, add_styles
from haidang_collector.evaluation.words import DAY, Words, day_of, rounded_down

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_collector.evaluation.model import Evaluation, Fact, Share
    from haidang_collector.evaluation.rows import Input
    from haidang_collector.evaluation.sheets import Value

MOST_COLUMNS = 40
"""A figure that has more labels than this in the whole scope (services, by name) stands in one column, as text."""

Key = tuple[str, ...]
"""Name and labels' values of a fact."""


@dataclass(frozen=True, slots=True)
class _Column:
    """Of the facts of `input_`: those with the labels' values of `key`, or all in one text where that is None."""

    title: str
    input_: Input
    key: Key | None

    def cell(self, facts: Mapping[Key, Fact], sheet: Sheet, words: Words) -> Value:
        if self.key is None:
            return _all_in_one([fact for fact in facts.values() if fact.name == self.input_.name], words)
        if (fact := facts.get(self.key)) is None:
            return None
        if self.input_.show == "yes_no":
            return words.value(fact)
        if self.input_.show == "day":
            day = day_of(fact.value)
            return None if day is None else sheet.formatted(day.replace(tzinfo=None), DATE)
        if self.input_.show == "percent":
            return sheet.formatted(rounded_down(fact.value), PERCENT)
        return sheet.formatted(fact.value, RATIO) if self.input_.show == "ratio" else fact.value


def write(evaluation: Evaluation, language: str, file: BinaryIO) -> None:
    """Texts stay texts: nothing in them is a formula, and control characters are left out."""
    book = Workbook(write_only=True)
    add_styles(book)
    words = Words(language)
    _overview(book, evaluation, words)
    for row in ROWS:
        _row(book, evaluation, words, row)
    if evaluation.districts:
        _districts(book, evaluation, words)
    _limits(book, evaluation, words)
    book.save(file)


def _overview(book: Workbook, evaluation: Evaluation, words: Words) -> None:
    _ = words.translations.gettext
    above = [
        _("Evaluation of %(whom)s at %(at)s") % {"whom": words.scope(evaluation), "at": words.moment(evaluation.at)},
        *map(words.problem, evaluation.problems),
    ]
    sheet = Sheet(book, _("Overview"), [6, 34, 60, 14, 12, 12, 12, 16], above=above)
    sheet.header([_("Row"), _("Title"), _("Requirement"), *_share_titles(words)])
    for row in ROWS:
        sheet.add([row, words.row_title(row), words.requirement(row), *_share(sheet, evaluation.shares[row])])
    sheet.close()


def _row(book: Workbook, evaluation: Evaluation, words: Words, row: str) -> None:
    _ = words.translations.gettext
    columns = [column for input_ in BY_CODE[row].inputs for column in _columns(evaluation, words, row, input_)]
    above = [f"{row}: {words.row_title(row)}", words.requirement(row)]
    sheet = Sheet(book, row, [14, 44, 22, 18, *[22] * len(columns), 40, 22, 14], above=above)
    sheet.header(
        [_("Code"), _("Name"), _("District"), _("State")]
        + [column.title for column in columns]
        + [_("Missing"), _("Source"), _("Age of the evidence (days)")]
    )
    for result in evaluation.units:
        judgement = result.rows[row]
        facts = {_key(fact): fact for fact in judgement.facts}
        age = judgement.age_seconds
        sheet.add(
            [
                *(result.unit.code, result.unit.name, result.unit.district),
                sheet.state(judgement.state, words.state(judgement.state)),
                *(column.cell(facts, sheet, words) for column in columns),
                "; ".join(words.missing(row, judgement)),
                words.source(judgement.source),
                None if age is None else sheet.formatted(age / DAY, AGE),
            ]
        )
    sheet.close()


def _columns(evaluation: Evaluation, words: Words, row: str, input_: Input) -> list[_Column]:
    """One for each set of labels that any unit has a figure for."""
    found = {
        _key(fact): fact for result in evaluation.units for fact in result.rows[row].facts if fact.name == input_.name
    }
    if input_.show == "kinds" or not 0 < len(found) <= MOST_COLUMNS:
        return [_Column(words.say(input_.title), input_, None)]
    return [_Column(words.fact(fact)[0], input_, key) for key, fact in sorted(found.items())]


def _key(fact: Fact) -> Key:
    return (fact.name, *fact.labels.values())


def _all_in_one(facts: list[Fact], words: Words) -> str:
    if facts and INPUTS[facts[0].name].show == "kinds":
        return ", ".join(map(words.labels, facts))
    return "; ".join(f"{words.labels(fact)}: {words.value(fact)}" for fact in facts)


def _districts(book: Workbook, evaluation: Evaluation, words: Words) -> None:
    _ = words.translations.gettext
    sheet = Sheet(book, _("Districts"), [30, 6, 34, 14, 12, 12, 12, 16])
    sheet.header([_("District"), _("Row"), _("Title"), *_share_titles(words)])
    for district, shares in evaluation.districts.items():
        for row in ROWS:
            sheet.add([district, row, words.row_title(row), *_share(sheet, shares[row])])
    sheet.close()


def _limits(book: Workbook, evaluation: Evaluation, words: Words) -> None:
    _ = words.translations.gettext
    sheet = Sheet(book, _("Limits"), [6, 50, 16, 14, 80])
    sheet.header([_("Row"), _("Limit"), _("Value"), _("In force from"), _("Document")])
    for limit in evaluation.limits:
        sheet.add(
            [
                limit.row,
                *words.limit(limit),
                sheet.formatted(datetime.combine(limit.begins, time()), DATE),
                limit.source,
            ]
        )
    sheet.close()


def _share_titles(words: Words) -> list[str]:
    return [words.translations.gettext("Share of the units judged"), *map(words.state, STATES)]


def _share(sheet: Sheet, share: Share) -> list[Value]:
    ratio = None if share.ratio is None else sheet.formatted(rounded_down(share.ratio), PERCENT)
    return [ratio, *(getattr(share, state) for state in STATES)]
