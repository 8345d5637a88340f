"""The time in which the agent was off, and why: nobody can say that the line was up then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

from haidang_agent.wan.times import between, recalled

if TYPE_CHECKING:
    from haidang_agent.probe import Memory, Moment

Reason = Literal["stopped", "crashed", "reboot", "power", "asleep"]
REASONS: tuple[Reason, ...] = get_args(Reason)
KEY = "wan.alive"
CENTRE_SECONDS = 60.0
"""So long the centre's time is waited for after a reboot, before the machine's own clock is taken."""


class Absence(NamedTuple):
    """`seconds` None: no clock ran through."""

    reason: Reason
    began: Moment
    ended: Moment
    seconds: float | None


class Attendance:
    """Notes that the agent is there, and tells once how long it was not.

    Where the system does not name its boots (Windows), nobody can tell a reboot from a restart of the agent.
    """

    def __init__(self, memory: Memory, started: Moment) -> None:
        self._memory = memory
        self._started = started
        self._left = False
        before: Any = memory.recall(KEY)
        self._last = recalled(before.get("at")) if isinstance(before, dict) else None
        self._stopped = self._last is not None and bool(before.get("stopped"))

    def here(self, now: Moment) -> None:
        """Not before the last absence was told: where power fails again meanwhile, it is not forgotten."""
        if self._last is None and not self._left:  # left: a look that was under way while the agent was stopped
            self._memory.keep(KEY, {"at": list(now), "stopped": False})

    def leaving(self, now: Moment) -> None:
        """In order; what follows is no power cut."""
        self._left = True
        self._memory.keep(KEY, {"at": list(now), "stopped": True})

    def absence(self, now: Moment) -> Absence | None:
        """The one before this start, as soon as its length can be known; None before and after."""
        if (last := self._last) is None:
            return None
        rebooted = last.boot != self._started.boot and not self._started.boot.startswith("process-")
        waited = now.monotonic - self._started.monotonic
        if last.boot != now.boot and last.centre is not None and now.centre is None and waited < CENTRE_SECONDS:
            return None
        self._last = None
        reasons: dict[tuple[bool, bool], Reason] = {
            (True, False): "stopped", (False, False): "crashed", (True, True): "reboot", (False, True): "power",
        }  # fmt: skip
        seconds = between(last, now)
        away = None if seconds is None else max(0.0, seconds - waited)
        return Absence(reasons[self._stopped, rebooted], last, self._started, away)
