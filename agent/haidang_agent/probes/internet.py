"""Does the default path reach the Internet, and how well? One probe to each target every second.

By ICMP echo where the system grants an unprivileged socket, else by TCP connect (port 443 or 53, or the one named),
where a refusal counts as an answer. Each is sent once and given 0.9 s: a repetition would hide packet loss, and an
answer that comes later is lost. Targets are addresses, not names, since DNS failing is not the Internet failing.
The default ones are resolvers in the networks of VNPT, Viettel and FPT (ranges of npm @ip-location-db/asn, June 2026).
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from haidang_agent.platform.reach import Destination, Reach, parse
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

UP = Metric("school_internet_up", "1 if any target answered within the last 3 probes, else 0.")
LOSS = Metric("school_internet_loss_ratio", "Share of the last 60 probes without an answer.", ("target",))
RTT = Metric("school_internet_rtt_seconds", "Mean round trip of the last 60 probes' answers.", ("target",))
JITTER = Metric(
    "school_internet_jitter_seconds",
    "Mean absolute difference of the round trips of successive probes (as RFC 3393, section 4), of the last 60.",
    ("target",),
)
SENT = Metric("school_internet_probes_total", "Probes made.", ("target",), "counter")
LOST = Metric("school_internet_probes_lost_total", "Probes without an answer in 0.9 s.", ("target",), "counter")

WINDOW = 60
DOWN_AFTER = 3
"""One lost packet is no outage. Until the first answer nothing is said before so many probes."""
WAIT_SECONDS = 0.9


@dataclass(frozen=True, slots=True)
class Settings:
    """`targets`: `192.0.2.1`, `2001:db8::1`, or with a port for TCP `192.0.2.1:443`, `[2001:db8::1]:443`."""

    targets: tuple[str, ...] = ("203.162.4.190", "203.113.131.1", "210.245.24.20")


@dataclass(slots=True)
class Target:
    """`window` holds round trips in seconds, None for a probe without an answer."""

    name: str
    window: deque[float | None] = field(default_factory=lambda: deque(maxlen=WINDOW))


class Internet:
    """Keeps its sockets and the last minute's answers between two runs."""

    def __init__(self, settings: Settings, host: Host) -> None:
        if not settings.targets:
            raise NothingToMeasureError("[probes.internet] targets is empty")
        names = tuple(dict.fromkeys(settings.targets))
        self._reach = Reach(_destination(name) for name in names)
        self._targets = tuple(Target(name) for name in names)
        self._totals = host.totals
        self._running = threading.Lock()

    def collect(self) -> Iterator[Sample]:
        """Returns as soon as all have answered, after 0.9 s at the latest."""
        with self._running:
            try:
                trips = self._reach.measure(WAIT_SECONDS)
            except OSError as refused:
                raise ProbeError("unreadable", f"this machine gives no socket: {refused}") from refused
        for target, trip in zip(self._targets, trips, strict=True):
            target.window.append(trip)
            self._totals.add(SENT, 1, (target.name,))
            self._totals.add(LOST, float(trip is None), (target.name,))
        lately = [trip for target in self._targets for trip in list(target.window)[-DOWN_AFTER:]]
        answered = any(trip is not None for trip in lately)
        if answered or len(self._targets[0].window) >= DOWN_AFTER:
            yield Sample(UP, float(answered))
        for target in self._targets:
            yield from self._figures(target)

    def close(self) -> None:
        with self._running:
            self._reach.close()

    def _figures(self, target: Target) -> Iterator[Sample]:
        labels = (target.name,)
        trips = [trip for trip in target.window if trip is not None]
        yield Sample(LOSS, 1 - len(trips) / len(target.window), labels)
        if trips:
            yield Sample(RTT, sum(trips) / len(trips), labels)
        steps = [abs(b - a) for a, b in pairwise(target.window) if a is not None and b is not None]
        if steps:
            yield Sample(JITTER, sum(steps) / len(steps), labels)
        yield self._totals.sample(SENT, labels)
        yield self._totals.sample(LOST, labels)


def _destination(text: str) -> Destination:
    try:
        return parse(text)
    except ValueError as wrong:
        raise ProbeError(
            "misconfigured",
            f"[probes.internet] targets: {wrong}; write as 192.0.2.1, 192.0.2.1:443, 2001:db8::1 or [2001:db8::1]:443",
        ) from wrong


PROBE = Probe(
    name="internet",
    start=Internet,
    settings=Settings,
    metrics=(UP, LOSS, RTT, JITTER, SENT, LOST),
    every_seconds=1,
    timeout_seconds=0.95,
    roles=frozenset({"site", "router"}),
)
