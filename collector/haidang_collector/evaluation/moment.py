"""The moment that an evaluation is asked for."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo


class BadMomentError(ValueError):
    """No moment that can be evaluated; the text says what to write."""


def read(text: str | None, zone: ZoneInfo, now: datetime | None = None) -> datetime:
    """`2026-11-25`: the end of that day, or now where it is not over; `2026-11-25T08:00`, with an offset or in `zone`.

    None is now. The answer is in `zone`. Raises BadMomentError.
    """
    now = (now or datetime.now(UTC)).astimezone(zone)
    if text is None:
        return now
    try:
        asked = _time(text, zone) if "T" in text else _end_of(date.fromisoformat(text), zone, now)
    except (ValueError, OverflowError):
        raise BadMomentError(
            f"{_short(text)}: is no moment; write it as 2026-11-25, 2026-11-25T08:00 or 2026-11-25T08:00+07:00"
        ) from None
    if asked > now:
        raise BadMomentError(f"{_short(text)}: is still to come; nothing is known of it")
    if asked.timestamp() < 0:
        raise BadMomentError(f"{_short(text)}: is before 1970; nothing is known of it")
    return asked


def _end_of(day: date, zone: ZoneInfo, now: datetime) -> datetime:
    end = datetime.combine(day + timedelta(days=1), time(), zone)
    return now if day == now.date() else end


def _time(text: str, zone: ZoneInfo) -> datetime:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(zone)


def _short(text: str) -> str:
    return ascii(text[:40])
