"""Teaching computers of a simulated unit, counted as alerts/rules/computers.yml counts them."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_collector.simulate.expected import Limits
    from haidang_collector.simulate.model import Room, SimUnit

SHARED = ""
"""The level of what all levels share."""


class Computers(NamedTuple):
    """`counted` by level and source (measured or declared); the rest by level. `missing` None: unknown."""

    counted: Mapping[tuple[str, str], int]
    uncounted_rooms: int
    required: Mapping[str, int]
    missing: int | None
    students_per_computer: Mapping[str, float]


def computers(unit: SimUnit, limits: Limits, *, watched: bool) -> Computers:
    """`watched`: its rooms have been seen for so long that fewer computers than declared are believed."""
    counted: Counter[tuple[str, str]] = Counter()
    told = [_counted(room, unit, watched=watched) for room in unit.rooms]
    for level, source, number in filter(None, told):
        counted[level, source] += number
    if (outside := unit.equipment.get("teaching_computer")) is not None:
        counted[SHARED, "declared"] += outside
    required = _required(unit, limits)
    by_level: Counter[str] = Counter()
    for (level, _), number in counted.items():
        by_level[level] += number
    needed = {level: max(number - by_level[level], 0) for level, number in required.items()}
    short = max(sum(needed.values()) - by_level[SHARED], 0) if required and counted else None
    uncounted = told.count(None)
    return Computers(
        counted,
        uncounted,
        required,
        None if uncounted and short else short,
        {} if uncounted else dict(_ratios(unit, by_level, required, needed)),
    )


def _counted(room: Room, unit: SimUnit, *, watched: bool) -> tuple[str, str, int] | None:
    level = room.level or SHARED
    if unit.presence == "heard" and (watched or room.seen >= (room.declared or 0)):
        return level, "measured", room.seen
    return None if room.declared is None else (level, "declared", room.declared)


def _required(unit: SimUnit, limits: Limits) -> dict[str, int]:
    """Only where the students are known; of a unit of several levels, of two at least."""
    enough = len(unit.students) >= 2 if unit.level == "mixed" else unit.level in unit.students  # noqa: PLR2004 - two
    return {
        level: math.ceil(number / limits.students[level])
        for level, number in unit.students.items()
        if enough and level in limits.students
    }


def _ratios(
    unit: SimUnit, by_level: Mapping[str, int], required: Mapping[str, int], needed: Mapping[str, int]
) -> list[tuple[str, float]]:
    """Each level has a part of the shared ones: by what it lacks, or by what it requires where none lacks any."""
    parts = needed if any(needed.values()) else required
    whole = sum(parts.values())
    found = []
    for level in required:
        shared = by_level.get(SHARED, 0) * parts[level] / whole if whole else 0.0
        if (number := by_level.get(level, 0) + shared) > 0:
            found.append((level, unit.students[level] / number))
    return found
