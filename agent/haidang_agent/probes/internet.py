"""Does the default path reach the Internet, and how well? One probe to each target every second.

By ICMP echo where the system grants an unprivileged socket, else by TCP connect (port 443 or 53, or the one named),
where a refusal counts as an answer. Each is sent once and given 0.9 s: a repetition would hide packet loss, and an
answer that comes later is lost. Targets are addresses, not names, since DNS failing is not the Internet failing.

Evidence `internet`, subject "": `{"up": bool, "since": float | None}`; `since` is when (monotonic seconds) the first of
the rounds was sent that all targets have left unanswered until now, None where the last one was answered.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from haidang_agent.platform.reach import RESOLVERS, Destination, Reach, parse
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
COPIES = 3
"""After a round that nothing answered, each target is asked so many times: a line that loses half is not down."""
WAIT_SECONDS = 0.9
EVIDENCE_SECONDS = 3.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`targets`: `192.0.2.1`, `2001:db8::1`, or with a port for TCP `192.0.2.1:443`, `[2001:db8::1]:443`."""

    targets: tuple[str, ...] = RESOLVERS


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
        destinations = [_destination(name) for name in names]
        self._reach, self._closer_look = Reach(destinations), Reach(destinations * COPIES)
        self._targets = tuple(Target(name) for name in names)
        self._totals, self._evidence = host.totals, host.evidence
        self._silent_since: float | None = None
        self._silent_rounds = 0
        self._judged = False
        self._running = threading.Lock()

    def collect(self) -> Iterator[Sample]:
        """Returns as soon as all have answered, after 0.9 s at the latest."""
        with self._running:
            sent = time.monotonic()
            reach = self._reach if self._silent_since is None else self._closer_look
            try:
                trips = reach.measure(WAIT_SECONDS)
            except OSError as refused:
                raise ProbeError("unreadable", f"this machine gives no socket: {refused}") from refused
        for target, trip in zip(self._targets, trips, strict=False):  # copies stand behind the targets
            target.window.append(trip)
            self._totals.add(SENT, 1, (target.name,))
            self._totals.add(LOST, float(trip is None), (target.name,))
        yield from self._verdict(sent, silent=all(trip is None for trip in trips))
        for target in self._targets:
            yield from self._figures(target)

    def close(self) -> None:
        with self._running:
            self._reach.close()
            self._closer_look.close()

    def _verdict(self, sent: float, *, silent: bool) -> Iterator[Sample]:
        """The newest round was sent at `sent`."""
        self._silent_since = (self._silent_since or sent) if silent else None
        self._silent_rounds = self._silent_rounds + 1 if silent else 0
        up = self._silent_rounds < DOWN_AFTER
        self._judged = self._judged or not silent or not up
        if self._judged:
            self._evidence.tell("internet", "", {"up": up, "since": self._silent_since}, EVIDENCE_SECONDS)
            yield Sample(UP, float(up))

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
        raise ProbeError("misconfigured", f"[probes.internet] targets: {wrong}") from wrong


PROBE = Probe(
    name="internet",
    start=Internet,
    settings=Settings,
    metrics=(UP, LOSS, RTT, JITTER, SENT, LOST),
    every_seconds=1,
    timeout_seconds=0.95,
    roles=frozenset({"site", "router"}),
)
