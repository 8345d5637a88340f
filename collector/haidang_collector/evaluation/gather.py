"""Reads an evaluation from the store: what the recording rules and the registry said at a moment.

Nothing is judged here: states are read, and counted.
"""

from __future__ import annotations

import json
import math
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from haidang_collector.evaluation import recorded
from haidang_collector.evaluation.model import (
    ROWS,
    STATES,
    Evaluation,
    Fact,
    Judgement,
    LimitFact,
    Problem,
    Scope,
    Share,
    State,
    UnitResult,
)
from haidang_collector.evaluation.rows import BY_METRIC, INPUTS, _
from haidang_collector.registry.facts import UnitFact
from haidang_collector.web.state import natural

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from haidang_collector.evaluation.store import Store
    from haidang_collector.policy.policy import Policy

COMPLIANT = "school:row:compliant"
NOT_APPLICABLE = "school:row:not_applicable"
SOURCE = "school:row:source"
AGE = "school:row:evidence_age_seconds"
EVALUATED = "city:row_compliant:ratio"
"""Few series, and there whenever any unit is judged in any row."""
UNITS = "unit:school_info"
NAMED = "school_unit_info"
"""As exported, with names; rules drop these."""
AT_ONCE = 2
"""Questions to the store at a time: it works on the next while an answer is read."""
LOOKBACK = timedelta(minutes=15)
"""A store that was restarted just then makes nobody unknown: rules of rows are evaluated every 4 minutes."""


class UnknownScopeError(LookupError):
    """Neither the registry nor, at that moment, the store knows such a unit or district."""


@dataclass(slots=True)
class _Said:
    """What the store says, by unit and row."""

    compliant: dict[tuple[str, str], float] = field(default_factory=dict)
    not_applicable: set[tuple[str, str]] = field(default_factory=set)
    sources: defaultdict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    ages: dict[tuple[str, str], float] = field(default_factory=dict)
    facts: defaultdict[tuple[str, str], list[Fact]] = field(default_factory=lambda: defaultdict(list))

    def add(self, labels: Mapping[str, str], value: float) -> None:
        """NaN and infinity are no figures: unknown."""
        if not math.isfinite(value):
            return
        name, unit, row = labels.get("__name__", ""), labels.get("unit", ""), labels.get("row", "")
        if name == COMPLIANT:
            self.compliant[unit, row] = value
        elif name == NOT_APPLICABLE and value == 1:
            self.not_applicable.add((unit, row))
        elif name == SOURCE and value == 1:
            self.sources[unit, row].add(labels.get("source", ""))
        elif name == AGE:
            self.ages[unit, row] = value
        elif name in BY_METRIC:
            code, input_ = BY_METRIC[name]
            kept = {label: labels.get(label, "") for label in input_.labels}
            self.facts[unit, code].append(Fact(input_.name, kept, value))

    def judgement(self, unit: str, row: str) -> Judgement:
        key = (unit, row)
        compliant = self.compliant.get(key)
        state: State = "not_applicable" if key in self.not_applicable else "unknown"
        if compliant in (0, 1):
            state = "met" if compliant else "unmet"
        sources = self.sources.get(key, set())
        facts = sorted(self.facts.get(key, ()), key=_order)
        return Judgement(
            state,
            "mixed" if len(sources) > 1 else next(iter(sources), None),
            self.ages.get(key),
            tuple(facts),
        )


def gather(
    store: Store,
    registered: Sequence[UnitFact],
    policy: Policy,
    at: datetime,
    *,
    unit: str = "",
    district: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Evaluation:
    """The evaluation at a moment (in the schools' zone) of a unit, a district or, with neither, the city.

    Units are those that the store had at that moment, by the names that they have in the registry now.
    `progress` hears how many of how many questions are answered. Raises StoreAwayError, UnknownScopeError.
    """
    scope: Scope = "unit" if unit else "district" if district else "city"
    matcher = f"{scope}={_quoted(unit or district)}" if scope != "city" else ""
    then = _last_evaluated(store, at)
    units = _units(store, matcher, at=at, rules_at=then or at, registered=registered)
    if not units and scope != "city" and not _registered(registered, unit, district):
        raise UnknownScopeError(f"{scope} {(unit or district)[:100]!r} is unknown")
    said = _ask(store, _questions(matcher, at_once=scope == "unit") if units else [], then or at, progress)
    results = [UnitResult(each, {row: said.judgement(each.code, row) for row in ROWS}) for each in units]
    return Evaluation(
        at=at,
        scope=scope,
        of=unit or district,
        units=results,
        shares=_shares(results),
        districts={} if scope == "unit" else _by_district(results),
        limits=_limits(policy, at),
        problems=list(_problems(at, then, units)),
        city=recorded.city(store, at) if scope == "district" else {},
        before=None if scope == "unit" else recorded.before(store, at, matcher),
    )


def _questions(matcher: str, *, at_once: bool) -> list[str]:
    """Every metric by itself, so that no answer grows too large; of one unit all at once."""
    names = (COMPLIANT, NOT_APPLICABLE, SOURCE, AGE, *BY_METRIC)
    if at_once:
        return [f'{{__name__=~"{"|".join(names)}",{matcher}}}']
    return [f"{name}{{{matcher}}}" for name in names]


def _ask(store: Store, questions: Sequence[str], at: datetime, progress: Callable[[int, int], None] | None) -> _Said:
    said = _Said()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = pool.map(lambda expression: store.query(expression, at), questions)
        for number, answer in enumerate(answers, start=1):
            for labels, value in answer:
                said.add(labels, value)
            if progress:
                progress(number, len(questions))
    return said


def _last_evaluated(store: Store, at: datetime) -> datetime | None:
    """When the rules of rows last spoke: `at`, or a little before it where the store was restarted just then."""
    if store.query(EVALUATED, at):
        return at
    found = store.query(f"max(max_over_time(timestamp({EVALUATED})[{_seconds(LOOKBACK)}s:60s]))", at)
    return datetime.fromtimestamp(found[0][1], at.tzinfo) if found else None


def _problems(at: datetime, then: datetime | None, units: Sequence[UnitFact]) -> Iterable[Problem]:
    if not units:
        yield Problem(_("Nothing is known at %(at)s: the store has no record of units then."), {"at": at})
    elif then is None:
        text = _(
            "The recording rules judged no row at %(at)s. Up to a quarter of an hour after a start that is so; later, "
            "see whether Prometheus has loaded them."
        )
        yield Problem(text, {"at": at})
    elif then < at:
        yield Problem(_("The rows were last judged at %(then)s; that is what is shown."), {"then": then})


def _units(
    store: Store, matcher: str, *, at: datetime, rules_at: datetime, registered: Sequence[UnitFact]
) -> list[UnitFact]:
    """By district and code. What the registry has says the name, and the district where the store tells of two.

    Where the rules do not speak, units are those that the registry exported.
    """
    exported = store.query(f"last_over_time({NAMED}{{{matcher}}}[{_seconds(LOOKBACK)}s])", at)
    names = {labels.get("unit", ""): labels.get("name", "") for labels, _value in exported}
    now = {unit.code: unit for unit in registered}
    then: dict[str, UnitFact] = {}
    for labels, _value in store.query(f"{UNITS}{{{matcher}}}", rules_at) or exported:
        code, district = labels.get("unit", ""), labels.get("district", "")
        known = now.get(code)
        if code not in then or (known and known.district == district):
            name = known.name if known else names.get(code) or code
            then[code] = UnitFact(code, name, district, labels.get("level", ""))
    return sorted(then.values(), key=lambda unit: (natural(unit.district), unit.code))


def _registered(units: Iterable[UnitFact], code: str, district: str) -> bool:
    return any(unit.code == code if code else unit.district == district for unit in units)


def _shares(results: Iterable[UnitResult]) -> dict[str, Share]:
    counts = {row: dict.fromkeys(STATES, 0) for row in ROWS}
    for result in results:
        for row, judgement in result.rows.items():
            counts[row][judgement.state] += 1
    return {row: Share(**count) for row, count in counts.items()}


def _by_district(results: Iterable[UnitResult]) -> dict[str, dict[str, Share]]:
    grouped: defaultdict[str, list[UnitResult]] = defaultdict(list)
    for result in results:
        grouped[result.unit.district].append(result)
    return {district: _shares(of_it) for district, of_it in grouped.items()}


def _limits(policy: Policy, at: datetime) -> list[LimitFact]:
    """In force on the day; midnight still belongs to the day that ends with it."""
    day = (at - timedelta(microseconds=1)).date()
    return [
        LimitFact(limit.row, limit.limit, dict(limit.labels), limit.value, limit.source, limit.begins)
        for limit in policy.at(day)
    ]


def _order(fact: Fact) -> tuple[int, tuple[str, ...]]:
    return _RANK[fact.name], tuple(fact.labels.values())


def _seconds(span: timedelta) -> int:
    return int(span.total_seconds())


def _quoted(text: str) -> str:
    return json.dumps(text.encode(errors="replace").decode(), ensure_ascii=False)


_RANK = {name: rank for rank, name in enumerate(INPUTS)}
