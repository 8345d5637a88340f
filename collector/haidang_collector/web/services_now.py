"""Online systems and services for parents as they stand now in a part of the city: by the rules, and the registry."""

from __future__ import annotations

import asyncio
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from haidang_reach.faults import FAULTS

from haidang_collector.access.visitor import Scope
from haidang_collector.web.state import natural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from haidang_collector.centre.public_services import Told
    from haidang_collector.web.state import Measurements, Series

SECTOR, PARENTS = 'service!~"public_.+"', 'service=~"public_.+"'
WORST = 50
"""Services for parents that fail, and are named one by one."""
NAMED = 5
"""Units where a system fails, of those that are named."""
LEAST = 5
"""Units; where a system fails at fewer, the rules (outages_services.yml) take it for no district's fault."""
PHASES: Mapping[str, str] = {str(fault): phase for fault, phase in FAULTS.items()}


Extent = Literal["city", "district", "some", "few", "none"]


@dataclass(frozen=True, slots=True)
class SystemNow:
    """`asked`: units whose agents ask for it, `down`: those that do not get through; `phase` at fault at most of them.

    `city`, `districts`: whether, and where, the rules say that the system itself fails. `units`: `down` ones, not all.
    `seconds`: what an answer takes at the middle one. None: not known.
    """

    asked: int
    down: int
    phase: str | None
    seconds: float | None
    city: bool = False
    districts: tuple[str, ...] = ()
    units: tuple[str, ...] = ()

    @property
    def extent(self) -> Extent:
        """For whom it fails. `few`: so few that it is theirs; `some`: more, or most of few, and no district's fault."""
        if not self.down:
            return "none"
        if self.city or self.districts:
            return "city" if self.city else "district"
        return "few" if self.down < LEAST and self.down * 2 < self.asked else "some"


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


async def systems(measurements: Measurements, scope: Scope, district: str = "") -> dict[str, SystemNow]:
    """By name. `district`: a unit's, for what the rules say of it. Raises UnansweredError."""
    of = _selector(scope)
    around = _selector(Scope(district=scope.district or district)) or of
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
    city = f"city:school_service_outage:active{{{SECTOR}}} == 1"
    districts = f"district:school_service_outage:active{{{SECTOR}{around}}} == 1"
    units = f"topk by (service) ({NAMED}, unit:school_service_down:active{{{SECTOR}{of}}})"
    queries = (asked, down, seconds, city, faults, districts, units)
    found = await asyncio.gather(*(measurements.query(each) for each in queries))
    numbers, failing, took, everywhere = (_by_service(each) for each in found[:4])
    phases, parts, named = _phases(found[4]), _named(found[5], "district"), _named(found[6], "unit")
    return {
        name: SystemNow(
            asked=int(number),
            down=int(failing.get(name, 0)),
            phase=phases.get(name),
            seconds=took.get(name),
            city=name in everywhere,
            districts=parts.get(name, ()),
            units=named.get(name, ()),
        )
        for name, number in numbers.items()
    }


def by_extent(systems: Mapping[str, SystemNow], names: Iterable[str]) -> dict[Extent, list[str]]:
    """Those of `names` that anybody asks for."""
    found: defaultdict[Extent, list[str]] = defaultdict(list)
    for name in names:
        if name in systems:
            found[systems[name].extent].append(name)
    return dict(found)


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


def _named(found: Iterable[Series], label: str) -> dict[str, tuple[str, ...]]:
    """By service the values of a label, as a person sorts them."""
    names: defaultdict[str, set[str]] = defaultdict(set)
    for labels, _ in found:
        names[labels.get("service", "")].add(labels.get(label, ""))
    return {service: tuple(sorted(each, key=natural)) for service, each in names.items()}


def _phases(found: Iterable[Series]) -> dict[str, str]:
    """The part that is at fault at most of those where one is; of what is no fault that is known, nothing."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for labels, value in found:
        if (phase := PHASES.get(labels.get("fault", ""))) is not None:
            counts[labels.get("service", "")][phase] += int(value)
    return {service: phases.most_common(1)[0][0] for service, phases in counts.items()}
