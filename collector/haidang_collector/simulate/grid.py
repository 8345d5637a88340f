"""At which times series of a simulated past are written: the less anybody looks at them there, the fewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_collector.simulate.series import Pace

MINUTE, HOUR, DAY = 60, 3600, 86_400
RULES = 4 * MINUTE
"""How often most rules are evaluated: less than the five minutes that Prometheus looks back."""
RECENT = 7 * DAY
COMPARED = (365 * DAY, 120 * DAY, 30 * DAY, DAY)
"""How far back the dashboard of students per computer compares."""
COMPARED_FOR = 14 * DAY
"""After so long `now` has moved on, and the comparison finds nothing."""
BOOK = 31 * DAY
"""How far back rules read the agents' books; and a month of panels has a point every half hour."""
WINDOW, RECENT_WINDOW = 162 * HOUR, 18 * HOUR
"""Blocks of Prometheus, on the borders of its own: shorter where more is written."""


class Stretch(NamedTuple):
    """Every so many seconds in a part of the past; `shift` from the epoch."""

    begin: int
    end: int
    every: int
    shift: int = 0


class Grid:
    """Times, whole Unix seconds, from `begin` to `end`; `offset`: how far the schools' clock is ahead of UTC."""

    def __init__(self, begin: int, end: int, offset: int) -> None:
        self.begin, self.end = begin, end
        midnights = Stretch(begin, end, DAY, -offset)
        recent = Stretch(end - RECENT, end, RULES, end % RULES)
        self._stretches: dict[Pace, list[Stretch]] = {
            "often": [Stretch(begin, end, HOUR), Stretch(end - BOOK, end, HOUR // 2), recent],
            "hourly": [Stretch(begin, end, HOUR), Stretch(end - RECENT, end, HOUR // 2)],
            "daily": [midnights, Stretch(end - HOUR, end, RULES, end % RULES)],
            "compared": [
                midnights,
                *(Stretch(end - back, end - back + COMPARED_FOR, RULES, end % RULES) for back in COMPARED),
            ],
            "book": [Stretch(end - BOOK, end, HOUR // 2), Stretch(end, end, HOUR // 2, end % (HOUR // 2))],
            "memory": [Stretch(end - DAY, end, HOUR // 2, end % (HOUR // 2))],
            "deadline": [Stretch(end - BOOK, end, DAY, hour * HOUR + MINUTE - offset) for hour in (8, 17)],
            "entry": [Stretch(end - DAY - HOUR, end, RULES, end % RULES)],
        }

    def windows(self) -> Iterator[tuple[int, int]]:
        """From and to, without the end, oldest first."""
        start = self.begin
        while start <= self.end:
            length = WINDOW if start // WINDOW * WINDOW + WINDOW <= self.end - RECENT else RECENT_WINDOW
            until = min(start // length * length + length, self.end + 1)
            yield start, until
            start = until

    def times(self, pace: Pace, begin: int, end: int) -> Sequence[int]:
        """Of the window."""
        found: set[int] = set()
        for stretch in self._stretches[pace]:
            first = max(stretch.begin, begin, self.begin)
            first += (stretch.shift - first) % stretch.every
            found.update(range(first, min(stretch.end + 1, end), stretch.every))
        return sorted(found)
