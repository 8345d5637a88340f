"""A second DHCP server: it can give every client a false router and false name servers.

Two servers that cannot be one machine or relay (`dhcp_servers`) answer on one segment. The longer known is taken for
the school's own. Where both tell the same, they are most likely a pair that was set up on purpose.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence, Severity
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.dhcp import NAME_SERVERS, ROUTERS, Dhcp
from haidang_agent.lanwatch.protocols.dhcpv6 import ADVERTISE, SERVER_PORT, Dhcpv6

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.dhcp_servers import Server
    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_TRANSACTIONS = 1024
MOST_ANSWERS = 8

TWO_SERVERS = N_(
    "{ip} ({mac}) answers clients besides {known_ip} ({known_mac}); it gives out router {router} and name servers "
    "{servers}, the other router {known_router} and name servers {known_servers}"
)
PAIR = N_("{ip} ({mac}) answers clients besides {known_ip} ({known_mac}) and tells them the same: probably a pair")
TWO_SERVERS_V6 = N_("{ip} ({mac}) answered the same DHCPv6 client as {known_ip} ({known_mac})")

Answer = tuple[bytes, bytes, bytes]
"""DUID, MAC address and address of a DHCPv6 server."""


class RogueDhcp(Detector):
    """Critical where they tell clients different things."""

    takes = (Dhcp, Dhcpv6)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__("rogue_dhcp", quiet=3600.0)
        self._advertised: Table[tuple[Segment, bytes, bytes], list[Answer]] = Table(MOST_TRANSACTIONS, list)

    def feed(self, frame: Frame) -> Iterator[Change]:
        if isinstance(frame.message, Dhcpv6):
            yield from self._feed_v6(frame, frame.message)
            return
        server = self._lan.answering
        if server is None:
            return
        for other in self._lan.dhcp_servers.others(server):
            is_moved = server.address == other.address and _tell_the_same(server, other)
            if is_moved or all(self._lan.is_redundant(frame.segment, mac) for mac in (server.mac, other.mac)):
                continue
            older, newer = sorted((server, other), key=lambda one: one.number)
            yield from self._report(frame, older, newer)
            return

    def _report(self, frame: Frame, known: Server, newer: Server) -> Iterator[Change]:
        same = _tell_the_same(known, newer)
        evidence = Evidence(PAIR if same else TWO_SERVERS, {
            "ip": ip_text(newer.address), "mac": mac_text(newer.mac),
            "router": _told(newer, ROUTERS), "servers": _told(newer, NAME_SERVERS),
            "known_ip": ip_text(known.address), "known_mac": mac_text(known.mac),
            "known_router": _told(known, ROUTERS), "known_servers": _told(known, NAME_SERVERS),
        })  # fmt: skip
        severity: Severity = "info" if same else "critical"
        subject = {"ip": ip_text(newer.address), "mac": mac_text(newer.mac)}
        subject |= {"known_ip": ip_text(known.address), "known_mac": mac_text(known.mac)}
        yield from self._cases.report(frame, (newer.address, newer.mac), severity, evidence, subject, newer.first)

    def _feed_v6(self, frame: Frame, message: Dhcpv6) -> Iterator[Change]:
        if message.type != ADVERTISE or frame.ports is None or frame.ports[0] != SERVER_PORT or frame.ip is None:
            return
        answers = self._advertised[frame.segment, message.client, message.transaction]
        answer = message.server, frame.source, frame.ip.source
        for duid, mac, address in answers:
            if duid != message.server and mac != frame.source:
                values = {"ip": ip_text(frame.ip.source), "mac": mac_text(frame.source)}
                values |= {"known_ip": ip_text(address), "known_mac": mac_text(mac)}
                evidence = Evidence(TWO_SERVERS_V6, values)
                yield from self._cases.report(frame, frame.ip.source, "warning", evidence, values)
        if answer not in answers and len(answers) < MOST_ANSWERS:
            answers.append(answer)


def _tell_the_same(one: Server, other: Server) -> bool:
    return one.settings is not None and one.settings == other.settings


def _told(server: Server, option: int) -> str:
    """The addresses that it gives out."""
    packed = server.settings.get(option, b"") if server.settings else b""
    return ", ".join(ip_text(packed[at : at + 4]) for at in range(0, len(packed) - 3, 4)) or "?"


DETECTOR = RogueDhcp
