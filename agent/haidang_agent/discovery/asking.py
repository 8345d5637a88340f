"""Polite questions to a network: who is there, by mDNS, SSDP, WS-Discovery and NetBIOS; one datagram each.

To everybody goes one question a protocol. NetBIOS names are asked for host by host, once each: in a hurry only as long
as anybody answers.
"""

from __future__ import annotations

import select
import socket
import time
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple, Self

from haidang_agent.discovery import mdns, netbios, upnp
from haidang_agent.discovery.evidence import Evidence
from haidang_agent.discovery.hearing import MOST_DEVICES, learn

if TYPE_CHECKING:
    from collections.abc import Sequence
    from ipaddress import IPv4Network

    from haidang_agent.platform.sweeping import Pace

MAX_DATAGRAM = 9000
"""The longest that mDNS allows (RFC 6762, section 17); what is longer is cut there."""
MOST_AT_ONCE = 2048
MOST_IN_ALL = 50_000
BUFFER_BYTES = 1 << 20
HOPS = 1
FRAMES_A_HOST = 2
"""The system may have to ask for the host's MAC address first."""
SILENT_HOSTS = 4
HURRIED_SECONDS, SPOKEN_SECONDS, PATIENT_SECONDS = 0.25, 1.2, 2.5
"""So long after the questions answers are waited for: in a hurry, in a hurry where anybody has answered by then, else.

mDNS takes up to 0.12 s to answer; SSDP spreads its answers over the second that MX = 1 grants.
"""
QUIET_SECONDS, MOST_SECONDS = 0.4, 5.0
"""So long after the last answer, but not longer than this once the sweep is over."""


class Question(NamedTuple):
    """To everybody on the link."""

    port: int
    group: str
    message: bytes


class Asker:
    """Context manager. `heard` is evidence by address, of addresses of `networks` only. Raises OSError.

    `broadcasts` are addresses of whole subnets that lie in `networks`.
    """

    def __init__(
        self,
        own: IPv4Address,
        networks: Sequence[IPv4Network],
        broadcasts: Sequence[IPv4Address],
        pace: Pace,
        *,
        hurry: bool,
    ) -> None:
        self.heard: dict[IPv4Address, Evidence] = {}
        self._own, self._networks, self._broadcasts = own, networks, broadcasts
        self._pace, self._hurry = pace, hurry
        self._began, self._last = time.monotonic(), float("-inf")
        self._latest = float("inf")
        self._taken = self._asked = self._named = 0
        self._waiting: list[IPv4Address] = []
        self._sockets: dict[int, socket.socket] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            for port in (mdns.PORT, upnp.SSDP_PORT, upnp.WSD_PORT, netbios.PORT):
                self._sockets[port] = stack.enter_context(_socket(self._own))
            self._open = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def ask_everybody(self) -> None:
        """Once at the start."""
        self._began = time.monotonic()
        questions = [
            Question(mdns.PORT, mdns.GROUP, mdns.question()),
            Question(upnp.SSDP_PORT, upnp.GROUP, upnp.SSDP_QUESTION),
            Question(upnp.WSD_PORT, upnp.GROUP, upnp.wsd_question()),
        ]
        questions += [Question(netbios.PORT, str(each), netbios.call()) for each in self._broadcasts]
        for question in questions:
            self._pace.hold()
            self._send(question.port, question.message, question.group)

    def ask_host(self, address: IPv4Address) -> None:
        """For its NetBIOS names; in a hurry put off where the first four are silent."""
        if self._hurry and self._asked >= SILENT_HOSTS:
            self.take()
            if not self._named:
                self._waiting.append(address)
                return
        self._asked += 1
        self._pace.hold(FRAMES_A_HOST)
        self._send(netbios.PORT, netbios.question(), str(address))

    def take(self) -> None:
        """What has come by now."""
        for port, asked in self._sockets.items():
            for _ in range(MOST_AT_ONCE):
                try:
                    message, (host, *_rest) = asked.recvfrom(MAX_DATAGRAM)
                except (BlockingIOError, ConnectionError):  # the second: Windows tells of an ICMP error
                    break
                address = IPv4Address(host)
                known = address in self.heard or len(self.heard) < MOST_DEVICES
                if known and self._taken < MOST_IN_ALL and any(address in net for net in self._networks):
                    self._taken += 1
                    self._named += port == netbios.PORT
                    self._last = time.monotonic()
                    learn(self.heard.setdefault(address, Evidence()), port, message)

    def finish(self) -> None:
        """Wait for the last answers, and ask for details of services that say more by their instances."""
        self._latest = time.monotonic() + MOST_SECONDS
        self._wait(HURRIED_SECONDS if self._hurry else PATIENT_SECONDS)
        if not self.heard:
            return
        seen = {kind for evidence in self.heard.values() for kind in evidence.of("mdns")}
        telling = [kind for kind in mdns.TELLING if kind in seen]
        if telling:
            self._pace.hold()
            self._send(mdns.PORT, mdns.question(telling), mdns.GROUP)
        self._last = time.monotonic()
        self._wait(SPOKEN_SECONDS if self._hurry else PATIENT_SECONDS)

    def _wait(self, least: float) -> None:
        """Until then after the start, and as long as answers come; those that came during the sweep are there.

        The first NetBIOS answer of all, however late, has the hosts asked that were put off, and waited for.
        """
        while True:
            self.take()
            if self._named and self._waiting:
                while self._waiting:
                    self.ask_host(self._waiting.pop())
                self._last = time.monotonic()
            until = min(self._latest, max(self._began + least, self._last + QUIET_SECONDS))
            left = until - time.monotonic()
            if left <= 0:
                return
            select.select(list(self._sockets.values()), [], [], left)

    def _send(self, port: int, message: bytes, target: str) -> None:
        try:
            self._sockets[port].sendto(message, (target, port))
        except OSError:
            return  # no such neighbour, a full queue, or this machine's own firewall: as lost as any datagram


def _socket(own: IPv4Address) -> socket.socket:
    """Answers come back to a port of its own, so that no program of this machine is disturbed. Raises OSError."""
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER_BYTES)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, own.packed)
        made.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, HOPS)
        made.bind((str(own), 0))
        made.setblocking(False)
    except OSError:
        made.close()
        raise
    return made
