"""Dates of feeds: RFC 822, ISO 8601, and as .NET writes them in Vietnamese. One without a zone is Vietnam's."""

from __future__ import annotations

import datetime as dt
import re
from email.utils import parsedate_tz

VIETNAM = dt.timezone(dt.timedelta(hours=7))
LONGEST = 80
DAY_MONTH_YEAR = re.compile(
    r"(?:[^\d/,]{1,20},\s*)?([0-9]{1,2})[/-]([0-9]{1,2})[/-]([0-9]{4})"
    r"(?:[ T,]+([0-9]{1,2}):([0-9]{2})(?::([0-9]{2}))?\s*(SA|CH|AM|PM)?)?",
    re.IGNORECASE,
)
WITHOUT_ZONE = re.compile(r":[0-9]{1,2}$")
OUR_ZONE = ("ICT", "GMT+7", "GMT+07", "GMT+0700", "GMT+07:00")
AFTERNOON = frozenset({"CH", "PM"})
NOON = 12


def parse(text: str) -> float | None:
    """Unix seconds; None for what is no date of 1970 to 2100."""
    text = " ".join(text.split())
    if not text or len(text) > LONGEST:
        return None
    try:
        found = _iso(text) or _day_first(text) or _mail(text)
    except (ValueError, OverflowError, TypeError, IndexError):  # TypeError, IndexError: what parsedate_tz trips over
        return None
    first, last = dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
    return found.timestamp() if found and first <= found < last else None


def _iso(text: str) -> dt.datetime | None:
    if not re.match(r"[0-9]{4}-", text):
        return None
    found = dt.datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=VIETNAM)


def _day_first(text: str) -> dt.datetime | None:
    """`25/11/2026 2:05:00 CH` (chiều), with or without a time."""
    found = DAY_MONTH_YEAR.fullmatch(text)
    if not found:
        return None
    day, month, year, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    half = (found[7] or "").upper()
    if half:
        hour = hour % NOON + (NOON if half in AFTERNOON else 0)
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=VIETNAM)


def _mail(text: str) -> dt.datetime | None:
    """RFC 822 and its heirs; `parsedate_tz` takes a zone that is not told, or that it does not know, for UTC."""
    found = parsedate_tz(text)
    if found is None:
        return None
    here = WITHOUT_ZONE.search(text) or text.endswith(OUR_ZONE)
    zone = VIETNAM if here else dt.timezone(dt.timedelta(seconds=found[9] or 0))
    return dt.datetime(*found[:6], tzinfo=zone)
