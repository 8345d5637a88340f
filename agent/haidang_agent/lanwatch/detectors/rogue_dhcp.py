"""A second DHCP server: it can give every client a false router and false name servers.

Two servers that cannot be one machine or relay (`dhcp_servers`) answer on one segment. Believed is whom the school has
named, then the router that this machine uses, then the longer known. Where the other tells nothing else, they are most
likely a pair that was set up on purpose. Where the school has named its servers, any other is unknown even if alone.
Where the known one answers this machine no more, it was replaced or is held down: a warning, accepted after a day.

So is, live, a DHCPv6 server that appears in a network that has had no IPv6 for long (`ipv6_routers`).

It is over when nothing was heard of it for an hour; or when it answers this machine's questions no more (`lan.own`).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.incident import Change, Detector, Evidence, Severity
from haidang_agent.lanwatch.naming import ip_text, mac_text
from haidang_agent.lanwatch.protocols.dhcp import DISCOVER, NAME_SERVERS, ROUTERS, Dhcp
from haidang_agent.lanwatch.protocols.dhcpv6 import ADVERTISE, REPLY, SERVER_PORT, Dhcpv6

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.dhcp_servers import Server
    from haidang_agent.lanwatch.frames import Frame
    from haidang_agent.lanwatch.lan import Lan, Segment

MOST_TRANSACTIONS = 1024
MOST_ANSWERS = 8
MOST_ASKING = 64
UNANSWERED = 4
ANSWER_SECONDS = 10.0
ACCEPTED_SECONDS = 86400.0

TWO_SERVERS = N_(
    "{ip} ({mac}) answers clients besides {known_ip} ({known_mac}); it gives out router {router} and name servers "
    "{servers}, the other router {known_router} and name servers {known_servers}"
)
PAIR = N_("{ip} ({mac}) answers clients besides {known_ip} ({known_mac}) and tells them the same: probably a pair")
UNKNOWN = N_(
    "{ip} ({mac}) answers clients and is none of the DHCP servers that the school has named; it gives out router "
    "{router} and name servers {servers}"
)
LONE_V6 = N_("{ip} ({mac}) answers DHCPv6 clients in a network that has had no IPv6 router so far")
TWO_SERVERS_V6 = N_("{ip} ({mac}) answered the same DHCPv6 client as {known_ip} ({known_mac})")

Answer = tuple[bytes, bytes, bytes]
"""DUID, MAC address and address of a DHCPv6 server."""


class RogueDhcp(Detector):
    """Critical where they tell clients different things."""

    kind = "rogue_dhcp"
    severities = ("critical", "warning", "info")
    quiet = 3600.0
    takes = (Dhcp, Dhcpv6)

    def __init__(self, lan: Lan) -> None:
        self._lan = lan
        super().__init__()
        self._asked: Table[Segment, deque[float]] = Table(MOST_ASKING, lambda: deque(maxlen=UNANSWERED))
        """When this machine itself asked for servers last."""
        self._advertised: Table[tuple[Segment, bytes, bytes], list[Answer]] = Table(MOST_TRANSACTIONS, list)

    def feed(self, frame: Frame) -> Iterator[Change]:
        if isinstance(frame.message, Dhcpv6):
            yield from self._feed_v6(frame, frame.message)
            return
        message, server = frame.message, self._lan.answering
        if isinstance(message, Dhcp) and message.type == DISCOVER and message.client_mac in self._lan.own:
            self._asked[frame.segment].append(frame.time)
        if server is None:
            return
        servers = self._lan.dhcp_servers
        if isinstance(message, Dhcp) and message.client_mac in self._lan.own:
            server.answered_us = True
        for other in servers.others(server):
            known, newer = sorted((server, other), key=servers.rank)
            if self._is_fine(frame, known, newer):
                continue
            if newer is server or self._is_news(frame, newer):
                yield from self._report(frame, known, newer)
            return
        if servers.school_servers and not servers.is_school_server(server):
            yield from self._report_unknown(frame, server)

    def tick(self, now: float) -> Iterator[Change]:
        """Also over: who has answered this machine before, and left its questions of late without an answer."""
        for (segment, key), _last in self._cases.heard():
            suspect = self._lan.dhcp_servers.find(segment, *key) if isinstance(key, tuple) else None
            if suspect and self._is_gone(suspect, now):
                yield from self._cases.close((segment, key))
        yield from super().tick(now)

    def _is_fine(self, frame: Frame, known: Server, newer: Server) -> bool:
        servers, is_same_name = self._lan.dhcp_servers, known.address == newer.address
        if is_same_name and _tells_nothing_else(newer, known):
            return True
        if servers.is_school_card(newer) or (servers.is_school_server(newer) and not is_same_name):
            return True
        if all(self._lan.is_redundant(frame.segment, mac) for mac in (known.mac, newer.mac)):
            return True
        return known.last < frame.time - ACCEPTED_SECONDS and self._is_gone(known, frame.time)

    def _is_news(self, frame: Frame, suspect: Server) -> bool:
        """It spoke lately, before the one that shows it up."""
        is_recent = suspect.last > frame.time - self.quiet and not self._is_gone(suspect, frame.time)
        return is_recent and not self._cases.has(frame.segment, _key(suspect))

    def _is_gone(self, server: Server, now: float) -> bool:
        """It used to answer this machine, and has left its last questions without an answer."""
        asked = self._asked.get(server.segment)
        if not server.answered_us or not asked or len(asked) < UNANSWERED:
            return False
        return server.last < min(asked[0], now - ANSWER_SECONDS)

    def _report_unknown(self, frame: Frame, server: Server) -> Iterator[Change]:
        values = {"ip": ip_text(server.address), "mac": mac_text(server.mac)}
        told = {"router": _told(server, ROUTERS), "servers": _told(server, NAME_SERVERS)}
        evidence = Evidence(UNKNOWN, values | told)
        yield from self._cases.report(frame, _key(server), "critical", evidence, values, server.first)

    def _report(self, frame: Frame, known: Server, newer: Server) -> Iterator[Change]:
        same = _tells_nothing_else(newer, known)
        evidence = Evidence(PAIR if same else TWO_SERVERS, {
            "ip": ip_text(newer.address), "mac": mac_text(newer.mac),
            "router": _told(newer, ROUTERS), "servers": _told(newer, NAME_SERVERS),
            "known_ip": ip_text(known.address), "known_mac": mac_text(known.mac),
            "known_router": _told(known, ROUTERS), "known_servers": _told(known, NAME_SERVERS),
        })  # fmt: skip
        severity: Severity = "info" if same else "warning" if self._is_gone(known, frame.time) else "critical"
        subject = {"ip": ip_text(newer.address), "mac": mac_text(newer.mac)}
        subject |= {"known_ip": ip_text(known.address), "known_mac": mac_text(known.mac)}
        yield from self._cases.report(frame, _key(newer), severity, evidence, subject, newer.first)

    def _feed_v6(self, frame: Frame, message: Dhcpv6) -> Iterator[Change]:
        if frame.ports is None or frame.ports[0] != SERVER_PORT or frame.ip is None:
            return
        if self._is_stranger(frame, message):
            subject = {"ip": ip_text(frame.ip.source), "mac": mac_text(frame.source)}
            evidence = Evidence(LONE_V6, dict(subject))
            yield from self._cases.report(frame, frame.ip.source, "warning", evidence, subject)
        if message.type != ADVERTISE:
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

    def _is_stranger(self, frame: Frame, message: Dhcpv6) -> bool:
        is_watched = bool(self._lan.own) and frame.source not in self._lan.own
        if not is_watched or message.type not in {ADVERTISE, REPLY}:
            return False
        return self._lan.ipv6_routers.is_stranger(frame.segment, frame.source, frame.time)


def _key(server: Server) -> tuple[bytes, bytes]:
    return server.address, server.mac


def _tells_nothing_else(newer: Server, known: Server) -> bool:
    return bool(newer.settings) and newer.settings.items() <= known.settings.items()


def _told(server: Server, option: int) -> str:
    """The addresses that it gives out."""
    packed = server.settings.get(option, b"")
    return ", ".join(ip_text(packed[at : at + 4]) for at in range(0, len(packed) - 3, 4)) or "?"


DETECTOR = RogueDhcp
