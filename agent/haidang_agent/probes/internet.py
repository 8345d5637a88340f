"""Does the default path reach the Internet, and how well? One probe to each target every second.

By ICMP echo where the system grants an unprivileged socket, else by TCP connect (port 443 unless the target names one),
where a refusal counts as an answer. Each is sent once and given 0.9 s: a repetition would hide packet loss.
Targets are addresses, not names, since DNS failing is not the Internet failing. The defaults are resolvers of VNPT,
Viettel and FPT.
"""

from __future__ import annotations

import ipaddress
import select
import socket
import time
from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from haidang_agent.platform.connect import Handshake
from haidang_agent.platform.icmp import Pinger
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

UP = Metric("school_internet_up", "1 if any target answered within the last 3 probes, else 0.")
LOSS = Metric("school_internet_loss_ratio", "Share of the last 60 probes without an answer.", ("target",))
RTT = Metric("school_internet_rtt_seconds", "Mean round trip of the last 60 probes' answers.", ("target",))
JITTER = Metric(
    "school_internet_jitter_seconds", "Mean difference of successive round trips (RFC 3393) in the window.", ("target",)
)
SENT = Metric("school_internet_probes_total", "Probes sent.", ("target",), "counter")
LOST = Metric("school_internet_probes_lost_total", "Probes without an answer in 0.9 s.", ("target",), "counter")

WINDOW = 60
DOWN_AFTER = 3
WAIT_SECONDS = 0.9
TCP_PORT = 443


@dataclass(frozen=True, slots=True)
class Settings:
    """`targets`: `192.0.2.1`, `2001:db8::1`, or with a port for TCP `192.0.2.1:443`, `[2001:db8::1]:443`."""

    targets: tuple[str, ...] = ("203.162.4.190", "203.113.131.1", "210.245.24.20")


@dataclass(slots=True)
class Target:
    """`window` holds round trips in seconds, None for a probe without an answer."""

    name: str
    address: str
    family: socket.AddressFamily
    port: int | None
    window: deque[float | None] = field(default_factory=lambda: deque(maxlen=WINDOW))


class Internet:
    """Keeps its sockets and the last minute's answers between two runs."""

    def __init__(self, settings: Settings, host: Host) -> None:
        if not settings.targets:
            raise NothingToMeasureError("no targets are configured")
        self._totals = host.totals
        self._targets = [_target(text) for text in settings.targets]
        self._pingers: dict[socket.AddressFamily, Pinger | None] = {}

    def collect(self) -> Iterator[Sample]:
        for target, rtt in zip(self._targets, self._probe_all(), strict=True):
            target.window.append(rtt)
            self._totals.add(SENT, 1, (target.name,))
            self._totals.add(LOST, float(rtt is None), (target.name,))
        lately = [rtt for target in self._targets for rtt in list(target.window)[-DOWN_AFTER:]]
        answered = any(rtt is not None for rtt in lately)
        if answered or len(self._targets[0].window) >= DOWN_AFTER:
            yield Sample(UP, float(answered))
        for target in self._targets:
            yield from self._figures(target)

    def close(self) -> None:
        for pinger in self._pingers.values():
            if pinger is not None:
                pinger.close()

    def _figures(self, target: Target) -> Iterator[Sample]:
        labels = (target.name,)
        trips = [rtt for rtt in target.window if rtt is not None]
        yield Sample(LOSS, 1 - len(trips) / len(target.window), labels)
        if trips:
            yield Sample(RTT, sum(trips) / len(trips), labels)
        if len(trips) > 1:
            steps = [abs(later - earlier) for earlier, later in pairwise(trips)]
            yield Sample(JITTER, sum(steps) / len(steps), labels)
        yield self._totals.sample(SENT, labels)
        yield self._totals.sample(LOST, labels)

    def _probe_all(self) -> list[float | None]:
        """Round trips in the order of the targets; returns as soon as all have answered."""
        trips: list[float | None] = [None] * len(self._targets)
        echoes: dict[tuple[Pinger, int, str], tuple[int, float]] = {}
        handshakes: dict[int, tuple[int, Handshake]] = {}
        for index, target in enumerate(self._targets):
            pinger = None if target.port is not None else self._pinger(target.family)
            try:
                if pinger is not None:
                    sent = time.monotonic()
                    echoes[pinger, pinger.send(target.address), target.address] = (index, sent)
                else:
                    attempt = Handshake.begin(target.family, target.address, target.port or TCP_PORT)
                    handshakes[attempt.fileno()] = (index, attempt)
            except OSError:
                continue  # no route, or a firewall of this machine: as lost as any other
        self._await(trips, echoes, handshakes)
        for _, attempt in handshakes.values():
            attempt.close()
        return trips

    def _await(
        self,
        trips: list[float | None],
        echoes: dict[tuple[Pinger, int, str], tuple[int, float]],
        handshakes: dict[int, tuple[int, Handshake]],
    ) -> None:
        poller = select.poll()
        for pinger in {key[0] for key in echoes}:
            poller.register(pinger, select.POLLIN)
        for fileno in handshakes:
            poller.register(fileno, select.POLLOUT)
        waiting = set(range(len(trips))) & ({i for i, _ in echoes.values()} | {i for i, _ in handshakes.values()})
        deadline = time.monotonic() + WAIT_SECONDS
        while waiting and (left := deadline - time.monotonic()) > 0:
            for fileno, _ in poller.poll(left * 1000):
                if fileno in handshakes:
                    index, attempt = handshakes[fileno]
                    poller.unregister(fileno)
                    waiting.discard(index)
                    trips[index] = time.monotonic() - attempt.sent if attempt.answered() else None
            for pinger in {key[0] for key in echoes}:
                for sequence, sender, at in pinger.replies():
                    index, sent = echoes.get((pinger, sequence, sender), (-1, 0.0))
                    if index in waiting:
                        waiting.discard(index)
                        trips[index] = at - sent

    def _pinger(self, family: socket.AddressFamily) -> Pinger | None:
        if family not in self._pingers:
            try:
                self._pingers[family] = Pinger(family)
            except OSError:
                self._pingers[family] = None  # denied or unknown here: TCP instead
        return self._pingers[family]


def _target(text: str) -> Target:
    address, port = text, None
    if text.startswith("[") or text.count(":") == 1:
        address, _, digits = text.rpartition(":")
        address, port = address.strip("[]"), int(digits) if digits.isdigit() else 0
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        parsed = None
    if parsed is None or port == 0:
        raise ProbeError(
            "misconfigured", f"[probes.internet] targets: {text!r} is no address; write as 192.0.2.1 or 192.0.2.1:443"
        )
    return Target(text, str(parsed), socket.AF_INET6 if parsed.version == 6 else socket.AF_INET, port)  # noqa: PLR2004


PROBE = Probe(
    name="internet",
    start=Internet,
    settings=Settings,
    metrics=(UP, LOSS, RTT, JITTER, SENT, LOST),
    every_seconds=1,
    timeout_seconds=0.95,
    roles=frozenset({"site", "router"}),
)
