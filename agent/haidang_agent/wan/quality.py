"""Loss, round trip and jitter over the last echoes to one target."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from math import ceil
from statistics import median
from typing import NamedTuple

WINDOW = 60
"""Echoes; a minute at one a second."""


class Quality(NamedTuple):
    """`loss` is a share, the rest are seconds; None where no echo came back (jitter: no two in a row)."""

    loss: float
    rtt_median: float | None
    rtt_p95: float | None
    jitter: float | None


@dataclass(slots=True)
class Window:
    """Round trips in seconds, None for an echo without an answer."""

    trips: deque[float | None] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def quality(self) -> Quality | None:
        """None before the first echo. Percentiles by nearest rank; jitter as RFC 3393, section 4, mean absolute."""
        if not self.trips:
            return None
        came = sorted(trip for trip in self.trips if trip is not None)
        steps = [abs(b - a) for a, b in pairwise(self.trips) if a is not None and b is not None]
        return Quality(
            1 - len(came) / len(self.trips),
            median(came) if came else None,
            came[ceil(0.95 * len(came)) - 1] if came else None,
            sum(steps) / len(steps) if steps else None,
        )


def best(windows: list[Window]) -> Quality | None:
    """Of the target that fares best: what the line itself loses, every target loses."""
    known = [quality for window in windows if (quality := window.quality()) is not None]
    return min(known, key=lambda one: (one.loss, one.rtt_median or 0.0), default=None)
