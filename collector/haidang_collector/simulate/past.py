"""How a simulated unit came to be what it is: its past, told backwards, in chapters in which nothing changes.

Only what a city works on changes: agents, lines, computers, weaknesses, people, portals, plans; and attacks pass. A
unit whose agent is silent, or that has none, was so all along.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.simulate.build import Dice, date_between, school_year_begins
from haidang_collector.simulate.machines import CHECKS
from haidang_collector.simulate.metrics import INCIDENT_KINDS
from haidang_collector.simulate.scenario import PAST, Past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_collector.centre.school_time import Calendar
    from haidang_collector.simulate.model import City, Machine, Room, SimUnit

    Undo = tuple[date, Callable[[SimUnit], SimUnit]]
    """A day, and what makes a unit what it was before."""

MORNING = time(6)
"""When changes of a day come, so that its last moment, by which it is evaluated, has them."""
WATCHED_DAYS = 7
"""So long a room is watched before fewer computers than declared are believed: R4 watched_seconds of the policy."""
LONGEST_ATTACK_DAYS = 3
ATTACKS = tuple(kind for kind, severity in INCIDENT_KINDS.items() if severity == "critical")


class Period(NamedTuple):
    """Days with both ends, by the calendar's clock."""

    first: date
    last: date
    calendar: Calendar

    def morning(self, day: date) -> float:
        """When what changes on that day does, Unix time."""
        return datetime.combine(day, MORNING, self.calendar.zone).timestamp()

    def midnight(self, day: date) -> float:
        """When the day begins, Unix time."""
        return datetime.combine(day, time(), self.calendar.zone).timestamp()

    def day(self, dice: Dice) -> date:
        return date_between(dice, self.first, self.last)

    def school_day(self, dice: Dice) -> date:
        """One of its school days; where the calendar knows of none, any."""
        days = [self.day(dice) for _ in range(20)]
        return next((day for day in days if self.calendar.hours_of(day)), days[0])


class Chapter(NamedTuple):
    """From `begin`, Unix time. `watched`: its agents have been there for a week."""

    begin: float
    unit: SimUnit
    watched: bool


def chapters(unit: SimUnit, city: City, period: Period, past: Past = PAST) -> list[Chapter]:
    """Oldest first; the first begins with the period."""
    dice = Dice(f"{city.seed}/{unit.code}/past")
    undone = sorted(_undos(unit, dice, period, past), key=lambda undo: undo[0], reverse=True)
    states: list[tuple[date, SimUnit]] = []
    for day, undo in undone:
        if day <= period.first:
            break
        states.append((day, unit))
        unit = undo(unit)
    states.append((period.first, unit))
    states.reverse()
    since = next((day for day, state in states if state.presence == "heard"), None)
    if since is None:
        return [Chapter(period.morning(day), state, watched=False) for day, state in states]
    known = since + timedelta(days=WATCHED_DAYS)
    last = next(state for day, state in reversed(states) if day <= known)
    days = sorted([*states, (known, last)], key=lambda each: each[0])
    return [Chapter(period.morning(day), state, watched=day >= known) for day, state in days if day <= period.last]


def _undos(unit: SimUnit, dice: Dice, period: Period, past: Past) -> Iterator[Undo]:
    if unit.presence == "heard" and dice.yes(past.agent_later):
        early = period.first + (period.last - period.first) // 3
        yield date_between(dice, period.first, early), lambda now: replace(now, presence="none")
    yield from _lines(unit, dice, period, past)
    if unit.rooms and dice.yes(past.computers_later):
        yield period.day(dice), _with_fewer(dice.uniform(0.5, 0.85))
    for place in range(len(unit.machines)):
        if dice.yes(past.mended):
            grave = dice.choice([check for check, severity in CHECKS.items() if severity == "critical"])
            yield period.day(dice), _with_fault(place, grave)
    if dice.yes(past.attacked):
        yield from _attack(dice, period)
    if len(unit.people) > 1 and dice.yes(past.officer_later):
        yield period.day(dice), lambda now: replace(now, people=now.people[:1])
    if unit.site is not None and dice.yes(past.portal_later):
        yield period.day(dice), lambda now: replace(now, portal=None, site=None)
    yield from _plans(unit, dice, period, past)


def _lines(unit: SimUnit, dice: Dice, period: Period, past: Past) -> Iterator[Undo]:
    for place, line in enumerate(unit.lines):
        if line.medium == "fibre" and dice.yes(past.fibre_later):
            yield period.day(dice), _without_fibre(place)
    if len(unit.lines) > 1 and dice.yes(past.second_isp_later):
        yield period.day(dice), lambda now: replace(now, lines=now.lines[:1])


def _plans(unit: SimUnit, dice: Dice, period: Period, past: Past) -> Iterator[Undo]:
    """Each school year has its own; before it came there was none."""
    plan = unit.plan
    for year in range(school_year_begins(period.last), school_year_begins(period.first) - 1, -1):
        if plan is not None:
            yield plan, lambda now: replace(now, plan=None)
        begins = date(year, 7, 1)
        plan = date_between(dice, date(year - 1, 7, 15), date(year - 1, 11, 30)) if dice.yes(past.plan) else None
        yield begins, _with_plan(plan)


def _with_plan(plan: date | None) -> Callable[[SimUnit], SimUnit]:
    return lambda now: replace(now, plan=plan)


def _without_fibre(place: int) -> Callable[[SimUnit], SimUnit]:
    def undo(now: SimUnit) -> SimUnit:
        lines = list(now.lines)
        if place < len(lines):
            lines[place] = replace(lines[place], medium="copper", evidence="interface")
        return replace(now, lines=tuple(lines))

    return undo


def _with_fewer(share: float) -> Callable[[SimUnit], SimUnit]:
    def smaller(room: Room) -> Room:
        seen = math.ceil(room.seen * share)
        declared = None if room.declared is None else seen + max(room.declared - room.seen, 0)
        return replace(room, seen=seen, declared=declared, online=min(room.online, seen))

    return lambda now: replace(now, rooms=tuple(map(smaller, now.rooms)))


def _with_fault(place: int, check: str) -> Callable[[SimUnit], SimUnit]:
    def faulty(number: int, machine: Machine) -> Machine:
        return replace(machine, failed=machine.failed | {check}) if number == place else machine

    return lambda now: replace(now, machines=tuple(faulty(*each) for each in enumerate(now.machines)))


def _attack(dice: Dice, period: Period) -> Iterator[Undo]:
    """Over when the period is."""
    kind, begins = dice.choice(ATTACKS), period.school_day(dice)
    ends = min(begins + timedelta(days=dice.randint(1, LONGEST_ATTACK_DAYS)), period.last)
    if begins < ends:
        yield begins, lambda now: replace(now, incidents=tuple(each for each in now.incidents if each[0] != kind))
        yield ends, lambda now: replace(now, incidents=(*now.incidents, (kind, INCIDENT_KINDS[kind])))
