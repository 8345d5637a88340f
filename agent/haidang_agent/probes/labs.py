"""Is the Internet reached from each computer room (requirement R3)? Told by a machine with an address in its subnet.

With the role `host` the machine tries by itself: one probe to each target, and two more rounds while none answers.
With the role `site` or `router` the path of the lab's subnet is what the probe `internet` says (evidence `internet`)
while the link to the subnet is up. Of a lab without `cidr`, or in whose subnet the machine is not, nothing is told.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from haidang_agent.platform.reach import RESOLVERS, Destination, Reach, parse
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.tables import Lab

    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UP = Metric(
    "school_lab_internet_up", "1 if the Internet is reached from this computer room's subnet, else 0.", ("lab",)
)

ROUNDS = 3
"""One lost packet is no outage."""
WAIT_SECONDS = 0.9


@dataclass(frozen=True, slots=True)
class Settings:
    """`targets` as those of the probe `internet`; only asked with the role `host`."""

    targets: tuple[str, ...] = RESOLVERS


class Labs:
    """Keeps its sockets between two runs."""

    def __init__(self, settings: Settings, host: Host) -> None:
        self._host = host
        self._labs = [(lab.name, _network(lab)) for lab in host.watch.lab if lab.cidr]
        if not self._labs:
            raise NothingToMeasureError("no [[lab]] has a cidr")
        self._reach = Reach(_destination(text) for text in settings.targets)
        self._asks = host.watch.roles == ("host",)
        if self._asks and not settings.targets:
            raise NothingToMeasureError("[probes.labs] targets is empty")
        self._running = threading.Lock()

    def collect(self) -> Iterator[Sample]:
        here = [(name, up) for name, network in self._labs if (up := _link_up(network)) is not None]
        if not here:
            raise NothingToMeasureError("this machine has no address in any lab's subnet")
        reached = self._try() if self._asks else self._told()
        for name, link_up in here:
            if not link_up:
                yield Sample(UP, 0.0, (name,))
            elif reached is not None:
                yield Sample(UP, float(reached), (name,))

    def close(self) -> None:
        with self._running:
            self._reach.close()

    def _told(self) -> bool | None:
        fact = self._host.evidence.ask("internet")
        return None if fact is None else bool(fact["up"])

    def _try(self) -> bool:
        with self._running:
            try:
                return any(trip is not None for _ in range(ROUNDS) for trip in self._reach.measure(WAIT_SECONDS))
            except OSError as refused:
                raise ProbeError("unreadable", f"this machine gives no socket: {refused}") from refused


def _network(lab: Lab) -> Network:
    try:
        return ipaddress.ip_network(lab.cidr)
    except ValueError as wrong:
        raise ProbeError("misconfigured", f"[[lab]] {lab.name!r} cidr: {wrong}; write as 10.20.1.0/24") from wrong


def _link_up(network: Network) -> bool | None:
    """Of this machine's interfaces in the subnet; None where it has no address there."""
    wanted = socket.AF_INET if network.version == 4 else socket.AF_INET6  # noqa: PLR2004
    inside = [
        name
        for name, addresses in psutil.net_if_addrs().items()
        for each in addresses
        if each.family == wanted and ipaddress.ip_address(each.address.partition("%")[0]) in network
    ]
    if not inside:
        return None
    states = psutil.net_if_stats()
    return any(name in states and states[name].isup for name in inside)


def _destination(text: str) -> Destination:
    try:
        return parse(text)
    except ValueError as wrong:
        raise ProbeError("misconfigured", f"[probes.labs] targets: {wrong}") from wrong


PROBE = Probe(
    name="labs",
    start=Labs,
    settings=Settings,
    metrics=(UP,),
    every_seconds=30,
    timeout_seconds=4,
)
