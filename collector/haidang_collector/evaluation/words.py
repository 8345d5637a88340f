"""An evaluation in words for people, Vietnamese or English: the same on the terminal, on pages and in sheets."""

from __future__ import annotations

import math
import unicodedata
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from haidang_collector.evaluation import occasion, vocabulary
from haidang_collector.evaluation.rows import BY_CODE, INPUTS
from haidang_collector.i18n import translations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_collector.evaluation.model import Evaluation, Fact, Judgement, LimitFact, Problem, Share, State

UNKNOWN = "—"
MINUTE, HOUR, DAY = 60, 3600, 86400
MOMENTS = {"vi": "%H:%M %d/%m/%Y", "en": "%Y-%m-%d %H:%M"}
SCHOOL_YEAR_BEGINS = date(2026, 7, 1)
"""Of any year; by the limit days are counted from here."""
DAYS_OF_ANY_YEAR = {"vi": "%d/%m", "en": "%d %B"}
DAYS = {"vi": "%d/%m/%Y", "en": "%Y-%m-%d"}
LONGEST_TEXT = 120
"""Of a name or a label, in characters; what is longer ends in an ellipsis."""
BEYOND = 1e15
"""A figure so far from zero is no school's but a fault, and told as not known."""
LAST_DAY = 253_402_214_400
"""9999-12-31 in Unix time."""


def printable(text: str) -> str:
    """In one line, without control characters and those that turn or hide what follows."""
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())


def short(text: str, longest: int = LONGEST_TEXT) -> str:
    """Printable, letters with their marks as one, and with an ellipsis at the end of what is longer."""
    clean = unicodedata.normalize("NFC", printable(text))
    return clean if len(clean) <= longest else f"{clean[: longest - 1]}…"


def rounded_down(ratio: float) -> float:
    """To tenths of a percent, so that 100 % is all of them."""
    return math.floor(ratio * 1000 + 1e-9) / 1000 if abs(ratio) < BEYOND else ratio


def day_of(unix_time: float) -> datetime | None:
    """Then, in UTC; None for what no calendar has."""
    return datetime.fromtimestamp(unix_time, UTC) if 0 <= unix_time <= LAST_DAY else None


class Words:
    """Of a language: `vi` or `en`."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.translations = translations(language)
        self.say = self.translations.gettext

    def row_title(self, row: str) -> str:
        return self.say(BY_CODE[row].title)

    def requirement(self, row: str) -> str:
        return self.say(BY_CODE[row].requirement)

    def state(self, state: State) -> str:
        return self.say(vocabulary.STATES[state])

    def mark(self, state: State) -> str:
        """One character."""
        return vocabulary.MARKS[state]

    def source(self, source: str | None) -> str:
        """Where a judgement comes from; empty where that is not known."""
        return self.label("source", source) if source else ""

    def level(self, level: str) -> str:
        """Empty where the unit's level is not known."""
        return self.label("level", level) if level else ""

    def label(self, name: str, value: str) -> str:
        """The value of a label."""
        known = vocabulary.OF_LABEL.get(name, {}).get(value)
        return self.say(known) if known else short(value)

    def labels(self, fact: Fact) -> str:
        """What tells the fact apart from others of its name; empty where it has no labels."""
        return ", ".join(filter(None, (self.label(name, value) for name, value in fact.labels.items())))

    def fact(self, fact: Fact) -> tuple[str, str]:
        """What the figure is of, and the figure."""
        title, labels = self.say(INPUTS[fact.name].title), self.labels(fact)
        if INPUTS[fact.name].show == "kinds":
            return title, labels
        return f"{title} ({labels})" if labels else title, self.value(fact)

    def value(self, fact: Fact) -> str:
        show = INPUTS[fact.name].show
        if show == "yes_no":
            return self.yes_no(fact.value == 1)
        if show == "percent":
            return self.percent(fact.value)
        if show == "day":
            day = day_of(fact.value)
            return UNKNOWN if day is None else self.day(day)
        return self.number(fact.value)

    def missing(self, row: str, judgement: Judgement) -> list[str]:
        """What the unit lacks to meet the row, as far as its figures say."""
        if judgement.state in ("met", "not_applicable"):
            return []
        if judgement.state == "unknown" and row in vocabulary.MAY_BE_MORE:
            return []
        told = [self.say(msgid) % self._filled(fact) for fact in judgement.facts if (msgid := _lack(row, fact))]
        if judgement.state == "unmet" and row in vocabulary.OF_ROW:
            told.append(self.say(vocabulary.OF_ROW[row]))
        return told

    def _filled(self, fact: Fact) -> dict[str, str]:
        return {"count": self.number(fact.value), "what": self.labels(fact)}

    def limit(self, limit: LimitFact) -> tuple[str, str]:
        """What is limited, and the limit."""
        name = self.say(vocabulary.LIMITS[limit.limit]) if limit.limit in vocabulary.LIMITS else limit.limit
        labels = ", ".join(self.label(label, value) for label, value in limit.labels.items())
        return f"{name} ({labels})" if labels else name, self._limit_value(limit)

    def limit_source(self, source: str) -> str:
        """Where a limit of the built-in policy comes from; what another policy says stands as it is."""
        return self.say(source) if source in vocabulary.LIMIT_SOURCES else short(source)

    def _limit_value(self, limit: LimitFact) -> str:
        if limit.limit.endswith("_ratio"):
            return self.percent(limit.value)
        if limit.limit.endswith("_by_seconds"):
            return f"{int(limit.value) // HOUR:02}:{int(limit.value) % HOUR // MINUTE:02}"
        if limit.limit == "plan_due_seconds" and 0 < limit.value <= 366 * DAY:
            return (SCHOOL_YEAR_BEGINS + timedelta(seconds=limit.value - 1)).strftime(DAYS_OF_ANY_YEAR[self.language])
        return self.age(limit.value) if limit.limit.endswith("_seconds") else self.number(limit.value)

    def yes_no(self, is_so: bool) -> str:
        return self.translations.gettext("yes") if is_so else self.translations.gettext("no")

    def number(self, value: float) -> str:
        """With at most two decimals."""
        if abs(value) >= BEYOND:
            return UNKNOWN
        text = f"{value:,.2f}".rstrip("0").rstrip(".")
        return text.translate(str.maketrans(",.", ".,")) if self.language == "vi" else text

    def percent(self, ratio: float | None) -> str:
        """Where nothing is known, a dash."""
        if ratio is None or abs(ratio) >= BEYOND:
            return UNKNOWN
        return f"{self.number(100 * rounded_down(ratio))} %"

    def compared(self, share: Share) -> str:
        """The percentage alone, for a narrow table; with a question mark where units are not known."""
        return self.percent(share.ratio).removesuffix(" %") + ("?" if share.judged and share.unknown else "")

    def moved(self, share: Share, then: Share | None) -> str:
        """By how many points of a percentage it rose (▲) or fell (▼) since; empty where one of the two is not known."""
        if share.ratio is None or then is None or then.ratio is None:
            return ""
        points = round(100 * (rounded_down(share.ratio) - rounded_down(then.ratio)), 1)
        return f"{_arrow(points)} {self.number(abs(points))}"

    def school_year(self, day: date) -> str:
        """The school year that the day lies in."""
        return "\N{EN DASH}".join(map(str, occasion.school_year(day)))

    def age(self, seconds: float | None) -> str:
        """In the largest unit that there is a whole one of; empty where it is not known."""
        if seconds is None or abs(seconds) >= BEYOND:
            return ""
        seconds = max(seconds, 0)
        ngettext = self.translations.ngettext
        if seconds < MINUTE:
            return self.translations.gettext("less than a minute")
        if seconds < HOUR:
            count = int(seconds // MINUTE)
            text = ngettext("%(count)s minute", "%(count)s minutes", count)
        elif seconds < DAY:
            count = int(seconds // HOUR)
            text = ngettext("%(count)s hour", "%(count)s hours", count)
        else:
            count = int(seconds // DAY)
            text = ngettext("%(count)s day", "%(count)s days", count)
        return text % {"count": self.number(count)}

    def moment(self, moment: datetime) -> str:
        """In the zone that it is given in."""
        return moment.strftime(MOMENTS[self.language])

    def day(self, moment: date) -> str:
        """In the zone that it is given in, if it is a time."""
        return moment.strftime(DAYS[self.language])

    def scope(self, evaluation: Evaluation) -> str:
        """Who is evaluated."""
        if evaluation.scope == "city":
            return self.translations.gettext("the whole city")
        names = [f"{short(result.unit.name)} ({short(result.unit.code)})" for result in evaluation.units]
        return names[0] if evaluation.scope == "unit" and names else short(evaluation.of)

    def problem(self, problem: Problem) -> str:
        filled = {
            name: self.moment(value) if isinstance(value, datetime) else value for name, value in problem.values.items()
        }
        return self.say(problem.msgid) % filled

    def evidence(self, judgement: Judgement) -> str:
        """Source and age of it; empty where neither is known."""
        age = self.age(judgement.age_seconds)
        told = self.translations.gettext("%(age)s old") % {"age": age} if age else ""
        return ", ".join(filter(None, (self.source(judgement.source), told)))

    def figures(self, facts: Sequence[Fact]) -> list[str]:
        """Each as `title: value`; what is lacking is told by `missing`."""
        return [": ".join(self.fact(fact)) for fact in facts if not fact.name.endswith("_missing")]


def _arrow(points: float) -> str:
    return "▲" if points > 0 else "▼" if points < 0 else "="


def _lack(row: str, fact: Fact) -> str | None:
    table = vocabulary.LACKS if fact.value > 0 else vocabulary.ABSENT
    first = next(iter(fact.labels.values()), None)
    return table.get((row, fact.name, first)) or table.get((row, fact.name, None))
