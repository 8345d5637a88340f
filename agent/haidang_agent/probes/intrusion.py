"""Attacks on the school's LAN and faults of it, as they happen: frames by a packet socket, and rare active checks.

Told is what it finds by kind and severity only. Who, what and the frames stay here: `haidang-agent incidents`.
Kinds, thresholds and what cannot be seen: docs/lan-watch.md.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from haidang_agent.intrusion.metrics import FRAMES, INTERFACES, LOST, METRICS
from haidang_agent.intrusion.settings import Settings
from haidang_agent.probe import Host, NothingToMeasureError, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

DENIED = "no raw frames: give the agent CAP_NET_RAW"


class Intrusion:
    """Two threads do the work; this tells."""

    def __init__(self, settings: Settings, host: Host) -> None:
        from haidang_agent.intrusion.case import EVIDENCE_FOLDER  # noqa: PLC0415 - for machines that run this probe
        from haidang_agent.intrusion.checking import Checking  # noqa: PLC0415
        from haidang_agent.intrusion.keeper import Keeper  # noqa: PLC0415
        from haidang_agent.intrusion.watching import Watching  # noqa: PLC0415

        folder = host.state_dir / EVIDENCE_FOLDER if host.state_dir and settings.evidence else None
        self._host = host
        try:
            settings.check()
            self._watching = Watching(settings, host, folder)
        except PermissionError as denied:
            raise ProbeError("denied", DENIED) from denied
        except (LookupError, ValueError) as wrong:
            raise ProbeError("misconfigured", f"[probes.intrusion] {wrong}") from wrong
        self._keeper = Keeper(host.memory, host.totals, time.time(), self._watching.patience)
        self._checking = Checking(settings, host, self._keeper)
        self._watching.start(self._keeper)
        self._checking.start()

    def collect(self) -> Iterator[Sample]:
        """Raises ProbeError where the watch has ended."""
        if self._watching.crashed:
            raise ProbeError("bug", "the LAN is no longer watched; see the log")
        if self._watching.problem:
            raise ProbeError("unreadable", self._watching.problem)
        if not self._watching.interfaces:
            raise NothingToMeasureError("no Ethernet interface that is up has an IPv4 subnet")
        yield Sample(INTERFACES, float(self._watching.interfaces))
        yield from self._keeper.samples(self._watching.kinds() | self._checking.kinds())
        yield from self._checking.samples()
        yield self._host.totals.sample(FRAMES)
        yield self._host.totals.sample(LOST)

    def close(self) -> None:
        self._checking.close()
        self._watching.close()


PROBE = Probe(
    name="intrusion",
    start=Intrusion,
    settings=Settings,
    metrics=METRICS,
    every_seconds=15,
    timeout_seconds=10,
    roles=frozenset({"site"}),
    needs=frozenset({"CAP_NET_RAW"}),
    platforms=frozenset({"linux"}),
    live=True,
)
