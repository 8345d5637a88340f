"""Limits that units are judged by: data with a date and a source, in one TOML file.

A limit is told by `row`, `limit` and its labels. Of several entries for one limit the newest that has begun is in
force, so that a new regulation is one more entry. `enabled = false` keeps an entry to be read, and out of force.
"""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haidang_collector.operators_file import text_of
from haidang_collector.registry.fact_words import EQUIPMENT, ROLES
from haidang_collector.registry.unit_words import STUDENT_LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

BUILT_IN = Path(__file__).with_name("policy.toml")
VARIABLE = "HAIDANG_POLICY"
LABELS: dict[str, Sequence[str]] = {
    "level": STUDENT_LEVELS,
    "kind": tuple(EQUIPMENT),
    "role": tuple(ROLES),
    "deadline": ("morning", "afternoon"),
}
"""What parts a limit, and the words it may have."""
KEYS = ("row", "limit", *LABELS, "value", "from", "to", "source", "enabled")
_ROWS = tuple(f"R{number}" for number in range(1, 19))
_LIMIT = re.compile(r"[a-z][a-z0-9_]{0,63}")
_LONGEST_SOURCE = 300
LARGEST = 1e15


class BadPolicyError(ValueError):
    """A policy that cannot be used; the text names the file, each bad entry and its mend."""


@dataclass(frozen=True, slots=True)
class Limit:
    """One entry, from `begins` to `ends`, both days included. Values are in base units; shares are 0 to 1."""

    row: str
    limit: str
    labels: tuple[tuple[str, str], ...]
    value: float
    begins: date
    ends: date | None
    source: str
    enabled: bool

    @property
    def key(self) -> tuple[object, ...]:
        return (self.row, self.limit, self.labels)

    def __str__(self) -> str:
        return " ".join((self.row, self.limit, *(word for _, word in self.labels)))


@dataclass(frozen=True, slots=True)
class Policy:
    """All entries, in the order of the file."""

    limits: tuple[Limit, ...]

    def at(self, day: date) -> list[Limit]:
        """The limits in force on a day."""
        newest: dict[tuple[object, ...], Limit] = {}
        for limit in sorted(self.limits, key=lambda limit: limit.begins):
            if limit.enabled and limit.begins <= day and (limit.ends is None or day <= limit.ends):
                newest[limit.key] = limit
        return [limit for limit in self.limits if newest.get(limit.key) is limit]


def load(path: Path | None = None) -> Policy:
    """The file at `path`, or the built-in one. Raises BadPolicyError."""
    path = path or BUILT_IN
    try:
        return parse(text_of(path))
    except ValueError as failed:
        raise BadPolicyError(f"{path}: {failed}") from None


def from_environment(environment: Mapping[str, str] = os.environ) -> Policy:
    """The file that HAIDANG_POLICY names, else the built-in one. Raises BadPolicyError."""
    named = environment.get(VARIABLE)
    return load(Path(named) if named else None)


def parse(text: str) -> Policy:
    """Raises BadPolicyError that names every fault."""
    try:
        tables = tomllib.loads(text)
    except ValueError as failed:  # no TOML, or a number of thousands of digits
        raise BadPolicyError(f"no TOML: {failed}") from None
    except RecursionError:
        raise BadPolicyError("nested too deeply; write [[limit]] tables only") from None
    if unknown := sorted(tables.keys() - {"limit"}):
        raise BadPolicyError(f"{unknown[0]}: unknown; write [[limit]] tables only")
    entries = tables.get("limit", [])
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, dict) for entry in entries):
        raise BadPolicyError("has no list of limits; write [[limit]]")
    faults = [
        f"[[limit]] number {number}{_named(entry)}: {fault}"
        for number, entry in enumerate(entries, start=1)
        for fault in _faults(entry)
    ]
    limits = [] if faults else [_limit(entry) for entry in entries]
    faults += _twice(limits)
    if faults:
        raise BadPolicyError("\n".join(faults))
    return Policy(tuple(limits))


def _named(entry: Mapping[str, Any]) -> str:
    words = [str(entry[key])[:40] for key in ("row", "limit", *LABELS) if key in entry]
    return f" ({' '.join(words)})" if words else ""


def _faults(entry: Mapping[str, Any]) -> Iterator[str]:
    for key in sorted(entry.keys() - set(KEYS)):
        yield f"{key}: unknown; known are {', '.join(KEYS)}"
    row, limit, value, source = (entry.get(key) for key in ("row", "limit", "value", "source"))
    if row not in _ROWS:
        yield f"row = {row!r}: no row; write one of R1 to R18"
    if not isinstance(limit, str) or not _LIMIT.fullmatch(limit):
        yield f"limit = {limit!r}: no name; write small letters, digits and '_', as students_per_computer"
    for label, known in LABELS.items():
        if label in entry and entry[label] not in known:
            yield f"{label} = {entry[label]!r}: unknown; write one of {', '.join(known)}"
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LARGEST:
        yield f"value = {value!r}: no number from 0 to {LARGEST:g}; write value = 24"
    if not isinstance(source, str) or not 0 < len(source) <= _LONGEST_SOURCE or not source.isprintable():
        yield f"source: name the document, in one line of at most {_LONGEST_SOURCE} characters"
    if not isinstance(entry.get("enabled", True), bool):
        yield f"enabled = {entry['enabled']!r}: write true or false"
    yield from _wrong_dates(entry)


def _wrong_dates(entry: Mapping[str, Any]) -> Iterator[str]:
    sound = True
    for key in ("from", "to"):
        day = entry.get(key)
        if (key == "from" or day is not None) and (not isinstance(day, date) or isinstance(day, datetime)):
            yield f"{key} = {day!r}: no date; write {key} = 2016-10-27, without quotes"
            sound = False
    if sound and "to" in entry and entry["to"] < entry["from"]:
        yield f"to = {entry['to']}: is before from = {entry['from']}; swap them"


def _limit(entry: Mapping[str, Any]) -> Limit:
    labels = tuple((label, entry[label]) for label in LABELS if label in entry)
    return Limit(
        entry["row"],
        entry["limit"],
        labels,
        float(entry["value"]),
        entry["from"],
        entry.get("to"),
        entry["source"],
        entry.get("enabled", True),
    )


def _twice(limits: Sequence[Limit]) -> Iterator[str]:
    seen: dict[tuple[object, ...], int] = {}
    for number, limit in enumerate(limits, start=1):
        if not limit.enabled:
            continue
        earlier = seen.setdefault((limit.key, limit.begins), number)
        if earlier != number:
            yield f"[[limit]] number {number} ({limit}): begins on the day that number {earlier} does; keep one of them"
