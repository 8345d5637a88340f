"""How units stand in the rows of the directive now, as pages show it: read from the recording rules, and counted there.

The figures behind a judgement are the evaluation's own (`haidang_collector.evaluation`).
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_collector.evaluation.model import ROWS, STATES, Share

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from haidang_collector.evaluation.model import State
    from haidang_collector.web.state import City, Measurements, Series, UnitRow

COMPLIANT = "school:row:compliant"
NOT_APPLICABLE = "school:row:not_applicable"
OUTAGE = "unit:school_outage_active"
MOST_UNMET = 'topk(%d, unit:school_rows:count{state="unmet"})'


@dataclass(frozen=True, slots=True)
class Worst:
    """A unit, and why it stands where it stands.

    `cause` of its outage, None where there is none or nobody knows; `since` in Unix seconds, None likewise;
    `critical` open incidents, oldest first; `unmet` rows in their order.
    """

    row: UnitRow
    cause: str | None
    since: float | None
    critical: Sequence[str]
    unmet: Sequence[str]


async def shares(measurements: Measurements, district: str = "") -> dict[str, Share]:
    """By row, of the city or a district; without rows that the rules say nothing of. Raises UnansweredError."""
    name = f"district:row_units:count{{district={json.dumps(district)}}}" if district else "city:row_units:count"
    found = _shares("row", await measurements.query(name))
    return {row: found[row] for row in ROWS if row in found}


async def district_shares(measurements: Measurements) -> dict[str, Share]:
    """By district, all rows of its units together. Raises UnansweredError."""
    return _shares("district", await measurements.query("sum by (district, state) (district:row_units:count)"))


async def judged(measurements: Measurements, row: str) -> dict[str, State]:
    """By unit; a unit that is not in it is not known. Raises UnansweredError."""
    selector = f"{{row={json.dumps(row)}}}"
    compliant, not_applicable = await asyncio.gather(
        measurements.query(COMPLIANT + selector), measurements.query(f"{NOT_APPLICABLE}{selector} == 1")
    )
    states: dict[str, State] = {labels.get("unit", ""): "not_applicable" for labels, _ in not_applicable}
    for labels, value in compliant:
        if value in (0, 1):
            states[labels.get("unit", "")] = "met" if value else "unmet"
    return states


async def most_unmet(measurements: Measurements, number: int) -> dict[str, list[str]] | None:
    """The rows that units of the city do not meet, by unit; of the units that miss most. None where no rule spoke yet.

    Raises UnansweredError.
    """
    counted = await measurements.query(MOST_UNMET % number)
    units = [labels.get("unit", "") for labels, count in counted if count > 0]
    if not units:
        return {} if counted else None
    return await _unmet(measurements, _one_of(units))


async def unmet_in(measurements: Measurements, district: str) -> dict[str, list[str]]:
    """The rows that units of a district do not meet, by unit. Raises UnansweredError."""
    return await _unmet(measurements, f"district={json.dumps(district)}")


async def causes(measurements: Measurements, district: str = "") -> dict[str, str]:
    """By unit, why it has no Internet, where a rule says so. Raises UnansweredError."""
    matcher = f",district={json.dumps(district)}" if district else ""
    found = await measurements.query(f'{OUTAGE}{{wan=""{matcher}}}')
    return {labels.get("unit", ""): labels.get("cause", "") for labels, _ in found}


def worst(
    city: City, cause_of: Mapping[str, str], unmet_of: Mapping[str, Sequence[str]], *, only_unmet: bool = False
) -> list[Worst]:
    """Units that something is wrong with, worst first: without Internet, then by critical incidents and rows unmet.

    With `only_unmet` those that miss rows, by how many.
    """
    critical: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for incident in city.incidents:
        if incident.unit and incident.severity == "critical":
            critical[incident.unit].append((incident.starts_at.timestamp(), incident.alertname))
    named = critical.keys() | unmet_of.keys()
    found = [
        _of(row, cause_of.get(row.unit.code), sorted(critical.get(row.unit.code, ())), unmet_of.get(row.unit.code, ()))
        for row in city.rows
        if row.state == "down" or row.unit.code in named
    ]
    if only_unmet:
        return sorted((each for each in found if each.unmet), key=lambda each: -len(each.unmet))
    wrong = [each for each in found if each.row.state == "down" or each.critical or each.unmet]
    return sorted(wrong, key=lambda each: (each.row.state != "down", -len(each.critical), -len(each.unmet)))


def literal(text: str) -> str:
    """As an RE2 expression; `re.escape` also escapes what RE2 lets nobody escape."""
    return "".join(f"\\{each}" if each in r"\.+*?()|[]{}^$" else each for each in text)


def _of(row: UnitRow, cause: str | None, critical: Sequence[tuple[float, str]], unmet: Sequence[str]) -> Worst:
    down = row.state == "down"
    since = next((began for began, name in critical if name == "InternetDown"), None)
    others = [name for _, name in critical if name != "InternetDown"]
    return Worst(row, cause if down else None, since if down else None, others, unmet)


async def _unmet(measurements: Measurements, matcher: str) -> dict[str, list[str]]:
    rows: defaultdict[str, set[str]] = defaultdict(set)
    for labels, _ in await measurements.query(f"{COMPLIANT}{{{matcher}}} == 0"):
        rows[labels.get("unit", "")].add(labels.get("row", ""))
    return {unit: [row for row in ROWS if row in of_it] for unit, of_it in rows.items()}


def _one_of(units: Sequence[str]) -> str:
    """A matcher of exactly these."""
    alternatives = "|".join(literal(unit) for unit in units)
    return f"unit=~{json.dumps(alternatives)}"


def _shares(label: str, series: Iterable[Series]) -> dict[str, Share]:
    counts: defaultdict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(STATES, 0))
    for labels, value in series:
        if (state := labels.get("state", "")) in STATES:
            counts[labels.get(label, "")][state] += int(value)
    return {key: Share(**of_it) for key, of_it in counts.items()}
