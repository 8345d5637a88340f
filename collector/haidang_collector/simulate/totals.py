"""What a simulated unit adds to the sums of its district and of the city, and the shares made of these."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.evaluation.model import ROWS, STATES
from haidang_collector.simulate.computers import computers
from haidang_collector.simulate.series import Series, combined, labelled, stepwise
from haidang_collector.simulate.standing import SEVERITIES, fibre_evidence, findings, row_states
from haidang_collector.simulate.words import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.simulate.expected import Limits
    from haidang_collector.simulate.model import SimUnit
    from haidang_collector.simulate.series import Pace, Tally
    from haidang_collector.simulate.standing import Key, Labels

Sums = dict[tuple[str, "Labels"], float]
"""By the part of the name behind the level, and labels without the district."""
DISTRICT, CITY = "district", "city"
ROW_UNITS = "row_units:count"
STUDENTS, COMPUTERS = "school_students_counted:count", "school_computers_counted:count"
OF_CITY = frozenset({ROW_UNITS, "school_fibre:count", "school_internet:count", "school_computers_missing:count"})
"""What rules sum up over the city too."""
UNITS = "units:count"
ASKED, USABLE = "school_service_asked:sparse", "school_service_usable:sparse"
SELDOM: dict[str, Pace] = {ROW_UNITS: "daily", UNITS: "daily", ASKED: "hourly", USABLE: "hourly"}


class Stand(NamedTuple):
    """A unit at a time, and by which limits it is judged."""

    unit: SimUnit
    limits: Limits
    watched: bool


def sums(stand: Stand) -> Sums:
    """What the unit adds."""
    found: Sums = {}
    for name, labels, value in _sums(stand):
        key = (name, labelled(labels))
        found[key] = found.get(key, 0.0) + value
    return found


def _sums(stand: Stand) -> Iterator[tuple[str, dict[str, str], float]]:
    unit, limits, watched = stand
    for row, state in row_states(unit, limits, watched=watched).items():
        yield ROW_UNITS, {"row": row, "state": state}, 1
        yield UNITS, {"row": row}, 1
    if (evidence := fibre_evidence(unit)) is not None:
        yield "school_fibre:count", {"evidence": evidence}, 1
    counted = computers(unit, limits, watched=watched)
    if counted.missing is not None:
        yield "school_computers_missing:count", {}, counted.missing
    if counted.counted and not counted.uncounted_rooms:
        for level in counted.required:
            yield STUDENTS, {"level": level}, unit.students[level]
            ratio = counted.students_per_computer.get(level)
            yield COMPUTERS, {"level": level}, unit.students[level] / ratio if ratio else 0
    if unit.presence != "none":
        known_as = "heard" if unit.presence == "heard" else "never"
        yield "haidang_agents:count", {"state": known_as}, len(unit.machines)
    if unit.presence == "heard":
        yield from _of_heard(unit)


def _of_heard(unit: SimUnit) -> Iterator[tuple[str, dict[str, str], float]]:
    found = findings(unit)
    for severity in SEVERITIES:
        yield "school_posture_findings:count", {"severity": severity}, found[severity]
        open_now = sum(each == severity for _, each in unit.incidents)
        yield "school_incidents:sampled", {"severity": severity}, open_now
    for service, up in unit.services.items():
        if not service.startswith(PUBLIC):
            yield ASKED, {"service": service}, 1
            yield USABLE, {"service": service}, up


def tell(tally: Tally, district: str, name: str, labels: Labels, value: float, begin: float, end: float | None) -> None:
    """Add to the district's sum, and to the city's where rules make one."""
    tally.add((f"district:{name}", labelled({**dict(labels), "district": district})), value, begin, end)
    if name in OF_CITY:
        tally.add((f"city:{name}", labels), value, begin, end)


def every_state(tally: Tally, district: str, begin: float) -> None:
    """No units in a state are 0 units."""
    for row in ROWS:
        for state in STATES:
            tell(tally, district, ROW_UNITS, labelled({"row": row, "state": state}), 0, begin, None)


def of_sums(tally: Tally) -> Iterator[Series]:
    """All sums, and the shares that rules make of them."""
    for key in tally:
        name, labels = key
        pace = SELDOM.get(name.partition(":")[2], "often")
        yield Series(name, labels, pace, stepwise(tally.steps(key)))
        if name.endswith(ROW_UNITS):
            yield from _of_row(tally, key)
        elif name == f"district:{STUDENTS}":
            ratio = combined(_ratio, tally.steps(key), tally.steps((f"district:{COMPUTERS}", labels)))
            yield Series("district:school_students_per_computer:ratio", labels, "often", stepwise(ratio))


def _of_row(tally: Tally, key: Key) -> Iterator[Series]:
    name, labels = key
    level, without = name.partition(":")[0], tuple(each for each in labels if each[0] != "state")
    if dict(labels)["state"] == "met":
        ratio = combined(_share, tally.steps(key), tally.steps((name, labelled({**dict(labels), "state": "unmet"}))))
        yield Series(f"{level}:row_compliant:ratio", without, "hourly", stepwise(ratio))
    elif dict(labels)["state"] == "unknown":
        yield Series(f"{level}:row_unknown:count", without, "daily", stepwise(tally.steps(key)))


def _share(met: float, unmet: float) -> float | None:
    return met / (met + unmet) if met + unmet > 0 else None


def _ratio(students: float, number: float) -> float | None:
    return students / number if number > 0 else None
