"""When a throughput test may run, and what is remembered of those before. Times are the centre's, Unix seconds."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_agent.probe import Memory, Reason

DAY_SECONDS = 86400
RETRY_SECONDS = 3600.0
"""A test that failed is tried again after so long, if `every` is not sooner."""
MONTHS_KEPT = 3
MEMORY = "throughput"
WINDOW = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-(?:([01][0-9]|2[0-3]):([0-5][0-9])|24:00)")


class Window(NamedTuple):
    """Seconds of the local day; `end` is beyond a day where the window goes over midnight."""

    start: int
    end: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """`22:00-05:00`; the whole day is `00:00-24:00`. Raises ValueError with the fix."""
        match = WINDOW.fullmatch(text)
        start = _seconds(match[1], match[2]) if match else 0
        end = _seconds(match[3] or "24", match[4] or "00") if match else 0
        if start == end:
            raise ValueError(f"{text!r} is no window; write as 22:00-05:00, the whole day as 00:00-24:00")
        return cls(start, end if end > start else end + DAY_SECONDS)

    def left(self, local: dt.datetime) -> float:
        """Seconds until it closes; 0 outside."""
        now = local.hour * 3600 + local.minute * 60 + local.second
        return float(max((self.end - at for at in (now, now + DAY_SECONDS) if self.start <= at < self.end), default=0))


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one line's tests. `rates` in bytes per second by direction, `used` in bytes by month (2026-11).

    `tried` is the last test, `measured` the one that `rates` are of; `failed` is why the last one gave less than asked.
    """

    tried: float | None = None
    measured: float | None = None
    rates: Mapping[str, float] = field(default_factory=dict)
    failed: tuple[Reason, str] | None = None
    used: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def recall(cls, kept: Mapping[str, Any] | None) -> Self:
        """Of what `keep` gave."""
        if kept is None:
            return cls()
        return cls(**{**kept, "failed": tuple(kept["failed"]) if kept["failed"] else None})

    def keep(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)

    def due(self, now: float, every: float) -> bool:
        """Also where the last test was in the future: the clock was wrong, and nobody knows how long ago it was."""
        wait = every if self.failed is None else min(every, RETRY_SECONDS)
        return self.tried is None or not 0 <= now - self.tried < wait

    def spent(self, month: str, size: int) -> dict[str, int]:
        """`used` with so many bytes more; the months last written are kept, for a wrong clock may name any."""
        others = {name: used for name, used in self.used.items() if name != month}
        return dict([*others.items(), (month, self.used.get(month, 0) + size)][-MONTHS_KEPT:])


class Records:
    """The lines' records in the memory `throughput`, by name of the WAN."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def __getitem__(self, wan: str) -> Record:
        return Record.recall((self._memory.recall(MEMORY) or {}).get(wan))

    def __setitem__(self, wan: str, record: Record) -> None:
        self._memory.keep(MEMORY, {**(self._memory.recall(MEMORY) or {}), wan: record.keep()})


@dataclass(frozen=True, slots=True)
class Plan:
    """`needs` is how many seconds a test may take, `budget` how many bytes, `month_budget` all of a month's."""

    window: Window
    zone: ZoneInfo
    every: float
    needs: float
    budget: int
    month_budget: int

    def __post_init__(self) -> None:
        """Raises ValueError, with the fix, for a plan by which nothing ever ran."""
        if self.window.end - self.window.start < self.needs:
            raise ValueError(f"window is shorter than a test may take; give it {self.needs:.0f} s or more")
        if self.month_budget < self.budget:
            raise ValueError(f"month_budget_bytes is less than one test's; give it {self.budget} or more")

    def allows(self, record: Record, now: float) -> bool:
        """A test is due, and may begin now."""
        return self.left(now) >= self.needs and record.due(now, self.every) and not self.used_up(record, now)

    def left(self, now: float) -> float:
        """Seconds until the window closes; 0 outside."""
        return self.window.left(dt.datetime.fromtimestamp(now, self.zone))

    def month(self, now: float) -> str:
        """As 2026-11."""
        return f"{dt.datetime.fromtimestamp(now, self.zone):%Y-%m}"

    def used_up(self, record: Record, now: float) -> bool:
        """No further test fits into this month's budget."""
        return record.used.get(self.month(now), 0) + self.budget > self.month_budget


def time_zone(name: str) -> ZoneInfo:
    """Raises ValueError with the fix."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r} here; write as Asia/Ho_Chi_Minh, install tzdata") from None


def _seconds(hours: str, minutes: str) -> int:
    return int(hours) * 3600 + int(minutes) * 60
