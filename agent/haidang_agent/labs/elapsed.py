"""A clock that only counts on: no wrong clock, change of the hour or restart makes it jump.

Within a boot it goes by the monotonic clock, from one to another by the centre's time. While that is not known yet,
it goes on from where it stood, and makes up for the gap when it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from haidang_agent.wan.times import between, recalled

if TYPE_CHECKING:
    from haidang_agent.probe import Moment

DAY = 86400.0
NOBODY_KNOWS_SECONDS = 365 * DAY
"""For a gap that can never be told: what lies before it is too old for any use."""


class Elapsed:
    """`stored` is what `as_json` gave in an earlier run, or anything else."""

    def __init__(self, stored: Any, now: Moment) -> None:
        self._at, self._seconds = now, 0.0
        match stored:
            case [at, int() | float() as seconds] if moment := recalled(at):
                self._at, self._seconds = moment, float(seconds)
        self._resumed: Moment | None = None

    @property
    def gap_unknown(self) -> bool:
        """What is dated now is dated too early, by a gap that `tell` will give when it has been learnt."""
        return self._resumed is not None

    def tell(self, now: Moment) -> tuple[float, float]:
        """Seconds since the beginning, and how many of them are a gap that was learnt just now."""
        passed = self._passed(now)
        if passed is None:
            self._resumed = self._resumed or now
            return self._seconds + now.monotonic - self._resumed.monotonic, 0.0
        gap = 0.0
        if self._resumed is not None:
            gap = max(0.0, passed - (now.monotonic - self._resumed.monotonic))
            self._resumed = None
        self._at, self._seconds = now, self._seconds + passed
        return self._seconds, gap

    def as_json(self) -> list[object]:
        return [list(self._at), self._seconds]

    def _passed(self, now: Moment) -> float | None:
        if self._at.boot != now.boot and self._at.centre is None and now.centre is not None:
            since = 0.0 if self._resumed is None else now.monotonic - self._resumed.monotonic
            return NOBODY_KNOWS_SECONDS + since
        return between(self._at, now)
