"""Moments on clocks turned by hand."""

from __future__ import annotations

from dataclasses import dataclass

from haidang_agent.probe import Moment


@dataclass
class Clocks:
    """A machine's clocks and the centre's, all seconds; `knows` says whether the agent knows the centre's."""

    boot: str = "first"
    up: float = 100.0
    wall: float = 1_790_000_000.0
    centre: float = 1_790_000_000.0
    knows: bool = True

    def moment(self) -> Moment:
        return Moment(self.boot, self.up, self.wall, self.centre if self.knows else None)

    def passes(self, seconds: float) -> Moment:
        self.up += seconds
        self.wall += seconds
        self.centre += seconds
        return self.moment()

    def reboots(self, seconds: float, *, knows: bool = True, battery: bool = True) -> Moment:
        """Off for so long; without a battery the wall clock begins at 2009 again."""
        self.passes(seconds)
        self.boot, self.up, self.knows = self.boot + "+", 5.0, knows
        if not battery:
            self.wall = 1_230_768_000.0
        return self.moment()
