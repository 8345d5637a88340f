"""Round trips to several addresses at once: by ICMP echo, or by TCP connect where that is denied or a port is named."""

from __future__ import annotations

import errno
import ipaddress
import logging
import re
import selectors
import socket
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.platform import system
from haidang_agent.platform.connect import Handshake
from haidang_agent.platform.icmp import Pinger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

log = logging.getLogger(__name__)

RESOLVERS = ("203.162.4.190", "203.113.131.1", "210.245.24.20")
"""Of VNPT, Viettel and FPT, in their own networks (ranges of npm @ip-location-db/asn, June 2026)."""
TCP_PORTS = (443, 53)
"""Tried together in place of ICMP; the one that answered is then asked alone, until it does not."""
MAX_PORT = 65535
NOTATION = "write as 192.0.2.1, 192.0.2.1:443, 2001:db8::1 or [2001:db8::1]:443"
WITH_PORT = re.compile(r"(?:\[(?P<v6>[^]]+)]|(?P<v4>[0-9.]+))(?::(?P<port>[0-9]{1,5}))?")


class Destination(NamedTuple):
    """`port` None: ICMP echo."""

    family: socket.AddressFamily
    address: str
    port: int | None = None


def parse(text: str) -> Destination:
    """Raises ValueError, with the fix, for what is not in our `NOTATION`."""
    parts = WITH_PORT.fullmatch(text)
    port = int(parts["port"]) if parts and parts["port"] else None
    try:
        address = ipaddress.ip_address((parts["v6"] or parts["v4"]) if parts else text)
    except ValueError:
        raise ValueError(f"{text!r} is no address; {NOTATION}") from None
    if address.is_unspecified or address.is_multicast or (port is not None and not 0 < port <= MAX_PORT):
        raise ValueError(f"{text!r} is not one machine's address, or its port not one of 1 to 65535; {NOTATION}")
    return Destination(socket.AF_INET if address.version == 4 else socket.AF_INET6, str(address), port)  # noqa: PLR2004


class Attempt(NamedTuple):
    """One handshake to the destination number `of`."""

    of: int
    port: int
    handshake: Handshake


@dataclass(slots=True)
class Round:
    """What is under way: `asked` counts the open attempts of each destination, `trips` has the answers, in seconds."""

    selector: selectors.BaseSelector
    asked: Counter[int] = field(default_factory=Counter)
    echoes: dict[tuple[Pinger, int], tuple[int, float]] = field(default_factory=dict)
    trips: dict[int, float] = field(default_factory=dict)
    ports: dict[int, int] = field(default_factory=dict)

    def send_echo(self, index: int, pinger: Pinger, address: str) -> None:
        sent = time.monotonic()
        try:
            sequence = pinger.send(address)
        except OSError:
            return  # no route, or this machine's own firewall: as lost as any other
        self.echoes[pinger, sequence] = (index, sent)
        self.asked[index] += 1
        if pinger not in self.selector.get_map():
            self.selector.register(pinger, selectors.EVENT_READ)

    def send_handshake(self, attempt: Attempt) -> None:
        self.asked[attempt.of] += 1
        if not self._finish(attempt):
            self.selector.register(attempt.handshake, selectors.EVENT_WRITE, attempt)

    def wait(self, deadline: float) -> None:
        """Until all have answered, at most until `deadline`."""
        while self.asked and (left := deadline - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                if isinstance(key.fileobj, Pinger):
                    self._read_echoes(key.fileobj)
                elif self._finish(key.data):
                    self.selector.unregister(key.fileobj)

    def _read_echoes(self, pinger: Pinger) -> None:
        for sequence, at in pinger.replies():
            index, sent = self.echoes.pop((pinger, sequence), (None, 0.0))
            if index is not None:  # neither late from an earlier round nor a duplicate
                self._answer(index, at - sent)

    def _finish(self, attempt: Attempt) -> bool:
        answered = attempt.handshake.answered()
        if answered:
            self.ports.setdefault(attempt.of, attempt.port)
            self._answer(attempt.of, time.monotonic() - attempt.handshake.sent)
        elif answered is False:
            self.asked -= Counter([attempt.of])
        return answered is not None

    def _answer(self, index: int, seconds: float) -> None:
        self.trips.setdefault(index, seconds)
        del self.asked[index]


class Reach:
    """Keeps its ICMP sockets, one an address family, between rounds."""

    def __init__(self, destinations: Iterable[Destination]) -> None:
        self._destinations = tuple(destinations)
        self._pingers: dict[socket.AddressFamily, Pinger | None] = {}
        self._ports: dict[int, int] = {}

    def measure(self, wait_seconds: float) -> list[float | None]:
        """Ask each destination once; round trips in seconds, None without an answer. Raises OSError without sockets."""
        deadline = time.monotonic() + wait_seconds
        with ExitStack() as sockets:
            under_way = Round(sockets.enter_context(selectors.DefaultSelector()))
            for index, destination in enumerate(self._destinations):
                pinger = self._pinger(destination.family) if destination.port is None else None
                if pinger is not None:
                    under_way.send_echo(index, pinger, destination.address)
                    continue
                for attempt in self._handshakes(index, destination):
                    sockets.enter_context(attempt.handshake)
                    under_way.send_handshake(attempt)
            under_way.wait(deadline)
        self._ports = under_way.ports
        return [under_way.trips.get(index) for index in range(len(self._destinations))]

    def close(self) -> None:
        for pinger in self._pingers.values():
            if pinger is not None:
                pinger.close()

    def _handshakes(self, index: int, destination: Destination) -> Iterator[Attempt]:
        known = destination.port or self._ports.get(index)
        for port in (known,) if known else TCP_PORTS:
            try:
                yield Attempt(index, port, Handshake(destination.family, destination.address, port))
            except OSError as refused:
                if refused.errno != errno.EAFNOSUPPORT:
                    raise
                log.debug("%s: this system has no %s", destination.address, destination.family.name)

    def _pinger(self, family: socket.AddressFamily) -> Pinger | None:
        if family not in self._pingers:
            self._pingers[family] = system.pinger(family)
            if self._pingers[family] is None:
                log.info("no ICMP socket for %s (net.ipv4.ping_group_range?): TCP connect instead", family.name)
        return self._pingers[family]
