"""Which machines answer as DHCP servers (RFC 2131), and which of their names and MAC addresses are one server's.

A relay passes on what several servers say, so two server identifiers behind one MAC address are no two servers of this
segment; nor is one identifier that two relays pass on from two MAC addresses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.naming import ip_text, mac_text, place
from haidang_agent.lanwatch.protocols.dhcp import (
    ACK,
    CLIENT_PORT,
    MASK,
    NAK,
    NAME_SERVERS,
    NO_ADDRESS,
    OFFER,
    PROXY,
    ROUTERS,
    ROUTES,
    Dhcp,
)

if TYPE_CHECKING:
    from haidang_agent.lanwatch.frames import Frame

Segment = tuple[int, ...]

MOST_SERVERS = 64
MOST_TOLD = 16
REMEMBERED_SECONDS = 3 * 86400.0
"""Over a weekend; a server that was silent for longer is no measure for others."""
MOST_MACS = 8


@dataclass(slots=True)
class Server:
    """`settings` is what it tells clients, by option. `address` is its identifier.

    Not each client asks for all options: each is what was told last. Servers are numbered as they appear.
    `answered_us`: it has answered the machine that watches.
    """

    segment: Segment = ()
    address: bytes = b""
    macs: dict[bytes, None] = field(default_factory=dict)
    offers: int = 0
    acks: int = 0
    naks: int = 0
    number: int = 0
    first: float = 0.0
    last: float = 0.0
    settings: dict[int, bytes] = field(default_factory=dict)
    answered_us: bool = False

    @property
    def mac(self) -> bytes:
        """The one it was first seen behind."""
        return next(iter(self.macs))

    def told(self) -> dict[str, Any]:
        counts = {"offers": self.offers, "acks": self.acks, "naks": self.naks}
        return {"ip": ip_text(self.address), "mac": mac_text(self.mac), **counts, **place(self.segment)}


class DhcpServers:
    """At most 64, those heard of last."""

    def __init__(self) -> None:
        self.school_servers: frozenset[bytes] = frozenset()
        """IPv4 or MAC addresses of all the servers the school has, where somebody has said so."""
        self.routers: frozenset[bytes] = frozenset()
        """IPv4 addresses of the routers that the watching machine itself uses."""
        self._servers: Table[tuple[Segment, bytes, bytes], Server] = Table(MOST_SERVERS, Server)
        self._number = 0

    def take(self, frame: Frame, message: Dhcp) -> Server | None:
        """Note an answer to a client; the server, or None for any other message."""
        if not is_answer(frame, message):
            return None
        address = message.server or (frame.ip.source if frame.ip else b"")
        server = self._servers[frame.segment, address, b"" if message.is_relayed else frame.source]
        if not server.macs:
            self._number += 1
            server.segment, server.address = frame.segment, address
            server.number, server.first = self._number, frame.time
        if len(server.macs) < MOST_MACS:
            server.macs[frame.source] = None
        server.last = frame.time
        server.offers += message.type == OFFER
        server.acks += message.type == ACK
        server.naks += message.type == NAK
        if message.type != NAK:
            told = {MASK: message.mask, ROUTERS: message.routers, NAME_SERVERS: message.name_servers}
            told |= {ROUTES: message.routes, PROXY: message.proxy}
            server.settings |= {option: value for option, value in told.items() if value}
        return server

    def __len__(self) -> int:
        return len(self._servers)

    def is_school_server(self, server: Server) -> bool:
        """Somebody has said so."""
        return server.address in self.school_servers or self.is_school_card(server)

    def is_school_card(self, server: Server) -> bool:
        """Somebody has said so of its MAC address, which is harder to take than an identifier."""
        return not self.school_servers.isdisjoint(server.macs)

    def find(self, segment: Segment, address: bytes, mac: bytes) -> Server | None:
        """By identifier and the MAC address it was first seen behind."""
        known = (segment, address, mac), (segment, address, b"")
        return next((one for key in known if (one := self._servers.get(key)) and one.mac == mac), None)

    def rank(self, server: Server) -> tuple[bool, bool, int]:
        """The lower is believed: what somebody has said before the own router before whoever was there first."""
        return not self.is_school_server(server), server.address not in self.routers, server.number

    def others(self, server: Server) -> list[Server]:
        """Servers of the same segment that cannot be the same machine or relay, the most believable first."""
        here = [one for one in self._servers.values() if one.segment == server.segment]
        same, grew = [server], True
        while grew:
            macs = {mac for one in same for mac in one.macs}
            joined = [one for one in here if one not in same and macs & one.macs.keys()]
            same += joined
            grew = bool(joined)
        heard = [one for one in here if one not in same and one.last > server.last - REMEMBERED_SECONDS]
        return sorted(heard, key=self.rank)

    def keep(self) -> list[dict[str, Any]]:
        """What to know of them after a restart, the most believable first; at most 16."""
        return [
            {
                "segment": list(one.segment), "ip": one.address.hex(), "macs": [mac.hex() for mac in one.macs],
                "first": one.first, "last": one.last, "answered_us": one.answered_us,
                "settings": {str(option): value.hex() for option, value in one.settings.items()},
            }
            for one in sorted(self._servers.values(), key=self.rank)[:MOST_TOLD]
        ]  # fmt: skip

    def recall(self, kept: list[dict[str, Any]]) -> None:
        """What `keep` gave, before anything else is taken."""
        for one in kept:
            self._number += 1
            segment, address = tuple(one["segment"]), bytes.fromhex(one["ip"])
            macs = dict.fromkeys(bytes.fromhex(mac) for mac in one["macs"])
            settings = {int(option): bytes.fromhex(value) for option, value in one["settings"].items()}
            server = Server(segment, address, macs, number=self._number, first=one["first"], last=one["last"])
            server.settings, server.answered_us = settings, one.get("answered_us", False)
            self._servers[segment, address, next(iter(macs))] = server

    def told(self) -> list[dict[str, Any]]:
        """All of them, as `dhcp_servers` of the JSON."""
        return [server.told() for server in self._servers.values()]


def is_answer(frame: Frame, message: Dhcp) -> bool:
    """From a server to a client of this segment. What PXE boot servers add, without an address, is not counted."""
    to_client = frame.ports is not None and frame.ports[1] == CLIENT_PORT
    is_pxe = message.is_pxe and message.offered == NO_ADDRESS
    return message.type in {OFFER, ACK, NAK} and to_client and bool(frame.source) and not is_pxe
