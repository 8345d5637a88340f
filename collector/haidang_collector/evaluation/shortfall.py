"""What is missing in numbers: the recorded figures of units that are known to miss a row, added up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.evaluation.rows import _

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from haidang_collector.evaluation.model import Judgement, UnitResult


@dataclass(frozen=True, slots=True)
class Kind:
    """What is counted: units that miss the row, or the values of its fact `name` whose first label is `label`.

    `title` and `heading`, which is for narrow columns, are msgids.
    """

    row: str
    title: str
    heading: str
    name: str = ""
    label: str | None = None


@dataclass(frozen=True, slots=True)
class Shortfall:
    """`number` is missing at `units` units; of `unknown` others it is not known."""

    kind: Kind
    number: float
    units: int
    unknown: int


KINDS = (
    Kind("R1", _("units without fibre"), _("Fibre (units)")),
    Kind("R3", _("computer rooms without Internet"), _("Rooms on the Internet"), "labs", "unconnected"),
    Kind("R4", _("teaching computers"), _("Teaching computers"), "computers_missing"),
    Kind(
        "R5", _("computers of the management"), _("Management's computers"), "equipment_missing", "management_computer"
    ),
    Kind("R5", _("printers"), _("Printers"), "equipment_missing", "printer"),
    Kind("R5", _("webcams"), _("Webcams"), "equipment_missing", "webcam"),
    Kind("R6", _("computers of subject groups"), _("Groups' computers"), "subject_groups", "without"),
    Kind("R9", _("units whose web portal fails"), _("Portals (units)")),
    Kind("R15", _("units without a leader or an officer in charge"), _("People in charge (units)")),
    Kind("R16", _("units whose ICT plan did not come in time"), _("Plans (units)")),
)


def of(units: Sequence[UnitResult]) -> list[Shortfall]:
    """One for each of KINDS."""
    return [_one(kind, [result.rows[kind.row] for result in units]) for kind in KINDS]


def _one(kind: Kind, judgements: Iterable[Judgement]) -> Shortfall:
    number, units, unknown = 0.0, 0, 0
    for judgement in judgements:
        unknown += judgement.state == "unknown"
        lacking = _lacking(kind, judgement) if judgement.state == "unmet" else 0.0
        number += lacking
        units += lacking > 0
    return Shortfall(kind, number, units, unknown)


def _lacking(kind: Kind, judgement: Judgement) -> float:
    if not kind.name:
        return 1.0
    return sum(
        max(fact.value, 0.0)
        for fact in judgement.facts
        if fact.name == kind.name and kind.label in (None, next(iter(fact.labels.values()), None))
    )
