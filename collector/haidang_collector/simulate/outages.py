"""Outages of a simulated city: power and ISPs by district, lines and routers by unit."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.simulate.build import Dice
from haidang_collector.simulate.scenario import PAST, Past

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from haidang_collector.simulate.model import SimUnit
    from haidang_collector.simulate.past import Period

    Faults = Callable[[str, float, tuple[int, int]], list[tuple[float, float]]]
    """When what is named fails, Unix seconds, by how often a month and from how many minutes to how many."""

MINUTE, HOUR = 60, 3600
POWER, ISP, CARRIER, ROUTER = "power", "isp", "carrier", "router"
WHOLE = ""
"""The `wan` of what users feel: the default path."""
DAYS_A_MONTH = 28
"""Of which things fail; the last days of longer months are quiet."""


class Outage(NamedTuple):
    """From `begin` to `end`, Unix seconds; `wan` empty: of the default path."""

    begin: float
    end: float
    cause: str
    wan: str


class Outages:
    """Those of a city, as `faults` deals them out."""

    def __init__(self, faults: Faults, past: Past = PAST) -> None:
        self._faults, self._past = faults, past
        self._shared = cache(self._of_many)

    def of(self, unit: SimUnit, since: Mapping[str, float]) -> list[Outage]:
        """By begin; those of one line, or of the default path, never overlap.

        `since`: when each line was there, Unix time. Lines that are down for good have none.
        """
        power = self.power(unit.district)
        router = self._faults(f"{unit.code}/{ROUTER}", self._past.router_faults, (10, 40))
        lines: list[Outage] = []
        for line in unit.lines:
            if not line.up:
                continue
            cuts = self._faults(f"{unit.code}/{line.wan}", self._past.line_cuts, (30, 600))
            lines += _apart(
                power,
                [
                    *(Outage(begin, end, ROUTER, line.wan) for begin, end in router),
                    *(Outage(begin, end, ISP, line.wan) for begin, end in self._shared(line.isp, unit.district)),
                    *(Outage(begin, end, CARRIER, line.wan) for begin, end in cuts),
                ],
            )
        lines = [each for each in lines if each.begin >= since[each.wan]]
        return sorted([*power, *lines, *_felt(unit, lines, since)])

    def power(self, district: str) -> list[Outage]:
        """Power cuts, by begin."""
        return [Outage(begin, end, POWER, WHOLE) for begin, end in self._shared(POWER, district)]

    def _of_many(self, what: str, district: str) -> list[tuple[float, float]]:
        if what == POWER:
            return self._faults(f"{district}/{what}", self._past.power_cuts, (20, 150))
        return self._faults(f"{district}/{what}", self._past.isp_outages, (20, 240))


def monthly(seed: int, period: Period) -> Faults:
    """Those of a past: from 6 to 22 o'clock, at most one a month.

    Each calendar month has its own, so that it is the same whatever period is told.
    """
    months = tuple(_months(period.first, period.last))

    def faults(of: str, a_month: float, minutes: tuple[int, int]) -> list[tuple[float, float]]:
        found = []
        for month in months:
            dice = Dice(f"{seed}/{of}/{month:%Y-%m}")
            if dice.yes(a_month):
                midnight = datetime.combine(month, time(), period.calendar.zone)
                begin = midnight + timedelta(days=dice.randrange(DAYS_A_MONTH), minutes=dice.randint(6 * 60, 22 * 60))
                found.append((begin.timestamp(), begin.timestamp() + dice.randint(*minutes) * MINUTE))
        return found

    return faults


def _months(first: date, last: date) -> Iterator[date]:
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=31)).replace(day=1)


def _apart(power: Sequence[Outage], outages: Iterable[Outage]) -> list[Outage]:
    """Without those that begin while another goes on, and those that meet a power cut: then nobody watches."""
    kept: list[Outage] = []
    for each in sorted(outages):
        met = any(each.begin < other.end and other.begin < each.end for other in power)
        if not met and (not kept or kept[-1].end < each.begin):
            kept.append(each)
    return kept


def _felt(unit: SimUnit, outages: Sequence[Outage], since: Mapping[str, float]) -> list[Outage]:
    """While every line that is there is down, users have no Internet; the first line's outage is the cause."""
    working = [line.wan for line in unit.lines if line.up]
    if not working:
        return []
    felt = [each._replace(wan=WHOLE) for each in outages if each.wan == working[0]]
    for wan in working[1:]:
        away = [Outage(0, since[wan], "", wan), *(each for each in outages if each.wan == wan)]
        felt = [
            each._replace(begin=max(each.begin, also.begin), end=min(each.end, also.end))
            for each in felt
            for also in away
            if each.begin < also.end and also.begin < each.end
        ]
    return felt
