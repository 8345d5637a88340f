"""A machine whose clocks a test sets."""

from __future__ import annotations

from dataclasses import dataclass

from haidang_agent.probe import Moment

DAY = 86400.0
START = 1_795_600_000.0
"""In November 2026."""
BEGINNING = Moment("boot-1", 1000.0, START, START)


@dataclass
class Machine:
    """`centre` None: its time is not known; else it is `START` and what has passed since. Satisfies Timekeeper."""

    now: Moment = BEGINNING

    def moment(self) -> Moment:
        return self.now

    def passes(self, days: float) -> None:
        """Awake or asleep, in one boot."""
        seconds = days * DAY
        centre = None if self.now.centre is None else self.now.centre + seconds
        self.now = self.now._replace(
            monotonic=self.now.monotonic + seconds, wall=self.now.wall + seconds, centre=centre
        )

    def boots(self, boot: str, off_days: float, *, knows_centre: bool = True, wall: float | None = None) -> None:
        """After `off_days` without power; its own clock then reads `wall`."""
        at = self.true + off_days * DAY
        self.now = Moment(boot, 10.0, at if wall is None else wall, at if knows_centre else None)
        self._true = at - 10.0

    def learns(self) -> None:
        """The centre answers."""
        self.now = self.now._replace(centre=self.true)

    @property
    def true(self) -> float:
        """The centre's time, whether this machine knows it or not."""
        return self.now.monotonic + self._true

    def __post_init__(self) -> None:
        self._true = START - self.now.monotonic
