"""The centre's time, learnt from its answers; the machine's own clock may be wrong by years.

Between two answers the monotonic clock carries the time on: on Linux CLOCK_BOOTTIME (clock_gettime(2)), which counts
through suspend; elsewhere `time.monotonic`, which on Windows does so too.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.outbox import OutboxError
from haidang_agent.outbox_time import PROCESS
from haidang_agent.probe import Moment
from haidang_agent.stamp import Stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.outbox import Outbox

log = logging.getLogger(__name__)

STEADY_SECONDS = 0.25
"""Corrections smaller than this, beyond the measurement's own uncertainty, are left out: stamps shall not jitter."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def monotonic() -> float:
    """Seconds that never go back while the machine runs, suspended or not."""
    if hasattr(time, "CLOCK_BOOTTIME"):
        return time.clock_gettime(time.CLOCK_BOOTTIME)
    return time.monotonic()


def boot_id() -> str:
    """Names this run of the monotonic clock; where the system has no name for it, this process, as `process-…`."""
    try:
        return _BOOT_ID.read_text().strip()
    except FileNotFoundError:
        return f"{PROCESS}{uuid.uuid4().hex}"


class Clock:
    """Thread-safe. The offset is kept in the outbox, so that a restarted agent knows the time at once."""

    def __init__(
        self,
        outbox: Outbox,
        boot: str,
        now: Callable[[], float] = monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._outbox = outbox
        self._boot = boot
        self._now = now
        self._wall = wall
        self._started = now()
        self._wall_at_start = wall() - self._started
        self._lock = threading.Lock()
        self._offset = self._remembered()
        self.alone = False
        """The agent reports to no centre: this machine's clock is the only one there is."""

    @property
    def offset_seconds(self) -> float | None:
        """By how much the machine's clock is ahead of the centre's; None before the first contact."""
        offset = self._offset
        return None if offset is None else self._wall() - self._now() - offset

    def moment(self) -> Moment:
        """Now, as probes are told it."""
        now, wall, offset = self._now(), self._wall(), self._offset
        centre = wall if self.alone else None if offset is None else now + offset
        return Moment(self._boot, now, wall, centre)

    def stamp(self) -> Stamp:
        now, wall_ms = self._now(), round(self._wall() * 1000)
        offset = self._offset
        timestamp_ms = None if offset is None else round((now + offset) * 1000)
        return Stamp(timestamp_ms, self._boot, round(now * 1000), wall_ms)

    def learn(self, centre_seconds: float, sent: float, received: float) -> None:
        """The centre's clock read `centre_seconds` at some instant between `sent` and `received` (monotonic).

        At the first time, and after a step, the snapshots without a time are given theirs.
        """
        measured = centre_seconds - (sent + received) / 2
        uncertainty = (received - sent) / 2
        with self._lock:
            if self._offset is not None and abs(measured - self._offset) <= uncertainty + STEADY_SECONDS:
                return
            self._outbox.restamp(
                self._boot,
                now_ms=round((self._now() + measured) * 1000),
                offset_ms=round(measured * 1000),
                started_ms=round(self._started * 1000),
                wall_less_monotonic_ms=round(self._wall_at_start * 1000),
            )
            self._offset = measured
            self._outbox.note("clock", f"{self._boot} {measured!r}")  # after it, or a kill between leaves some untimed

    def _remembered(self) -> float | None:
        try:
            boot, _, seconds = (self._outbox.note("clock") or "").partition(" ")
        except OutboxError as failed:
            log.warning("the centre's time is not remembered: %s", failed)
            return None
        return float(seconds) if boot == self._boot else None
