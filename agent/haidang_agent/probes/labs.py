"""Is the Internet reached from each computer room (requirement R3)? Told by a machine that stands in it.

With the role `host` the machine tries by itself: one probe to each target, and two more rounds while none answers. Its
room is what the probe `place` says (evidence `place`), else that in whose subnet it has an address; of several subnets
the longest prefix holds, and rooms that share one fare alike. With the role `site` or `router` the path of the room's
subnet is what the probe `internet` says (evidence `internet`) while the link to the subnet is up; so it is for rooms
without an agent that the probe `lan` knows to have the same path (evidence `lab_path`). Of others nothing is told.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from haidang_agent.labs.rooms import nearest, read_networks
from haidang_agent.platform.reach import RESOLVERS, Destination, Reach, parse
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from haidang_agent.labs.rooms import Network

UP = Metric("school_lab_internet_up", "1 if the Internet is reached from this computer room, else 0.", ("lab",))

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
        if not host.watch.lab:
            raise NothingToMeasureError("there is no [[lab]]")
        try:
            self._subnets = {lab.name: read_networks(lab) for lab in host.watch.lab}
        except ValueError as wrong:
            raise ProbeError("misconfigured", str(wrong)) from wrong
        self._reach = Reach(_destination(text) for text in settings.targets)
        self._asks = host.watch.roles == ("host",)
        if self._asks and not settings.targets:
            raise NothingToMeasureError("[probes.labs] targets is empty")
        self._running = threading.Lock()

    def collect(self) -> Iterator[Sample]:
        here = (self._told_room() or _rooms_here(self._subnets)) if self._asks else self._on_our_path()
        if not here:
            raise NothingToMeasureError("this machine stands in no [[lab]] that is known")
        reached = self._try() if self._asks else self._told()
        for name, link_up in here.items():
            if not link_up:
                yield Sample(UP, 0.0, (name,))
            elif reached is not None:
                yield Sample(UP, float(reached), (name,))

    def close(self) -> None:
        with self._running:
            self._reach.close()

    def _told_room(self) -> dict[str, bool]:
        """The room, if this machine is told it; without a link to it no try gets through either."""
        place = self._host.evidence.ask("place")
        return {place["lab"]: True} if place is not None and place["lab"] in self._subnets else {}

    def _on_our_path(self) -> dict[str, bool]:
        """Rooms that we stand in, or of which the probe `lan` says that they have the way that we have."""
        ask = self._host.evidence.ask
        return {name: True for name in self._subnets if ask("lab_path", name)} | _rooms_here(self._subnets)

    def _told(self) -> bool | None:
        fact = self._host.evidence.ask("internet")
        return None if fact is None else bool(fact["up"])

    def _try(self) -> bool:
        with self._running:
            try:
                return any(trip is not None for _ in range(ROUNDS) for trip in self._reach.measure(WAIT_SECONDS))
            except OSError as refused:
                raise ProbeError("unreadable", f"this machine gives no socket: {refused}") from refused


def _rooms_here(subnets: Mapping[str, Iterable[Network]]) -> dict[str, bool]:
    """Rooms in whose subnets this machine has an address, and whether a link to one is up."""
    states = psutil.net_if_stats()
    here: dict[str, bool] = {}
    for interface, addresses in psutil.net_if_addrs().items():
        for each in addresses:
            if each.family in (socket.AF_INET, socket.AF_INET6):
                for name in nearest(ipaddress.ip_address(each.address.partition("%")[0]), subnets):
                    here[name] = here.get(name, False) or (interface in states and states[interface].isup)
    return here


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
