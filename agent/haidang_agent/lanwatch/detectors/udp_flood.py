"""One machine is buried in UDP that it does not answer.

Calls, video and QUIC are fast as well, but they are conversations or one steady stream of ever new content: a flood is
one-way, and comes from or goes to ports without number, or says the same again and again, or is faster than any stream.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.frames import Frame
from haidang_agent.lanwatch.incident import Change, Detector, Evidence
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.dhcp import CLIENT_PORT, SERVER_PORT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.lan import Lan

MOST_HOSTS = 4096
WINDOW_SECONDS = 1.0
PACKETS = 300
PACKETS_OF_A_STREAM = 5000
"""A 50 Mbit/s video stream is some 4,700 packets a second."""
ANSWERED_AT_MOST = 0.1
MOST_FLOWS = 100
SAME_AT_LEAST = 0.9

FLOODED = N_("{packets} UDP packets within a second to {ip}, which answered {answered}; from {flows} pairs of ports")


@dataclass(slots=True)
class _Host:
    """What one address received and sent in the window that began at `since`; `flows` is capped at 100."""

    since: float = float("-inf")
    received: int = 0
    sent: int = 0
    same: int = 0
    payload: bytes = b""
    flows: set[tuple[bytes, tuple[int, int]]] = field(default_factory=set)

    def begin(self, now: float) -> None:
        self.since, self.received, self.sent, self.same = now, 0, 0, 0
        self.flows.clear()


class UdpFlood(Detector):
    """Critical: the machine, or the line to it, is not usable."""

    kind = "udp_flood"
    severities = ("critical",)
    quiet = 60.0
    takes = (Frame,)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._hosts: Table[bytes, _Host] = Table(MOST_HOSTS, _Host)

    def feed(self, frame: Frame) -> Iterator[Change]:
        if frame.ports is None or frame.ip is None or frame.is_group:
            return
        if frame.ports[1] in {CLIENT_PORT, SERVER_PORT}:  # `dhcp_flood` knows more of it
            return
        self._current(frame.ip.source, frame.time).sent += 1
        host = self._current(frame.ip.destination, frame.time)
        host.received += 1
        if frame.payload == host.payload:
            host.same += 1
        host.payload = frame.payload
        if len(host.flows) < MOST_FLOWS:
            host.flows.add((frame.ip.source, frame.ports))
        if host.received >= PACKETS and host.received % PACKETS == 0 and _is_flood(host):
            yield from self._report(frame, frame.ip.destination, host)

    def _current(self, address: bytes, now: float) -> _Host:
        host = self._hosts[address]
        if not 0 <= now - host.since < WINDOW_SECONDS:
            host.begin(now)
        return host

    def _report(self, frame: Frame, address: bytes, host: _Host) -> Iterator[Change]:
        flows = f"{MOST_FLOWS}+" if len(host.flows) >= MOST_FLOWS else str(len(host.flows))
        values = {"packets": host.received, "ip": ip_text(address), "answered": host.sent, "flows": flows}
        sources = {source for source, _ports in host.flows}
        subject = {"ip": ip_text(address), "senders": str(len(sources)), "mac": mac_text(frame.source)}
        if len(sources) == 1:
            subject["source_ip"] = ip_text(next(iter(sources)))
        evidence = Evidence(FLOODED, values)
        yield from self._cases.report(frame, address, "critical", evidence, subject, host.since)


def _is_flood(host: _Host) -> bool:
    if host.sent > ANSWERED_AT_MOST * host.received:
        return False
    repeats = host.same >= SAME_AT_LEAST * host.received
    return len(host.flows) >= MOST_FLOWS or repeats or host.received >= PACKETS_OF_A_STREAM


DETECTOR = UdpFlood
