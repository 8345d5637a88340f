"""When somebody is told: the critical at once, the rest not at night nor on days of rest."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from haidang_collector.notify.settings import DAYS, Quiet

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

DAYS_AHEAD = 400


def due(severity: str, now: datetime, quiet: Quiet, zone: ZoneInfo) -> datetime:
    """`now`, or the next digest."""
    here = now.astimezone(zone)
    if severity == "critical" or not is_quiet(here, quiet):
        return now
    for ahead in range(DAYS_AHEAD):
        day = here.date() + timedelta(days=ahead)
        digest = datetime.combine(day, quiet.digest, zone)
        if digest > here and not _rests(day, quiet):
            return digest.astimezone(now.tzinfo)
    return now  # more than a year of holidays in a row is a mistake: better told at night than never


def is_quiet(here: datetime, quiet: Quiet) -> bool:
    """Whether it is night, a rest day or a holiday; `here` in the schools' time."""
    clock = here.time()
    if quiet.begins <= quiet.ends:
        night = quiet.begins <= clock < quiet.ends
    else:
        night = clock >= quiet.begins or clock < quiet.ends
    return night or _rests(here.date(), quiet)


def _rests(day: date, quiet: Quiet) -> bool:
    return DAYS[day.weekday()] in quiet.rest_days or day in quiet.holidays
