"""Loss, round trip and jitter over the last echoes to one target."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median
from typing import NamedTuple

WINDOW = 60
"""Echoes; a minute at one a second."""
DEAD_AFTER = 10


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
            came[math.ceil(0.95 * len(came)) - 1] if came else None,
            sum(steps) / len(steps) if steps else None,
        )


def of_the_line(windows: list[Window]) -> Quality | None:
    """Loss over the targets that answer; round trips and jitter of the nearest of them.

    A target that left its last ten echoes unanswered while another did answer is dead itself: that is not the line's.
    """
    known = [window for window in windows if window.trips]
    answering = [window for window in known if any(trip is not None for trip in list(window.trips)[-DEAD_AFTER:])]
    judged = [(window, quality) for window in answering or known if (quality := window.quality()) is not None]
    if not judged:
        return None
    asked = sum(len(window.trips) for window, _ in judged)
    lost = sum(round(quality.loss * len(window.trips)) for window, quality in judged)
    nearest = min(
        (quality for _, quality in judged), key=lambda one: math.inf if one.rtt_median is None else one.rtt_median
    )
    return nearest._replace(loss=lost / asked)
