"""Running totals of a device's counters, which wrap, start anew and lie. Pure.

A total never goes back and never jumps: where it cannot be told how much was counted between two looks, nothing is
added.
"""

from __future__ import annotations

from dataclasses import dataclass

TICKS = 1 << 32
"""TimeTicks start anew after 497 days."""
TICKS_PER_SECOND = 100
FASTEST_BYTES_PER_SECOND = 100_000_000_000 / 8
"""No school has a line beyond 100 Gbit/s: more was not counted, but made up."""
TOLERANCE = 1.1


@dataclass(frozen=True, slots=True)
class Look:
    """A counter as the device showed it: `bits` wide, when its uptime was `ticks` (hundredths of a second).

    `discontinuity` is ifCounterDiscontinuityTime: another value than before means that the counter started anew.
    """

    count: int
    bits: int
    ticks: int
    discontinuity: int = 0


def counted(before: Look, now: Look, bytes_per_second: float | None) -> int:
    """Bytes counted between two looks; 0 where that cannot be told. The speed of the line is None where unknown."""
    ticks = (now.ticks - before.ticks) % TICKS
    restarted = ticks > TICKS // 2
    if restarted or now.discontinuity != before.discontinuity or now.bits != before.bits:
        return 0
    bytes_counted = (now.count - before.count) % (1 << now.bits)
    seconds = ticks / TICKS_PER_SECOND
    wrapped = now.count < before.count
    if wrapped and bytes_per_second is None and bytes_counted > 1 << (now.bits - 1):
        return 0  # more likely it went back
    fastest = bytes_per_second * TOLERANCE if wrapped and bytes_per_second else FASTEST_BYTES_PER_SECOND
    return bytes_counted if bytes_counted <= fastest * seconds else 0
