"""The evaluation as one HTML document, without a script or anything from outside: on a screen, as a file, as a PDF."""

from __future__ import annotations

import re
from collections import Counter
from datetime import datetime, timedelta
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
from markupsafe import Markup

from haidang_collector.evaluation import charts, occasion, shortfall
from haidang_collector.evaluation.model import ROWS, STATES, Share, UnitResult, worst
from haidang_collector.evaluation.rows import INPUTS
from haidang_collector.evaluation.vocabulary import BASES, MARKS, OCCASIONS
from haidang_collector.evaluation.words import Words, printable, short

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import date

    from haidang_collector.evaluation.model import Evaluation, Judgement, State

TEMPLATES = Path(__file__).parent / "templates"
PAPER = (TEMPLATES / "document.css").read_text(encoding="utf-8") + (TEMPLATES / "paper.css").read_text(encoding="utf-8")
STYLE = PAPER + (TEMPLATES / "screen.css").read_text(encoding="utf-8")
MARK_WIDTH = 4
"""Characters that a row takes in the printed table of all units, in a font where all are equally wide."""
FARTHEST = 3
WORST, WORST_OF_MANY = 10, 5
"""Units named of a district that is evaluated alone, and of each of a city."""
TIED = re.compile(r"(?<![\w.,])([\d.,]*\d) (?=[%\w])(?![^<>]*>)")
"""A number and the space before what it counts, in text; a tag is none, and neither is the code of a row."""


def page(
    evaluation: Evaluation, language: str, *, link: Callable[..., str] | None = None, printed: bool = False
) -> str:
    """The document in `vi` or `en`.

    With `link`, which gives the query of the same page with other parameters, it leads on to units, districts and
    files. `printed` is for paper: WeasyPrint takes five times as long over a table with a cell for every mark.
    A printed district has a page of figures for each of its units: of 2,500 they would take 10 minutes and 11 GB.
    """
    template = _environment(language).get_template("unit.html" if evaluation.scope == "unit" else "units.html")
    text = template.render(
        evaluation=evaluation,
        result=next(iter(evaluation.units), None),
        link=link,
        printed=printed,
        annex=printed and evaluation.scope == "district",
        made=datetime.now(evaluation.at.tzinfo),
        day=_day(evaluation),
    )
    return _tied(text) if printed else text


@cache
def _environment(language: str) -> jinja2.Environment:
    words = Words(language)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        auto_reload=False,
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
        "drawn": partial(charts.bar, words),
        "swatch": partial(charts.swatch, words),
        "districts_drawn": partial(_districts_drawn, words),
        "basis_of": partial(_basis, words),
        "basis_drawn": partial(_basis_drawn, words),
        "occasion_of": lambda day: words.say(OCCASIONS[occasion.of(day)]) % {"year": words.school_year(day)},
        "day_before": occasion.before,
        "shortfalls_of": shortfall.of,
        "shortfall_kinds": shortfall.KINDS,
        "all_of": _all,
        "moves_of": _moves,
        "worst_of": lambda units, evaluation: worst(units, WORST_OF_MANY if evaluation.scope == "city" else WORST),
        "whole": _whole,
        "complete_of": _complete,
        "farthest": _farthest,
        "unknown_of": _unknown,
        "count_of": _count,
        "figures_of": partial(_figures, words),
        "runs_of": _runs,
        "units_of": _units,
        "evidence_of": _evidence,
    }
    return environment


def _tied(text: str) -> str:
    """With no end of a line between a number and its unit; the style is left as it is."""
    head, end, body = text.partition("</style>")
    return head + end + TIED.sub("\\1\N{NO-BREAK SPACE}", body)


def _all(shares: Mapping[str, Share]) -> Share:
    """The judgements of all rows together."""
    return Share(*(sum(getattr(share, state) for share in shares.values()) for state in STATES))


def _districts_drawn(words: Words, districts: Mapping[str, Mapping[str, Share]]) -> Markup:
    return charts.districts(words, {district: _all(shares) for district, shares in districts.items()})


def _basis(words: Words, evaluation: Evaluation) -> list[tuple[State, str, int]]:
    """What judgements that concern the units rest on: a pattern, its words and how many there are."""
    judged: Counter[str] = Counter()
    for result in evaluation.units:
        for judgement in result.rows.values():
            if judgement.state == "unknown":
                judged["unknown"] += 1
            elif judgement.state != "not_applicable":
                judged[judgement.source if judgement.source in BASES else "untold"] += 1
    return [(pattern, words.say(msgid), judged[basis]) for basis, (pattern, msgid) in BASES.items() if judged[basis]]


def _basis_drawn(words: Words, basis: list[tuple[State, str, int]]) -> Markup:
    fills, titles, counts = zip(*basis, strict=True)
    told = ", ".join(f"{title} {words.number(count)}" for title, count in zip(titles, counts, strict=True))
    return charts.parts(told, counts, fills)


def _moves(shares: Mapping[str, Share], before: Mapping[str, Share]) -> list[str]:
    """The rows whose shares moved most since then, those first."""
    moved = {
        row: abs(share.ratio - then.ratio)
        for row, share in shares.items()
        if share.ratio is not None and (then := before.get(row)) and then.ratio is not None
    }
    return sorted((row for row, by in moved.items() if by), key=lambda row: -moved[row])[:FARTHEST]


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


def _day(evaluation: Evaluation) -> date:
    """Midnight is the end of the day before."""
    return (evaluation.at - timedelta(microseconds=1)).date()
