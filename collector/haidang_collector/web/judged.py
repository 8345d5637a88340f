"""A unit's evaluation as its page shows it: every row with what to do, and its equipment from the same figures."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.evaluation.model import ROWS, STATES
from haidang_collector.web.advice import BY_STATE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haidang_collector.evaluation.model import Evaluation, Fact, Judgement, Problem, State

WORST_FIRST: tuple[State, ...] = ("unmet", "unknown", "met", "not_applicable")


@dataclass(frozen=True, slots=True)
class JudgedRow:
    """`advice` is a msgid, empty where nothing is to be done."""

    code: str
    judgement: Judgement
    advice: str


@dataclass(frozen=True, slots=True)
class Kind:
    """Equipment of a kind, as `agent` and `network` find it and as `declared`; None: nobody told. `missing` by R5."""

    kind: str
    agent: int | None
    network: int | None
    declared: int | None
    missing: int


@dataclass(frozen=True, slots=True)
class Judged:
    """`rows` worst first. `parts` of the e-school (R7): whether it is there. `groups`: subject groups by state (R6)."""

    rows: Sequence[JudgedRow]
    counts: Mapping[State, int]
    equipment: Sequence[Kind]
    parts: Mapping[str, bool]
    groups: Mapping[str, int]
    problems: Sequence[Problem]


def judged_of(evaluation: Evaluation) -> Judged:
    """Of an evaluation of one unit; without rows where the store did not have the unit."""
    rows = evaluation.units[0].rows if evaluation.units else {}
    found = [
        JudgedRow(code, rows[code], BY_STATE.get(rows[code].state, {}).get(code, "")) for code in ROWS if code in rows
    ]
    return Judged(
        sorted(found, key=lambda row: WORST_FIRST.index(row.judgement.state)),
        {state: sum(row.judgement.state == state for row in found) for state in STATES},
        _equipment(rows["R5"]) if rows else [],
        {fact.labels["part"]: fact.value == 1 for fact in _facts(rows, "R7", "eschool_parts")},
        {fact.labels["state"]: int(fact.value) for fact in _facts(rows, "R6", "subject_groups")},
        evaluation.problems,
    )


def _equipment(management: Judgement) -> list[Kind]:
    counts: defaultdict[str, dict[str, int]] = defaultdict(dict)
    missing: dict[str, int] = {}
    for fact in management.facts:
        if fact.name == "equipment":
            counts[fact.labels["kind"]][fact.labels["source"]] = int(fact.value)
        else:
            missing[fact.labels["kind"]] = int(fact.value)
    kinds = sorted(counts.keys() | missing.keys(), key=lambda kind: (-missing.get(kind, 0), kind))
    return [
        Kind(
            kind,
            counts[kind].get("agent"),
            counts[kind].get("network"),
            counts[kind].get("declared"),
            missing.get(kind, 0),
        )
        for kind in kinds
    ]


def _facts(rows: Mapping[str, Judgement], row: str, name: str) -> list[Fact]:
    return [fact for fact in rows[row].facts if fact.name == name] if rows else []
