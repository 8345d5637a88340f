"""Online systems and services for parents as they stand now in a part of the city: by the rules, and the registry."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_reach.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from haidang_collector.access.visitor import Scope
    from haidang_collector.centre.public_services import Told
    from haidang_collector.web.state import Measurements, Series

SECTOR, PARENTS = 'service!~"public_.+"', 'service=~"public_.+"'
WORST = 50
"""Services for parents that fail, and are named one by one."""
PHASES: Mapping[str, str] = {str(fault): phase for fault, phase in FAULTS.items()}


@dataclass(frozen=True, slots=True)
class SystemNow:
    """`asked`: units whose agents ask for it, `down`: those that do not get through; `phase` at fault at most of them.

    `seconds`: what an answer takes at the middle one. None: not known.
    """

    asked: int
    down: int
    phase: str | None
    seconds: float | None


@dataclass(frozen=True, slots=True)
class ServiceNow:
    """A unit's service for parents. `centre`, `school`: whether it is usable there; None: not known.

    `share`: of the last 30 days of its season in which it was usable. `in_season`: None: nobody asks for it yet.
    """

    told: Told
    centre: bool | None
    school: bool | None
    in_season: bool | None
    share: float | None

    @property
    def down(self) -> bool:
        return self.centre is False or (self.centre is None and self.school is False)


async def systems(measurements: Measurements, scope: Scope) -> dict[str, SystemNow]:
    """By name. Raises UnansweredError."""
    of = _selector(scope)
    if scope.unit:
        asked = f'count by (service) (group by (unit, service) (school_service_up{{phase="resolve",{SECTOR}{of}}}))'
        down = f"count by (service) (unit:school_service_down:active{{{SECTOR}{of}}})"
        seconds = f"min by (service) (sum by (agent, service) (school_service_duration_seconds{{{SECTOR}{of}}}))"
    else:
        asked = f"sum by (service) (district:school_service_units:count{{{SECTOR}{of}}})"
        down = f"sum by (service) (district:school_service_units_down:count{{{SECTOR}{of}}})"
        median = f"last_over_time(district:school_service_duration_seconds:sparse_median{{{SECTOR}{of}}}[35m])"
        seconds = f"quantile by (service) (0.5, {median})"
    faults = f"count by (service, fault) (school_service_fault{{{SECTOR}{of}}})"
    found = await asyncio.gather(*(measurements.query(each) for each in (asked, down, seconds, faults)))
    numbers, failing, took = (_by_service(each) for each in found[:3])
    phases = _phases(found[3])
    return {
        name: SystemNow(int(number), int(failing.get(name, 0)), phases.get(name), took.get(name))
        for name, number in numbers.items()
    }


async def for_parents(measurements: Measurements, scope: Scope, told: Iterable[Told]) -> list[ServiceNow]:
    """In the order of `told`. Raises UnansweredError."""
    of = _selector(scope)
    seen, seasons, shares = await asyncio.gather(
        measurements.query(f"unit:school_public_service_seen:up{{{PARENTS}{of}}}"),
        measurements.query(f"unit:school_public_service:in_season{{{PARENTS}{of}}}"),
        measurements.query(f"last_over_time(unit:school_public_service_available:ratio{{{PARENTS}{of}}}[35m])"),
    )
    up = {(*_key(labels), labels.get("from", "")): value == 1 for labels, value in seen}
    in_season, share = ({_key(labels): value for labels, value in each} for each in (seasons, shares))
    return [
        ServiceNow(
            service,
            up.get((*key, "centre")),
            up.get((*key, "school")),
            in_season[key] == 1 if key in in_season else None,
            share.get(key),
        )
        for service in told
        for key in [(service.unit, service.service)]
    ]


def worst(services: Iterable[ServiceNow]) -> Sequence[ServiceNow]:
    """Those that fail, in season first."""
    return sorted((each for each in services if each.down), key=lambda each: each.in_season is False)[:WORST]


def _selector(scope: Scope) -> str:
    if scope.unit:
        return f",unit={json.dumps(scope.unit)}"
    return f",district={json.dumps(scope.district)}" if scope.district else ""


def _key(labels: Mapping[str, str]) -> tuple[str, str]:
    return labels.get("unit", ""), labels.get("service", "")


def _by_service(found: Iterable[Series]) -> dict[str, float]:
    return {labels.get("service", ""): value for labels, value in found}


def _phases(found: Iterable[Series]) -> dict[str, str]:
    """The part that is at fault at most of those where one is; of what is no fault that is known, nothing."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for labels, value in found:
        if (phase := PHASES.get(labels.get("fault", ""))) is not None:
            counts[labels.get("service", "")][phase] += int(value)
    return {service: phases.most_common(1)[0][0] for service, phases in counts.items()}
