"""The evaluation as one HTML document, without a script or anything from outside: on a screen, as a file, as a PDF."""

from __future__ import annotations

from datetime import timedelta
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from haidang_collector.evaluation.model import ROWS, STATES, UnitResult, worst
from haidang_collector.evaluation.rows import INPUTS
from haidang_collector.evaluation.vocabulary import MARKS
from haidang_collector.evaluation.words import Words, printable, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from haidang_collector.evaluation.model import Evaluation, Judgement, Share, State

TEMPLATES = Path(__file__).parent / "templates"
PAPER = (TEMPLATES / "document.css").read_text(encoding="utf-8")
STYLE = PAPER + (TEMPLATES / "screen.css").read_text(encoding="utf-8")
FILLS = {"met": "#14608c", "unmet": "#e07b39", "unknown": "#cdd5da", "not_applicable": "#ffffff"}
"""Of bars: apart from each other for colour-blind people, and on a printer that knows black only."""
MARK_WIDTH = 4
"""Characters that a row takes in the printed table of all units, in a font where all are equally wide."""
FARTHEST = 3
WORST = 10


def page(
    evaluation: Evaluation, language: str, *, link: Callable[..., str] | None = None, printed: bool = False
) -> str:
    """The document in `vi` or `en`.

    With `link`, which gives the query of the same page with other parameters, it leads on to units, districts and
    files. `printed` is for paper: WeasyPrint takes five times as long over a table with a cell for every mark.
    """
    template = _environment(language).get_template("unit.html" if evaluation.scope == "unit" else "units.html")
    result = next(iter(evaluation.units), None)
    return template.render(evaluation=evaluation, result=result, link=link, printed=printed)


@cache
def _environment(language: str) -> jinja2.Environment:
    words = Words(language)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(words.translations, newstyle=True)  # type: ignore[attr-defined]  # by the extension
    environment.filters |= {"name": short, "printable": printable, "percent": words.percent, "number": words.number}
    environment.tests["unmet_in"] = lambda row, result: result.rows[row].state == "unmet"
    environment.globals |= {
        "words": words,
        "language": language,
        "style": Markup(STYLE),  # noqa: S704 - files of ours
        "paper_style": Markup(PAPER),  # noqa: S704
        "rows": ROWS,
        "states": STATES,
        "marks": MARKS,
        "marks_title": "".join(row.ljust(MARK_WIDTH) for row in ROWS).rstrip(),
        "fills": FILLS,
        "worst_of": lambda units: worst(units, WORST),
        "bar": _bar,
        "whole": _whole,
        "complete_of": _complete,
        "farthest": _farthest,
        "unknown_of": _unknown,
        "count_of": _count,
        "figures_of": partial(_figures, words),
        "runs_of": _runs,
        "units_of": _units,
        "evidence_of": _evidence,
        "day_of": _day,
    }
    return environment


def _bar(share: Share) -> Iterator[tuple[State, float, float]]:
    """State, begin and width of each part, in percent of all units."""
    counts: dict[State, int] = {state: getattr(share, state) for state in STATES}
    total = sum(counts.values())
    begin = 0
    for state, count in counts.items():
        if count:
            yield state, 100 * begin / total, 100 * count / total
        begin += count


def _whole(share: Share) -> bool:
    """Whether all units that the row concerns are known to meet it."""
    return share.ratio == 1 and not share.unknown


def _complete(shares: Mapping[str, Share]) -> list[str]:
    return [row for row, share in shares.items() if _whole(share)]


def _farthest(shares: Mapping[str, Share]) -> list[tuple[str, float]]:
    """Rows with the smallest shares below 1, smallest first."""
    ratios = [(row, share.ratio) for row, share in shares.items() if share.ratio is not None and share.ratio < 1]
    return sorted(ratios, key=lambda each: each[1])[:FARTHEST]


def _unknown(shares: Mapping[str, Share]) -> float:
    """The share of judgements that nobody can make, of those that there should be."""
    unknown = sum(share.unknown for share in shares.values())
    judged = sum(share.judged for share in shares.values())
    return unknown / (unknown + judged) if unknown else 0.0


def _count(result: UnitResult, state: State) -> int:
    return sum(judgement.state == state for judgement in result.rows.values())


def _runs(result: UnitResult) -> Iterator[tuple[bool, str]]:
    """Marks of all rows, in parts that are of unmet rows or not; they stand below `marks_title`."""
    for unmet, rows in groupby(ROWS, key=lambda row: result.rows[row].state == "unmet"):
        yield unmet, "".join(MARKS[result.rows[row].state].ljust(MARK_WIDTH) for row in rows)


def _figures(words: Words, judgement: Judgement) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """What the figures are of, and each: what tells it apart (may be empty), and its value (likewise)."""
    for name, facts in groupby(judgement.facts, key=lambda fact: fact.name):
        shown = INPUTS[name].show
        yield (
            words.say(INPUTS[name].title),
            [(words.labels(fact), "" if shown == "kinds" else words.value(fact)) for fact in facts],
        )


def _units(evaluation: Evaluation, district: str) -> list[UnitResult]:
    return [result for result in evaluation.units if result.unit.district == district]


def _evidence(evaluation: Evaluation, judgement: Judgement) -> datetime | None:
    """When what the judgement rests on was seen or declared; None where no calendar has such a time."""
    if judgement.age_seconds is None:
        return None
    try:
        return evaluation.at - timedelta(seconds=judgement.age_seconds)
    except OverflowError:
        return None


def _day(evaluation: Evaluation) -> str:
    """Midnight is the end of the day before."""
    return (evaluation.at - timedelta(microseconds=1)).date().isoformat()
