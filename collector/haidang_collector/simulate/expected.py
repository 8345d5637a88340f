"""How a simulated unit stands in each row, worked out from what it was built as: what an evaluation has to find.

Of a city that agents have just begun to watch, by the definitions of docs/evaluation.md and the limits of the policy.
Limits that are shares, or 0, are taken as they stand in the built-in one: all rooms, all groups, no critical finding.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.centre import school_time
from haidang_collector.evaluation.model import Share
from haidang_collector.simulate.build import school_year_begins
from haidang_collector.simulate.machines import CHECKS
from haidang_collector.simulate.words import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from haidang_collector.centre.school_time import Calendar
    from haidang_collector.evaluation.model import State
    from haidang_collector.policy.policy import Policy
    from haidang_collector.simulate.model import City, Machine, Room, SimUnit

EDUCATION = ".edu.vn"


class Limits(NamedTuple):
    """The policy's limits on a day, as far as they are numbers of things or of days."""

    day: date
    isps: float
    students: Mapping[str, float]
    """Per computer, by level."""
    equipment: Mapping[str, float]
    portal_changed_seconds: float
    news_on_time: float
    """Share of the deadlines of 30 days."""
    plan_due: date
    """The last day of the current school year's."""
    closed_seasons: frozenset[str]
    """Of the calendar."""


def limits_on(day: date, policy: Policy, calendar: Calendar | None = None) -> Limits:
    """Without `calendar` the built-in one holds."""
    told = {(limit.row, limit.limit, *(word for _, word in limit.labels)): limit.value for limit in policy.at(day)}
    began = date(school_year_begins(day), 7, 1)
    return Limits(
        day,
        isps=told["R2", "isps"],
        students={key[2]: value for key, value in told.items() if key[:2] == ("R4", "students_per_computer")},
        equipment={key[2]: value for key, value in told.items() if key[:2] == ("R5", "equipment")},
        portal_changed_seconds=told["R9", "portal_changed_within_seconds"],
        news_on_time=told["R10", "news_on_time_ratio"],
        plan_due=began + timedelta(seconds=told["R16", "plan_due_seconds"] - 1),
        closed_seasons=(calendar or school_time.load()).closed_seasons(day),
    )


def expected(unit: SimUnit, limits: Limits) -> dict[str, State]:
    """The state in each row but R10, which is judged by weeks of mornings and afternoons."""
    return {row: judge(unit, limits) for row, judge in _JUDGES.items()}


def expected_shares(city: City, policy: Policy) -> dict[str, Share]:
    """By row, over all units."""
    limits = limits_on(city.day, policy)
    states = [expected(unit, limits) for unit in city.units]
    return {row: _share(Counter(each[row] for each in states)) for row in states[0]}


def _share(states: Counter[State]) -> Share:
    return Share(states["met"], states["unmet"], states["unknown"], states["not_applicable"])


def _verdict(met: bool | None) -> State:
    return "unknown" if met is None else "met" if met else "unmet"


def _fibre(unit: SimUnit, _: Limits) -> State:
    media = {line.medium for line in unit.lines} if unit.presence == "heard" else {"unknown"}
    return "met" if "fibre" in media else _verdict(None if "unknown" in media else False)


def _isps(unit: SimUnit, limits: Limits) -> State:
    if unit.presence != "heard":
        return "unknown"
    return _verdict(len({line.isp for line in unit.lines}) >= limits.isps)


def _rooms(unit: SimUnit, _: Limits) -> State:
    judged = [room.reached if unit.presence == "heard" else None for room in unit.rooms]
    if False in judged:
        return "unmet"
    return _verdict(None if None in judged or not judged else True)


def _computers(unit: SimUnit, limits: Limits) -> State:
    if not limits.students.keys() & unit.stages:
        return "not_applicable"
    counted = [(room.level, number) for room in unit.rooms if (number := _counted(room, unit)) is not None]
    outside = unit.equipment.get("teaching_computer")
    if not unit.students or (not counted and outside is None):
        return "unknown"
    shared = sum(number for level, number in counted if level is None) + (outside or 0)
    needed = sum(_needed(level, unit, counted, limits) for level in unit.students)
    if needed <= shared:
        return "met"
    return _verdict(None if len(counted) < len(unit.rooms) else False)


def _counted(room: Room, unit: SimUnit) -> int | None:
    """Fewer than declared are not believed of a room that is watched since today only: they may have been off."""
    if unit.presence != "heard":
        return room.declared
    return max(room.seen, room.declared or 0)


def _needed(level: str, unit: SimUnit, counted: list[tuple[str | None, int]], limits: Limits) -> int:
    """Computers that the level lacks in its own rooms."""
    own = sum(number for each, number in counted if each == level)
    return max(math.ceil(unit.students[level] / limits.students[level]) - own, 0)


def _equipment(unit: SimUnit, limits: Limits) -> State:
    found, short, known = measured(unit), False, True
    for kind, limit in limits.equipment.items():
        enough = max(found.get(kind, 0), unit.equipment.get(kind, 0)) >= limit
        short |= not enough and kind in unit.equipment
        known &= enough or kind in unit.equipment
    return "unmet" if short else _verdict(True if known else None)


def measured(unit: SimUnit) -> Counter[str]:
    """Devices by kind that its agents find: of printers those at machines and those in the LAN, else the better."""
    if unit.presence != "heard":
        return Counter()
    by_agents: Counter[str] = Counter()
    for machine in unit.machines:
        by_agents.update(machine.equipment)
        by_agents[f"{machine.use}_computer"] += 1
    by_network = Counter(unit.network)
    found = by_agents | by_network
    found["printer"] = by_agents["printer"] + by_network["printer"]
    return found


def _groups(unit: SimUnit, _: Limits) -> State:
    return _verdict(all(has for _, has in unit.groups) if unit.groups else None)


def _eschool(unit: SimUnit, _: Limits) -> State:
    parts = e_school(unit)
    if False in parts.values():
        return "unmet"
    return _verdict(None if None in parts.values() else True)


def e_school(unit: SimUnit) -> dict[str, bool | None]:
    """Which parts of an e-school (R7) it has, None: not known."""
    found = measured(unit)

    def has(*kinds: str) -> bool | None:
        if any(found[kind] or unit.equipment.get(kind) for kind in kinds):
            return True
        return False if all(kind in unit.equipment for kind in kinds) else None

    heard = unit.presence == "heard"
    group = any(computer for _, computer in unit.groups)
    return {
        "lan": (heard and any(room.seen for room in unit.rooms)) or None,
        "internet": (heard and any(line.up for line in unit.lines)) or None,
        "wifi": has("access_point"),
        "lab": bool(unit.rooms) or None,
        "management_computer": has("management_computer"),
        "subject_group_computer": group or found["subject_group_computer"] > 0 or (False if unit.groups else None),
        "printer": has("printer"),
        "camera": has("camera", "webcam"),
        "projection": has("projector", "display"),
    }


def _security(unit: SimUnit, _: Limits) -> State:
    if unit.presence != "heard":
        return "unknown"
    attacked = any(severity == "critical" for _, severity in unit.incidents)
    return _verdict(not attacked and all(safe(machine) for machine in unit.machines))


def safe(machine: Machine) -> bool:
    """Whether no check of critical severity fails on it."""
    return all(CHECKS[check] != "critical" for check in machine.failed)


def _portal(unit: SimUnit, limits: Limits) -> State:
    site = unit.site
    if site is None:
        return "unknown"
    if site.blocked and unit.presence == "heard":
        return "unmet"
    return _verdict(site.up and site.tls_left_seconds > 0 and site.unchanged_seconds <= limits.portal_changed_seconds)


def _mail(unit: SimUnit, _: Limits) -> State:
    leaders = [person.email for person in unit.people if person.role == "leader"]
    addresses = [f"@{unit.mail_domain}", *leaders]
    if not unit.mail["mx"] or not all(address.endswith(EDUCATION) for address in addresses):
        return "unmet"
    return _verdict(True if leaders else None)


def _services(unit: SimUnit, _: Limits) -> State:
    up = [up for name, up in unit.services.items() if not name.startswith(PUBLIC)]
    return _verdict(all(up) if unit.presence == "heard" else None)


def _public_services(unit: SimUnit, limits: Limits) -> State:
    """The centre asks for them all, but those whose season is over were never judged yet."""
    up = [
        up
        for name, up in unit.services.items()
        if name.startswith(PUBLIC) and name.removeprefix(PUBLIC) not in limits.closed_seasons
    ]
    return _verdict(all(up) if up else None)


def _servers(unit: SimUnit, _: Limits) -> State:
    servers = [machine for machine in unit.machines if machine.use == "server"]
    if not servers or unit.presence != "heard":
        return "unknown" if unit.equipment.get("server") else "not_applicable"
    return _verdict(all(map(safe, servers)))


def _people(unit: SimUnit, _: Limits) -> State:
    return _verdict({"leader", "officer"} <= {person.role for person in unit.people} if unit.people else None)


def _plan(unit: SimUnit, limits: Limits) -> State:
    if unit.plan is not None:
        return _verdict(unit.plan <= limits.plan_due)
    return _verdict(None if limits.day <= limits.plan_due else False)


_JUDGES: Mapping[str, Callable[[SimUnit, Limits], State]] = {
    "R1": _fibre,
    "R2": _isps,
    "R3": _rooms,
    "R4": _computers,
    "R5": _equipment,
    "R6": _groups,
    "R7": _eschool,
    "R8": _security,
    "R9": _portal,
    "R11": _mail,
    "R12": _services,
    "R13": _public_services,
    "R14": _servers,
    "R15": _people,
    "R16": _plan,
}
