"""Equipment that counts for a school (rows R5, R7), by `haidang_agent.equipment`, the sweep, and the machine's use.

Of this machine (role host): webcams, printers on a cable, displays for a room; the most at one look in the last 30
days, for projectors are off and webcams unplugged most of the time. What could not be read is absent, and named.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_agent.probe import Host, Metric, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haidang_agent.equipment.look import Found

log = logging.getLogger(__name__)

EQUIPMENT = Metric("school_equipment", "Pieces seen in the last 30 days, by who saw them.", ("kind", "source"))
UNREAD = Metric("haidang_equipment_unread", "1 for a kind that could not be read on this machine, else 0.", ("kind",))

USES = {"management": "management_computer", "subject_group": "subject_group_computer"}
IN_NETWORK = ("printer", "camera", "display", "access_point")
MEMORY = "equipment_seen"
"""In the host's memory: by kind, the most at one look on each day since 1970."""
DAYS_KEPT = 30
DAY = 86400.0


@dataclass(frozen=True, slots=True)
class Settings:
    """How often the machine itself is looked at; on Windows that takes seconds of PowerShell."""

    look_every_seconds: float = 3600.0


@dataclass(slots=True)
class Inventory:
    """Keeps the last look, and what was there in the last 30 days."""

    settings: Settings
    host: Host
    _found: Found | None = None
    _looked: float = field(default=float("-inf"))

    def collect(self) -> Iterator[Sample]:
        """Look at the machine where that is due; the rest is what other probes told."""
        if "host" in self.host.watch.roles:
            yield from self._here()
        swept = self.host.evidence.ask("lan_equipment")
        if isinstance(swept, dict):
            for kind in IN_NETWORK:
                if kind in swept:
                    yield Sample(EQUIPMENT, float(swept[kind]), (kind, "network"))

    def close(self) -> None:
        """Nothing to give back."""

    def _here(self) -> Iterator[Sample]:
        found = self._look()
        for kind, count in self._most(found.counts).items():
            yield Sample(EQUIPMENT, float(count), (kind, "agent"))
        for kind in (*found.counts, *found.unread):
            yield Sample(UNREAD, float(kind in found.unread), (kind,))
        place = self.host.evidence.ask("place")
        if isinstance(place, dict) and place.get("use"):
            for use, kind in USES.items():
                yield Sample(EQUIPMENT, float(place["use"] == use), (kind, "agent"))

    def _look(self) -> Found:
        """The last look, or one more where that is due."""
        now = time.monotonic()
        before = self._found
        if before is not None and now < self._looked + self.settings.look_every_seconds:
            return before
        found = _look_at(self.host)
        for kind, why in found.unread.items():
            if before is None or why != before.unread.get(kind):
                log.warning("%s: not counted: %s", kind, why)
        self._found, self._looked = found, now
        return found

    def _most(self, counts: Mapping[str, int]) -> dict[str, int]:
        """Only the centre's time is written down; the machine's own may be years off."""
        kept: dict[str, dict[str, int]] = self.host.memory.recall(MEMORY) or {}
        moment = self.host.time.moment()
        today = int(moment.unix // DAY)
        most = {kind: _with(kept.get(kind, {}), today, count) for kind, count in counts.items()}
        if moment.centre is not None and kept | most != kept:
            self.host.memory.keep(MEMORY, kept | most)
        return {kind: max(days.values()) for kind, days in most.items()}


def _look_at(host: Host) -> Found:
    from haidang_agent.equipment.look import look  # noqa: PLC0415 - for machines that run this probe
    from haidang_agent.unread import UnreadError  # noqa: PLC0415 - as above

    try:
        return look(host)
    except UnreadError as why:
        raise ProbeError("unreadable", str(why)) from why


def _with(days: Mapping[str, int], today: int, count: int) -> dict[str, int]:
    """The last DAYS_KEPT days with this look; a day that is still to come was written by a clock that ran ahead."""
    recent = {day: most for day, most in days.items() if today - DAYS_KEPT < int(day) <= today}
    return recent | {str(today): max(count, recent.get(str(today), 0))}


PROBE = Probe(
    name="inventory",
    start=Inventory,
    settings=Settings,
    metrics=(EQUIPMENT, UNREAD),
    every_seconds=100,
    timeout_seconds=95,  # PowerShell has 90 s
)
