"""What goes on in a simulated city while its agents report: by the seed and the moment alone.

Each day has its own outages and attacks, which end with it at the latest, so that whoever asks need not know of the
days before.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.simulate.build import Dice
from haidang_collector.simulate.ledger import COUNTED_SECONDS, Attack, Day, Ledger, carrying
from haidang_collector.simulate.metrics import INCIDENT_KINDS
from haidang_collector.simulate.outages import DAYS_A_MONTH, HOUR, MINUTE, POWER, Outages
from haidang_collector.simulate.past import ATTACKS
from haidang_collector.simulate.scenario import LIVE, PAST, Live, Past

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haidang_collector.centre.school_time import Calendar
    from haidang_collector.simulate.model import Machine, Room, SimUnit
    from haidang_collector.simulate.outages import Faults, Outage

MONTH = 30 * 86_400.0
"""Agents' counters begin anew with it."""
HOURS_A_MONTH = DAYS_A_MONTH * 24
ATTACK_MINUTES = (50, 300)
"""As outages have them, in a past."""
EARLY_SECONDS = 1800.0
"""So long before and after school, at most, who works at a computer switches it on and off."""
ALWAYS_ON = "server"
"""The use of a machine that is never switched off, as no site agent's is."""


class Scene(NamedTuple):
    """How a unit, and one of its machines, stands from `begin` until `end`, Unix seconds.

    `unit`: with its lines, computers and incidents as they are now. `open`: outages that go on, by cause and line, with
    their begin. `booted`: when the machine was switched on; None: not told. `ledger`: until `begin`.
    """

    begin: float
    end: float
    unit: SimUnit
    open: Mapping[tuple[str, str], float]
    ledger: Ledger
    has_power: bool = True
    is_on: bool = True
    cut_off: bool = False
    """Nothing gets out: all lines that usually work are down."""
    booted: float | None = None


def still(unit: SimUnit) -> Scene:
    """As it was built, for ever."""
    return Scene(float("-inf"), float("inf"), unit, {}, Ledger())


class Days:
    """Those of a city."""

    def __init__(self, seed: int, calendar: Calendar, live: Live = LIVE, past: Past = PAST) -> None:
        self.seed, self.calendar, self.live, self._past = seed, calendar, live, past
        self._outages = cache(lambda day: Outages(self._faults(day), past))

    def at(self, now: float) -> date:
        return datetime.fromtimestamp(now, self.calendar.zone).date()

    def midnight(self, day: date) -> float:
        return datetime.combine(day, time(), self.calendar.zone).timestamp()

    def of(self, unit: SimUnit, day: date) -> Day:
        outages = self._outages(day).of(unit, dict.fromkeys((line.wan for line in unit.lines), 0.0))
        name = f"{unit.code}/attack"
        attacks = [
            Attack(begin, end, Dice(f"{self.seed}/{name}/{begin:.3f}").choice(ATTACKS))
            for begin, end in self._faults(day)(name, self._past.attacked, ATTACK_MINUTES)
        ]
        return Day(self.midnight(day), self.midnight(day + timedelta(days=1)), outages, attacks)

    def lessons(self, day: date) -> list[tuple[float, float]]:
        """The hours of school, from when to when; the last of a shift may be short."""
        shifts = [
            tuple(datetime.combine(day, each, self.calendar.zone).timestamp() for each in shift)
            for shift in self.calendar.hours_of(day)
        ]
        return [
            (begin + hour, min(begin + hour + HOUR, end))
            for begin, end in shifts
            for hour in range(0, int(end - begin), HOUR)
        ]

    def power_cuts(self, district: str, day: date) -> list[Outage]:
        return self._outages(day).power(district)

    def power_back(self, district: str, now: float, since: float) -> float:
        """When it came back last before `now`; `since` if it has been there all the time."""
        day = self.at(now)
        while self.midnight(day + timedelta(days=1)) > since:
            ends = [cut.end for cut in self.power_cuts(district, day) if cut.end <= now]
            if ends:
                return max(ends[-1], since)
            day -= timedelta(days=1)
        return since

    def _faults(self, day: date) -> Faults:
        midnight, end = self.midnight(day), self.midnight(day + timedelta(days=1))

        def faults(of: str, a_month: float, minutes: tuple[int, int]) -> list[tuple[float, float]]:
            dice = Dice(f"{self.seed}/live/{of}/{day}")
            found: list[tuple[float, float]] = []
            for hour in range(int((end - midnight) // HOUR)):
                if dice.yes(a_month * self.live.as_often / HOURS_A_MONTH):
                    begin = midnight + hour * HOUR + dice.uniform(0, HOUR)
                    over = begin + dice.uniform(*minutes) * MINUTE / self.live.as_short
                    if not found or found[-1][1] < begin:
                        found.append((begin, min(over, end)))
            return found

        return faults


@dataclass(slots=True)
class Life:
    """Of a machine with an agent, and of the unit around it. `since` is when it began to count, Unix time."""

    days: Days
    unit: SimUnit
    machine: Machine
    since: float = 0.0
    _day: Day = field(init=False, default=Day(0.0, 0.0, (), ()))
    _lessons: list[tuple[float, float]] = field(init=False, default_factory=list)
    _on: tuple[float, float] = field(init=False, default=(0.0, 0.0))
    _moments: list[float] = field(init=False, default_factory=list)
    _counted: Ledger = field(init=False, default_factory=Ledger)
    """Until the day began, or, later, since the agents' month did."""
    _month: float = field(init=False, default=-1.0)

    def at(self, now: float) -> Scene:
        """The scene that `now`, Unix time, lies in."""
        month = now - now % MONTH
        if month != self._month or not self._day.begin <= now < self._day.end:
            self._turn_to(now, month)
        place = bisect_right(self._moments, now)
        begin, end = self._moments[place - 1], self._moments[place]
        return self._scene(begin, end)

    def _turn_to(self, now: float, month: float) -> None:
        days, unit = self.days, self.unit
        today, since = days.at(now), max(self.since, month)
        self._month, self._counted = month, Ledger()
        day = days.at(since)
        while day < today:
            before = days.of(unit, day)
            self._counted.enter(unit, before, since, before.end)
            day += timedelta(days=1)
        self._day, self._lessons = days.of(unit, today), days.lessons(today)
        self._on = self._hours_on(today)
        self._moments = sorted(self._changes(month + MONTH))

    def _hours_on(self, today: date) -> tuple[float, float]:
        if "site" in self.machine.roles or self.machine.use == ALWAYS_ON:
            return self._day.begin, self._day.end
        if not self._lessons:
            return self._day.begin, self._day.begin
        dice = Dice(f"{self.days.seed}/{self.unit.code}/{self.machine.use}/{today}")
        early, late = dice.uniform(0, EARLY_SECONDS), dice.uniform(0, EARLY_SECONDS)
        return self._lessons[0][0] - early, self._lessons[-1][1] + late

    def _changes(self, month_ends: float) -> set[float]:
        day = self._day
        moments = {moment for span in (*self._lessons, self._on) for moment in span}
        moments |= {moment for outage in day.outages for moment in (outage.begin, outage.end)}
        for begin, end, _ in day.attacks:
            moments |= {begin, begin + COUNTED_SECONDS, end}
        moments |= {month_ends - MONTH, month_ends}
        return {day.begin, day.end} | {moment for moment in moments if day.begin < moment < day.end}

    def _scene(self, begin: float, end: float) -> Scene:
        day, unit = self._day, self.unit
        going_on = [each for each in day.outages if each.begin <= begin < each.end]
        has_power = not any(each.cause == POWER for each in going_on)
        usual = any(line.up for line in unit.lines)
        cut_off = usual and carrying(unit, going_on, begin) is None
        since = max(self.since, self._month)
        ledger = self._counted.copy()
        ledger.enter(unit, day, since, begin)
        return Scene(
            begin,
            end,
            replace(
                unit,
                lines=tuple(replace(line, up=line.up and line.wan not in _wans(going_on)) for line in unit.lines),
                rooms=tuple(self._room(room, begin, cut_off=cut_off) for room in unit.rooms),
                incidents=tuple(dict((*unit.incidents, *self._incidents(begin))).items()),
            ),
            {(each.cause, each.wan): max(each.begin, since) for each in going_on},
            ledger,
            has_power=has_power,
            is_on=has_power and self._on[0] <= begin < self._on[1],
            cut_off=cut_off,
            booted=self._booted(begin),
        )

    def _room(self, room: Room, now: float, *, cut_off: bool) -> Room:
        """Either all computers that are ever on are, or none."""
        lesson = next((begin for begin, end in self._lessons if begin <= now < end), None)
        dice = Dice(f"{self.days.seed}/{self.unit.code}/{room.name}/{lesson}")
        used = lesson is not None and dice.yes(self.days.live.rooms_used)
        return replace(room, online=room.online if used else 0, reached=room.reached and not cut_off)

    def _incidents(self, now: float) -> Iterator[tuple[str, str]]:
        for attack in self._day.attacks:
            if attack.begin <= now < attack.end:
                yield attack.kind, INCIDENT_KINDS[attack.kind]

    def _booted(self, now: float) -> float:
        on = self._on[0] if self._on[0] > self._day.begin else self._month - MONTH
        return self.days.power_back(self.unit.district, now, on)


def _wans(outages: list[Outage]) -> set[str]:
    return {each.wan for each in outages}
