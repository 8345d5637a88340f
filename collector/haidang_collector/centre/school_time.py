"""When there is school: terms, holidays, hours and days made up for, as data with their sources, in one TOML file."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from prometheus_client.core import GaugeMetricFamily

from haidang_collector.operators_file import text_of
from haidang_collector.registry.fact_cells import SEASON
from haidang_collector.registry.fact_words import ALL_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from prometheus_client.metrics_core import Metric

BUILT_IN = Path(__file__).with_name("calendar.toml")
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4]):[0-5]\d")
_MOST_DAYS_BETWEEN = 180
_DAYS_BACK = 30
_SPAN = {"name": str, "from": date, "to": date, "source": str}
LISTS: dict[str, dict[str, type]] = {
    "hours": {"days": list, "from": time, "to": time, "source": str},
    "term": _SPAN,
    "holiday": _SPAN,
    "season": _SPAN,
    "made_up": {"day": date, "like": str, "source": str},
}
WORDS = {str: "text", date: "a date, as 2026-09-05", time: "a time, as 07:00:00", list: "a list of weekdays"}


class BadCalendarError(ValueError):
    """A calendar that cannot be used; the text names the file, each bad entry and its mend."""


class Span(NamedTuple):
    """Days with both ends; `source` is who says so."""

    begins: date
    ends: date
    name: str
    source: str

    def holds(self, day: date) -> bool:
        return self.begins <= day <= self.ends


@dataclass(frozen=True, slots=True)
class Calendar:
    """`hours` by weekday; `made_up` have the hours of another weekday.

    `seasons` by name: when a service for parents is asked for above all, as `public_enrolment` in `enrolment`.
    """

    zone: tzinfo
    hours: Mapping[str, tuple[tuple[time, time], ...]]
    terms: tuple[Span, ...]
    holidays: tuple[Span, ...]
    seasons: Mapping[str, tuple[Span, ...]]
    made_up: Mapping[date, str]

    def hours_of(self, day: date) -> tuple[tuple[time, time], ...]:
        """From when to when there is school; nothing where it is no school day."""
        if day in self.made_up:
            return self.hours.get(self.made_up[day], ())
        if not _within(day, self.terms) or _within(day, self.holidays):
            return ()
        return self.hours.get(WEEKDAYS[day.weekday()], ())

    def day_before(self, day: date) -> date | None:
        """The last school day before; None if there was none for half a year."""
        earlier = (day - timedelta(days=days) for days in range(1, _MOST_DAYS_BETWEEN))
        return next((one for one in earlier if self.hours_of(one)), None)

    def closed_seasons(self, day: date) -> frozenset[str]:
        """Those that the day is in none of; of others nobody knows."""
        return frozenset(name for name, spans in self.seasons.items() if not _within(day, spans))

    def in_session(self, moment: datetime) -> bool:
        """`moment` with a time zone."""
        local = moment.astimezone(self.zone)
        return any(begins <= local.time() < ends for begins, ends in self.hours_of(local.date()))


def load(path: Path | None = None) -> Calendar:
    """The file at `path`, or the built-in one. Raises BadCalendarError."""
    path = path or BUILT_IN
    try:
        return parse(text_of(path))
    except ValueError as failed:
        raise BadCalendarError(f"{path}: {failed}") from None


def parse(text: str) -> Calendar:
    """Raises BadCalendarError that names every fault."""
    try:
        tables = tomllib.loads(text)
    except (ValueError, RecursionError) as failed:
        raise BadCalendarError(f"no TOML: {failed}") from None
    if faults := list(_faults(tables)):
        raise BadCalendarError("\n".join(faults))
    hours: dict[str, tuple[tuple[time, time], ...]] = {}
    for entry in tables["hours"]:
        for day in entry["days"]:
            hours[day] = (*hours.get(day, ()), (entry["from"], entry["to"]))
    terms, holidays, spans = (tuple(map(_span, tables.get(name, ()))) for name in ("term", "holiday", "season"))
    seasons: dict[str, tuple[Span, ...]] = {}
    for span in spans:
        seasons[span.name] = (*seasons.get(span.name, ()), span)
    made_up = {entry["day"]: entry["like"] for entry in tables.get("made_up", ())}
    zone = datetime.strptime(tables["utc_offset"], "%z").tzinfo
    return Calendar(zone or UTC, hours, terms, holidays, seasons, made_up)


def metrics(calendar: Calendar, now: datetime) -> Iterator[Metric]:
    """`now` with a time zone."""
    local = now.astimezone(calendar.zone)
    today, offset = local.date(), local.utcoffset() or timedelta()
    yield GaugeMetricFamily(
        "school_day", "1 if today is a school day by the calendar, else 0.", float(bool(calendar.hours_of(today)))
    )
    since = GaugeMetricFamily(
        "school_day_before_seconds",
        "How long before today the school day before was, from midnight to midnight: 86400 if that was yesterday.",
    )
    if (before := calendar.day_before(today)) is not None:
        since.add_metric((), (today - before).total_seconds())
    yield since
    yield _school_days_before(calendar, today)
    seasons = GaugeMetricFamily("school_season", "1 in the season by the calendar, else 0.", labels=("season",))
    closed = calendar.closed_seasons(today)
    for name in calendar.seasons:
        seasons.add_metric((name,), float(name not in closed))
    yield seasons
    yield GaugeMetricFamily(
        "school_in_session", "1 in school time by the calendar, else 0.", float(calendar.in_session(now))
    )
    yield GaugeMetricFamily(
        "school_utc_offset_seconds", "How far the calendar's clock is ahead of UTC.", offset.total_seconds()
    )


def _school_days_before(calendar: Calendar, today: date) -> Metric:
    family = GaugeMetricFamily(
        "school_day_before_timestamp_seconds",
        "When the day began that was so many school days before today, at midnight.",
        labels=("days",),
    )
    day = calendar.day_before(today)
    for days in range(1, _DAYS_BACK + 1):
        if day is None:
            break
        family.add_metric((str(days),), datetime.combine(day, time(), calendar.zone).timestamp())
        day = calendar.day_before(day)
    return family


def _span(entry: Mapping[str, Any]) -> Span:
    return Span(entry["from"], entry["to"], entry["name"], entry["source"])


def _within(day: date, spans: tuple[Span, ...]) -> bool:
    return any(span.holds(day) for span in spans)


def _faults(tables: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(tables.keys() - {"utc_offset", *LISTS}):
        yield f"{key}: unknown; known are utc_offset, {', '.join(f'[[{name}]]' for name in LISTS)}"
    if not isinstance(tables.get("utc_offset"), str) or not _OFFSET.fullmatch(tables["utc_offset"]):
        yield 'utc_offset: write it as "+07:00"'
    for name, keys in LISTS.items():
        entries = tables.get(name, [])
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            yield f"{name}: is no list of tables; write [[{name}]]"
        elif name in ("hours", "term") and not entries:
            yield f"[[{name}]]: there is none, so there would never be school"
        else:
            for number, entry in enumerate(entries, start=1):
                found = (*_entry_faults(entry, keys), *(_season_faults(entry) if name == "season" else ()))
                yield from (f"[[{name}]] number {number}: {fault}" for fault in found)


def _season_faults(entry: Mapping[str, Any]) -> Iterator[str]:
    """A name that no service for parents could have as its season would be a season for nothing."""
    name = entry.get("name")
    if isinstance(name, str) and (name == ALL_YEAR or not SEASON.fullmatch(name)):
        yield f"name = {name!r}: write small letters and digits, as enrolment; {ALL_YEAR} is no season"


def _entry_faults(entry: Mapping[str, Any], keys: Mapping[str, type]) -> Iterator[str]:
    for key in sorted(entry.keys() - keys):
        yield f"{key}: unknown; known are {', '.join(keys)}"
    wrong = False
    for key, kind in keys.items():
        value = entry.get(key)
        if not isinstance(value, kind) or isinstance(value, datetime) or value in ("", []):
            wrong = True
            yield f"{key} = {value!r}: write {WORDS[kind]}"
    if wrong:
        return
    if "from" in entry and entry["to"] < entry["from"]:
        yield f"to = {entry['to']}: is before from = {entry['from']}; swap them"
    for day in (*entry.get("days", ()), *([entry["like"]] if "like" in entry else [])):
        if day not in WEEKDAYS:
            yield f"{day!r}: is no weekday; write one of {', '.join(WEEKDAYS)}"
