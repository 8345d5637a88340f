"""Arithmetic on moments: across restarts, reboots and clocks that were wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haidang_agent.probe import Moment

if TYPE_CHECKING:
    from collections.abc import Sequence


def earlier(moment: Moment, seconds: float) -> Moment:
    """`seconds` before `moment`."""
    centre = None if moment.centre is None else moment.centre - seconds
    return Moment(moment.boot, moment.monotonic - seconds, moment.wall - seconds, centre)


def between(earlier_one: Moment, later: Moment) -> float | None:
    """Seconds from one to the other, None where no clock ran through.

    Within a boot by the monotonic clock, else by the centre's time, and by the machine's own only where the centre was
    known at neither.
    """
    if earlier_one.boot == later.boot:
        return max(0.0, later.monotonic - earlier_one.monotonic)
    if earlier_one.centre is not None and later.centre is not None:
        return max(0.0, later.centre - earlier_one.centre)
    if earlier_one.centre is None and later.centre is None and later.wall >= earlier_one.wall:
        return later.wall - earlier_one.wall
    return None


def centre_time(moment: Moment, now: Moment) -> float | None:
    """The centre's time of `moment`, also where that was learnt only since, in the same boot."""
    if moment.centre is not None or now.centre is None or moment.boot != now.boot:
        return moment.centre
    return now.centre - (now.monotonic - moment.monotonic)


def recalled(stored: Any) -> Moment | None:
    """A moment as JSON has it; None for anything else."""
    if not isinstance(stored, (list, tuple)) or len(stored) != len(Moment._fields):
        return None
    boot, *numbers = stored
    return Moment(str(boot), *numbers) if _are_numbers(numbers) else None


def _are_numbers(values: Sequence[Any]) -> bool:
    *clocks, centre = values
    return all(isinstance(value, (int, float)) for value in clocks) and isinstance(centre, (int, float, type(None)))
