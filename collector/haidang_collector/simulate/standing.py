"""What the recording rules say of a simulated unit while nothing changes in it: facts, and how it stands in each row.

Worked out from what the unit is built as, so that a school year takes minutes; `tests/collector/simulate/test_rules.py`
holds every series against a real Prometheus with the rules themselves.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, time
from itertools import chain
from typing import TYPE_CHECKING

from haidang_collector.registry.fact_words import ROLES
from haidang_collector.registry.mail_domains import domain_word
from haidang_collector.simulate.build import school_year_begins
from haidang_collector.simulate.computers import computers
from haidang_collector.simulate.expected import e_school, expected, measured, safe
from haidang_collector.simulate.machines import CHECKS
from haidang_collector.simulate.words import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from haidang_collector.evaluation.model import State
    from haidang_collector.simulate.expected import Limits
    from haidang_collector.simulate.model import SimUnit

Labels = tuple[tuple[str, str], ...]
Key = tuple[str, Labels]
"""A series: its name, and its labels in the order of their names."""
Told = dict[Key, float]
Said = tuple[str, dict[str, str], float]

SEVERITIES = ("critical", "info", "warning")
BEST_FIRST = ("optical", "interface", "declared")
AFTERNOON_SECONDS, MORNING_SECONDS = 9 * 3600, 15 * 3600
"""How old the newest item may be at 17:00 and at 8:00 (R10), so that the news of the deadline before is in it."""
MONDAY_SECONDS = 2 * 86_400
"""So much longer on Mondays."""


def standing(unit: SimUnit, limits: Limits, *, watched: bool) -> Told:
    """Every series by its value. `watched`: the agent has seen its rooms for a week and the news for a month."""
    of_unit = {"unit": unit.code, "district": unit.district}
    said = chain(
        _facts(unit), _links(unit), _teaching(unit, limits, watched=watched), _equipment(unit, limits),
        _security(unit), _online(unit, limits), _rows(unit, limits, watched=watched),
    )  # fmt: skip
    return {(name, tuple(sorted({**labels, **of_unit}.items()))): float(value) for name, labels, value in said}


def row_states(unit: SimUnit, limits: Limits, *, watched: bool) -> dict[str, State]:
    """In all rows that can be judged; R10 once the news was watched."""
    believed = unit
    if watched:
        rooms = tuple(replace(room, declared=min(room.declared or 0, room.seen)) for room in unit.rooms)
        believed = replace(unit, rooms=rooms)
    states = expected(believed, limits)
    news = _news(unit) if watched else {}
    states["R10"] = "unknown" if not news else "met" if min(news.values()) >= limits.news_on_time else "unmet"
    return states


def _facts(unit: SimUnit) -> Iterator[Said]:
    yield "unit:school_info", {"level": unit.level}, 1
    yield "unit:school_name:info", {"name": unit.name}, 1
    for level, number in unit.students.items():
        yield "unit:school_students:count", {"level": level}, number
    if unit.groups:
        equipped = sum(has for _, has in unit.groups)
        yield "unit:school_subject_groups:count", {"state": "with"}, equipped
        yield "unit:school_subject_groups:count", {"state": "without"}, len(unit.groups) - equipped
    if unit.people:
        roles = Counter(person.role for person in unit.people)
        for role in ROLES:
            yield "unit:school_contacts:count", {"role": role}, roles[role]
    if unit.plan is not None:
        first = school_year_begins(unit.plan)
        at = datetime.combine(unit.plan, time(), UTC).timestamp()
        yield "unit:school_plan:received_timestamp_seconds", {"year": f"{first}-{first + 1}"}, at


def _links(unit: SimUnit) -> Iterator[Said]:
    judged = [room.reached for room in unit.rooms if room.reached is not None] if unit.presence == "heard" else []
    if unit.rooms:
        yield "unit:school_labs:count", {"state": "registered"}, len(unit.rooms)
    if judged:
        yield "unit:school_labs:count", {"state": "connected"}, sum(judged)
        yield "unit:school_labs:count", {"state": "unconnected"}, len(judged) - sum(judged)
    if unit.presence != "heard":
        return
    yield "unit:school_isps:count", {}, len({line.isp for line in unit.lines})
    if (evidence := fibre_evidence(unit)) is not None:
        yield "unit:school_fibre:evidence", {"evidence": evidence}, 1


def fibre_evidence(unit: SimUnit) -> str | None:
    """The best that a line of it is fibre by."""
    known = {line.evidence for line in unit.lines if line.medium == "fibre"}
    return next((each for each in BEST_FIRST if each in known), None) if unit.presence == "heard" else None


def _teaching(unit: SimUnit, limits: Limits, *, watched: bool) -> Iterator[Said]:
    found = computers(unit, limits, watched=watched)
    for (level, source), number in found.counted.items():
        yield "school:teaching_computers:count", {"source": source} | ({"level": level} if level else {}), number
    for level, number in found.required.items():
        yield "school:computers_required:count", {"level": level}, number
    for level, ratio in found.students_per_computer.items():
        yield "school:students_per_computer:ratio", {"level": level}, ratio
    if found.missing is not None:
        yield "school:computers_missing", {}, found.missing


def _equipment(unit: SimUnit, limits: Limits) -> Iterator[Said]:
    heard = unit.presence == "heard"
    by_agents: Counter[str] = Counter()
    for machine in unit.machines if heard else ():
        by_agents.update(machine.equipment)
        if machine.use in {"management", "subject_group"}:
            by_agents[f"{machine.use}_computer"] += 1
    by_source = {"agent": by_agents, "network": unit.network if heard else {}, "declared": unit.equipment}
    for source, kinds in by_source.items():
        for kind, number in kinds.items():
            yield "unit:school_equipment:count", {"kind": kind, "source": source}, number
    found = measured(unit)
    for kind, limit in limits.equipment.items():
        number = max(found[kind], unit.equipment.get(kind, 0))
        if number >= limit or kind in unit.equipment:
            yield "school:equipment_missing", {"kind": kind}, max(limit - number, 0)
    for part, has in e_school(unit).items():
        if has is not None:
            yield "unit:school_eschool:present", {"part": part}, has


def _security(unit: SimUnit) -> Iterator[Said]:
    if unit.presence != "heard":
        return
    yield "unit:school_machines_reviewed:count", {}, len(unit.machines)
    found = findings(unit)
    incidents = Counter(severity for _, severity in unit.incidents)
    for severity in SEVERITIES:
        yield "unit:school_posture_findings:count", {"severity": severity}, found[severity]
        yield "unit:school_incidents:active", {"severity": severity}, incidents[severity]
    servers = Counter("working" if safe(machine) else "unsafe" for machine in unit.machines if machine.use == "server")
    for state, number in servers.items():
        yield "unit:school_servers:count", {"state": state}, number


def findings(unit: SimUnit) -> Counter[str]:
    """Checks that fail on its machines, by severity."""
    return Counter(CHECKS[check] for machine in unit.machines for check in machine.failed)


def _online(unit: SimUnit, limits: Limits) -> Iterator[Said]:
    for check, passed in _portal(unit, limits):
        yield "unit:school_portal:state", {"check": check}, passed
    leaders = [person.email for person in unit.people if person.role == "leader"]
    if unit.mail_domain is not None:
        yield "unit:school_mail:state", {"check": "domain"}, domain_word(unit.mail_domain) == "education"
    educated = [each for each in leaders if domain_word(each.rpartition("@")[2]) == "education"]
    if leaders:
        yield "unit:school_mail:state", {"check": "leaders"}, len(educated) == len(leaders)
    for check, passed in unit.mail.items():
        yield "unit:school_mail:state", {"check": check}, passed
    for service, up in unit.services.items():
        if unit.presence == "heard":
            yield "unit:school_service_available:ratio", {"service": service}, up
        if service.startswith(PUBLIC) and service.removeprefix(PUBLIC) not in limits.closed_seasons:
            yield "unit:school_public_service:state", {"service": service}, up


def _portal(unit: SimUnit, limits: Limits) -> Iterator[tuple[str, bool]]:
    if unit.portal is not None:
        yield "declared", True
    if (site := unit.site) is None:
        return
    heard, outside = unit.presence == "heard", site.fault(inside=False)
    yield "reached", outside is None and not (heard and site.fault(inside=True))
    if heard or site.up:
        yield "tls", site.tls_left_seconds > 0
    if heard or outside is None:
        yield "changed", site.unchanged_seconds <= limits.portal_changed_seconds


def news_lag(unit: SimUnit) -> float | None:
    """How long after the Department its site has the news, in seconds; None where nobody can read it."""
    site = unit.site
    if site is None or (unit.presence != "heard" and site.fault(inside=False)):
        return None
    return site.feed_lag_seconds


def _news(unit: SimUnit) -> dict[str, float]:
    """The share of deadlines kept, by deadline; weeks without a holiday."""
    if (lag := news_lag(unit)) is None:
        return {}
    on_mondays = 0.2 if lag <= MORNING_SECONDS + MONDAY_SECONDS else 0.0
    return {
        "morning": 1.0 if lag <= MORNING_SECONDS else on_mondays,
        "afternoon": float(lag <= AFTERNOON_SECONDS),
    }


def _rows(unit: SimUnit, limits: Limits, *, watched: bool) -> Iterator[Said]:
    if watched:
        for deadline, share in _news(unit).items():
            yield "unit:school_news_on_time:ratio", {"deadline": deadline}, share
    for row, state in row_states(unit, limits, watched=watched).items():
        if state == "not_applicable":
            yield "school:row:not_applicable", {"row": row}, 1
        elif state != "unknown":
            yield "school:row:compliant", {"row": row}, state == "met"
            source = _source(unit, row, limits, watched=watched)
            yield "school:row:source", {"row": row, "source": source}, 1


def _source(unit: SimUnit, row: str, limits: Limits, *, watched: bool) -> str:
    """Of a row that is judged."""
    if row in {"R6", "R15", "R16"}:
        return "declared"
    if row == "R4":
        found = {source for _, source in computers(unit, limits, watched=watched).counted}
    else:
        found = _SOURCES[row](unit, limits) if row in _SOURCES else {"measured"}
    return "mixed" if len(found) > 1 else found.pop()


def _both(_: SimUnit, __: Limits) -> set[str]:
    """Lines are watched, the names of their ISPs are declared."""
    return {"measured", "declared"}


def _fibre_sources(unit: SimUnit, _: Limits) -> set[str]:
    best = fibre_evidence(unit)
    known = {line.evidence for line in unit.lines} if best is None else {best}
    return {"declared" if evidence == "declared" else "measured" for evidence in known}


def _equipment_sources(unit: SimUnit, limits: Limits) -> set[str]:
    found = measured(unit)
    told = {kind for kind, limit in limits.equipment.items() if found[kind] < limit}
    stated = {kind for kind in told if kind in unit.equipment}
    return ({"measured"} if len(told) < len(limits.equipment) else set()) | ({"declared"} if stated else set())


def _eschool_sources(unit: SimUnit, _: Limits) -> set[str]:
    by_itself = _measured_parts(unit)
    known = {part for part, has in e_school(unit).items() if has is not None}
    return ({"measured"} if by_itself else set()) | ({"declared"} if known - by_itself else set())


def _measured_parts(unit: SimUnit) -> set[str]:
    if unit.presence != "heard":
        return set()
    found = measured(unit)
    kinds = {
        "wifi": ("access_point",), "management_computer": ("management_computer",),
        "subject_group_computer": ("subject_group_computer",), "printer": ("printer",),
        "camera": ("camera", "webcam"), "projection": ("projector", "display"),
    }  # fmt: skip
    parts = {part for part, of in kinds.items() if any(found[kind] for kind in of)}
    if any(line.up for line in unit.lines):
        parts.add("internet")
    if unit.rooms:
        parts.add("lab")
    return parts | ({"lan"} if any(room.seen for room in unit.rooms) else set())


def _mail_sources(unit: SimUnit, _: Limits) -> set[str]:
    leaders = any(person.role == "leader" for person in unit.people)
    declared = {"declared"} if unit.mail_domain is not None or leaders else set()
    return declared | ({"measured"} if "mx" in unit.mail else set())


_SOURCES: Mapping[str, Callable[[SimUnit, Limits], set[str]]] = {
    "R1": _fibre_sources,
    "R2": _both,
    "R5": _equipment_sources,
    "R7": _eschool_sources,
    "R11": _mail_sources,
}
