"""What an evaluation holds: plain values, free of the store, the registry and every form that shows it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date, datetime

    from haidang_collector.registry.facts import UnitFact

State = Literal["met", "unmet", "unknown", "not_applicable"]
STATES: tuple[State, ...] = ("met", "unmet", "unknown", "not_applicable")
Scope = Literal["city", "district", "unit"]
ROWS = tuple(f"R{number}" for number in range(1, 17))


@dataclass(frozen=True, slots=True)
class Fact:
    """One figure behind a judgement: which of the row's inputs, told apart by `labels`, in base units."""

    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Judgement:
    """How a unit stands in a row, and by what.

    `source` is measured, declared or mixed, None where that is not known; `age_seconds` is the age of the evidence.
    """

    state: State
    source: str | None = None
    age_seconds: float | None = None
    facts: tuple[Fact, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitResult:
    """One unit; every row of ROWS has a judgement."""

    unit: UnitFact
    rows: Mapping[str, Judgement]


@dataclass(frozen=True, slots=True)
class Share:
    """How many units are in which state; the share is of those judged, the unknown stand apart."""

    met: int = 0
    unmet: int = 0
    unknown: int = 0
    not_applicable: int = 0

    @property
    def judged(self) -> int:
        return self.met + self.unmet

    @property
    def total(self) -> int:
        return self.judged + self.unknown + self.not_applicable

    @property
    def ratio(self) -> float | None:
        """None where nobody was judged."""
        return self.met / self.judged if self.judged else None


@dataclass(frozen=True, slots=True)
class LimitFact:
    """A limit of the policy in force at the moment of the evaluation."""

    row: str
    limit: str
    labels: Mapping[str, str]
    value: float
    source: str
    begins: date


@dataclass(frozen=True, slots=True)
class Problem:
    """What could not be read: an English msgid with places as %(at)s, and what stands in them."""

    msgid: str
    values: Mapping[str, str | int | datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the recording rules had counted at the end of the mid-year or year-end day before."""

    day: date
    shares: Mapping[str, Mapping[str, Share]]
    """By district (empty: the city), then by row; what was not recorded is not there."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The units of a scope at a moment, which is in the schools' own zone.

    `of` is the district's name or the unit's code, empty for the city.
    """

    at: datetime
    scope: Scope
    of: str
    units: Sequence[UnitResult]
    shares: Mapping[str, Share]
    """By row, over all units of the scope."""
    districts: Mapping[str, Mapping[str, Share]]
    """By district, then by row; empty for one unit."""
    limits: Sequence[LimitFact] = ()
    problems: Sequence[Problem] = ()
    city: Mapping[str, Share] = field(default_factory=dict)
    """The whole city's by row, as recorded, to set a district beside; empty where it is not known."""
    before: Earlier | None = None
    """None where nothing is recorded of it, and for one unit."""


def worst(units: Sequence[UnitResult], number: int) -> list[UnitResult]:
    """Those that miss most rows; of equals, those of which less is known. Units that miss none are not among them."""

    def gravity(result: UnitResult) -> tuple[int, int, str]:
        states = [judgement.state for judgement in result.rows.values()]
        return -states.count("unmet"), -states.count("unknown"), result.unit.code

    lacking = [result for result in units if any(each.state == "unmet" for each in result.rows.values())]
    return sorted(lacking, key=gravity)[:number]
