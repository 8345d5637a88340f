"""Makes a city from a seed: each unit by dice of its own, so that a unit is the same in a city of any size."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from random import Random
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.simulate import words
from haidang_collector.simulate.machines import Owned, machines_of
from haidang_collector.simulate.model import PREFIX, City, Line, Person, Presence, Room, SimUnit, Site
from haidang_collector.simulate.scenario import DEFAULT, LEVEL_SHARES, LIMITS, STAGES_OF_MIXED, STUDENTS, Scenario

if TYPE_CHECKING:
    from datetime import date

ROOM_SIZE = 45
SPEEDS = (100, 150, 200, 300, 500)
DAY = 86_400.0
VIETNAM = timezone(timedelta(hours=7))
KINDERGARTEN = "kindergarten"


def build(units: int, *, seed: int, day: date, scenario: Scenario = DEFAULT) -> City:
    """A city of `units` units as it stands on `day`."""
    return City(seed, day, tuple(_unit(Dice(f"{seed}/{number}"), number, day, scenario) for number in range(units)))


def today() -> date:
    """The day in Vietnam, by which plans are due."""
    return datetime.now(VIETNAM).date()


def code(number: int) -> str:
    return f"{PREFIX}{number + 1:05d}"


class Dice(Random):
    """Seeded by text."""

    def yes(self, share: float) -> bool:
        return self.random() < share


class _Students(NamedTuple):
    """`told` is empty where the unit told no number."""

    actual: dict[str, int]
    told: dict[str, int]


def _unit(dice: Dice, number: int, day: date, scenario: Scenario) -> SimUnit:
    (level,) = dice.choices(list(LEVEL_SHARES), list(LEVEL_SHARES.values()))
    stages = dice.choice(STAGES_OF_MIXED) if level == "mixed" else (level,)
    presence = _presence(dice, scenario)
    students = _students(dice, stages, scenario)
    lines = _lines(dice, scenario)
    rooms = () if level == KINDERGARTEN or dice.yes(scenario.no_computers) else _rooms(dice, students.actual, scenario)
    if not any(line.up for line in lines):
        rooms = tuple(replace(room, reached=False if room.reached else room.reached) for room in rooms)
    owned = _owned(dice, scenario)
    told = {} if dice.yes(scenario.equipment_undeclared) else owned.declared()
    groups = () if dice.yes(scenario.groups_untold) else _groups(dice, scenario)
    mail = words.mail_domain(code(number), education=dice.yes(scenario.mail))
    portal = words.site(code(number)) if dice.yes(scenario.portal) else None
    unit = SimUnit(
        code=code(number),
        name=words.school(level, number),
        district=words.district(number),
        level=level,
        stages=stages,
        presence=presence,
        students=students.told,
        lines=lines,
        rooms=rooms,
        machines=machines_of(dice, owned, rooms, groups, scenario),
        equipment=told | ({} if rooms or level == KINDERGARTEN else {"teaching_computer": 0}),
        network=owned.network(),
        groups=groups,
        people=_people(dice, number, mail, scenario),
        plan=_plan(dice, day, scenario),
        portal=portal,
        mail_domain=mail,
        site=_site(dice, scenario) if portal else None,
        mail={check: dice.yes(0.9) for check in ("mx", "spf", "dmarc")},
        services=_services(dice, scenario),
        incidents=(("rogue_dhcp", "critical"),) if dice.yes(scenario.attacked) else (),
    )
    return _from_outside(dice, unit, scenario)


def _from_outside(dice: Dice, unit: SimUnit, scenario: Scenario) -> SimUnit:
    """With results for parents at some, and portals that are blocked inside."""
    site = unit.site and replace(unit.site, blocked=unit.site.up and dice.yes(scenario.blocked))
    results = (
        {f"{words.PUBLIC}results": not dice.yes(scenario.service_down)} if dice.yes(scenario.public_service) else {}
    )
    return replace(unit, site=site, services={**unit.services, **results})


def _presence(dice: Dice, scenario: Scenario) -> Presence:
    place = dice.random()
    if place < scenario.without_agent:
        return "none"
    return "silent" if place < scenario.without_agent + scenario.silent else "heard"


def _students(dice: Dice, stages: tuple[str, ...], scenario: Scenario) -> _Students:
    actual = {stage: dice.randint(*STUDENTS[stage]) for stage in stages}
    return _Students(actual, {} if dice.yes(scenario.students_unknown) else actual)


def _lines(dice: Dice, scenario: Scenario) -> tuple[Line, ...]:
    isp = dice.choice(words.ISPS)
    lines = [_line(dice, "wan1", isp, scenario)]
    if dice.yes(scenario.second_isp):
        lines.append(_line(dice, "wan2", dice.choice(words.ISPS), scenario))
    return tuple(lines)


def _line(dice: Dice, wan: str, isp: str, scenario: Scenario) -> Line:
    if dice.yes(scenario.medium_unknown):
        medium, evidence = "unknown", "declared"
    else:
        medium = "fibre" if dice.yes(scenario.fibre) else "copper"
        evidence = dice.choice(("optical", "interface", "declared") if medium == "fibre" else ("interface", "declared"))
    return Line(wan, isp, medium, evidence, not dice.yes(scenario.line_down), dice.choice(SPEEDS))


def _rooms(dice: Dice, students: dict[str, int], scenario: Scenario) -> tuple[Room, ...]:
    rooms: list[Room] = []
    declares = not dice.yes(scenario.rooms_undeclared)
    factor = dice.uniform(1.0, 1.3) if dice.yes(scenario.enough_computers) else dice.uniform(0.4, 0.95)
    for stage, number in students.items():
        computers = math.ceil(math.ceil(number / LIMITS.get(stage, 20)) * factor)
        level = None if stage not in LIMITS or dice.yes(scenario.shared_room) else stage
        for _ in range(math.ceil(computers / ROOM_SIZE)):
            size = min(ROOM_SIZE, computers)
            computers -= size
            rooms.append(_room(dice, len(rooms) + 1, level, size, scenario, declares=declares))
    return tuple(rooms)


def _room(dice: Dice, number: int, level: str | None, size: int, scenario: Scenario, *, declares: bool) -> Room:
    seen = math.floor(size * dice.uniform(0.6, 0.95)) if dice.yes(scenario.fewer_than_declared) else size
    return Room(
        name=f"Phòng máy {number}",
        level=level,
        declared=size if declares else None,
        seen=seen,
        online=sum(not dice.yes(scenario.switched_off) for _ in range(seen)),
        subnet=f"10.20.{number}.0/24",
        reached=None if dice.yes(scenario.room_unjudged) else not dice.yes(scenario.room_cut_off),
    )


def _owned(dice: Dice, scenario: Scenario) -> Owned:
    def some(share: float, most: int) -> int:
        return dice.randint(1, most) if dice.yes(share) else 0

    return Owned(
        management=dice.randint(2, 4) if dice.yes(scenario.equipped) else 1,
        printers=some(scenario.equipped, 3),
        webcams=some(scenario.equipped, 3),
        cameras=some(scenario.camera, 16),
        projectors=some(scenario.projection, 6),
        displays=some(scenario.projection, 12),
        access_points=some(scenario.wifi, 10),
    )


def _groups(dice: Dice, scenario: Scenario) -> tuple[tuple[str, bool], ...]:
    all_equipped = dice.yes(scenario.groups_equipped)
    names = words.SUBJECTS[: dice.randint(3, len(words.SUBJECTS))]
    return tuple((f"Tổ {name}", all_equipped or place != 0) for place, name in enumerate(names))


def _people(dice: Dice, number: int, mail: str, scenario: Scenario) -> tuple[Person, ...]:
    if dice.yes(scenario.contacts_untold):
        return ()
    roles = ("leader", "officer") if dice.yes(scenario.contacts_complete) else ("leader",)
    return tuple(Person(role, words.person(place, number), f"{role}@{mail}") for place, role in enumerate(roles))


def _plan(dice: Dice, day: date, scenario: Scenario) -> date | None:
    """Between 15 July, after the school year began, and `day`; None also where it has not come yet."""
    began = day.replace(year=school_year_begins(day), month=7, day=15)
    if not dice.yes(scenario.plan) or day < began:
        return None
    return date_between(dice, began, day)


def school_year_begins(day: date) -> int:
    """A school year runs from 1 July to 30 June."""
    return day.year if day.month >= 7 else day.year - 1  # noqa: PLR2004 - July


def date_between(dice: Dice, first: date, last: date) -> date:
    return type(first).fromordinal(dice.randint(first.toordinal(), last.toordinal()))


def _services(dice: Dice, scenario: Scenario) -> dict[str, bool]:
    """The sector's, and at some units their own enrolment for parents."""
    own = (f"{words.PUBLIC}enrolment",) if dice.yes(scenario.public_service) else ()
    return {name: not dice.yes(scenario.service_down) for name in (*words.SERVICES, *own)}


def _site(dice: Dice, scenario: Scenario) -> Site:
    neglected = dice.yes(scenario.portal_neglected)
    return Site(
        up=not dice.yes(scenario.service_down),
        tls_left_seconds=(-3 if dice.yes(scenario.service_down) else dice.randint(20, 300)) * DAY,
        unchanged_seconds=(dice.randint(120, 600) if neglected else dice.uniform(0.1, 20)) * DAY,
        feed_lag_seconds=dice.uniform(2, 9) * DAY if neglected else dice.uniform(60, 3600),
    )
