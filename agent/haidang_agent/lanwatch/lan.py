"""What every detector needs to know of a segment: who forwards for others, and who asked whom.

Kept by `Watch` before a frame reaches the detectors, so that each of them sees the frame at hand included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.lanwatch.bounded import Table
from haidang_agent.lanwatch.claims import Claims
from haidang_agent.lanwatch.dhcp_servers import DhcpServers
from haidang_agent.lanwatch.ipv6_routers import Ipv6Routers
from haidang_agent.lanwatch.protocols.arp import Arp
from haidang_agent.lanwatch.protocols.bridging import Bpdu
from haidang_agent.lanwatch.protocols.dhcp import ACK, OFFER, Dhcp
from haidang_agent.lanwatch.protocols.dns import DNS_PORT, Dns
from haidang_agent.lanwatch.protocols.nd import RouterAdvertisement
from haidang_agent.lanwatch.protocols.neighbours import Announcement
from haidang_agent.lanwatch.protocols.redundancy import Redundancy, is_virtual

if TYPE_CHECKING:
    from haidang_agent.lanwatch.datagrams import Ip
    from haidang_agent.lanwatch.dhcp_servers import Server
    from haidang_agent.lanwatch.frames import Frame

Segment = tuple[int, ...]
Station = tuple[Segment, bytes]
"""A MAC address on a segment."""

MOST_STATIONS = 4096
SPOOFER_SECONDS = 3600.0
DISTANT_SOURCES = 3
"""Different public source addresses behind one MAC address make it a router."""


class Lan:
    """Knowledge of all segments of one capture; bounded."""

    def __init__(self) -> None:
        self.own: frozenset[bytes] = frozenset()
        """MAC addresses of the machine that watches; empty for a capture file."""
        self.scanners: frozenset[bytes] = frozenset()
        """MAC addresses that may ask for every address of the network."""
        self.claims = Claims(self.is_redundant, self.is_infrastructure, self.is_gateway)
        self.looping: Table[Segment, float] = Table(MOST_STATIONS, lambda: float("-inf"))
        """Until when copies of frames circulate in a segment, as the detector of loops found."""
        self.dhcp_servers = DhcpServers()
        self.answering: Server | None = None
        """The DHCP server whose answer the frame at hand is."""
        self.ipv6_routers = Ipv6Routers()
        """Kept and told of advertisements by the detector of rogue ones."""
        self.spoofers: Table[Station, float] = Table(MOST_STATIONS, lambda: float("-inf"))
        """When each was last the suspect of ARP spoofing, or claimed a router's address after that."""
        self._infrastructure: Table[Station, bool] = Table(MOST_STATIONS, bool)
        self._redundant: Table[Station, bool] = Table(MOST_STATIONS, bool)
        self._gateways: Table[Station, bool] = Table(MOST_STATIONS, bool)
        self._distant: Table[Station, set[bytes]] = Table(MOST_STATIONS, set)

    def take(self, frame: Frame) -> None:
        """Learn from a frame."""
        message = frame.message
        self.claims.began = min(self.claims.began, frame.time)
        self.answering = self.dhcp_servers.take(frame, message) if isinstance(message, Dhcp) else None
        if isinstance(message, Arp):
            self.claims.take(frame, message)
        elif frame.ip is not None:
            self._take_ip(frame, frame.ip)
        station = frame.segment, frame.source
        if isinstance(message, Redundancy):
            self._redundant[station] = True
        if isinstance(message, Dhcp) and message.type in {OFFER, ACK}:
            self._gateways[frame.segment, message.routers[:4]] = True
        if _serves(frame):
            self._infrastructure[station] = True

    def _take_ip(self, frame: Frame, ip: Ip) -> None:
        if len(ip.source) != 4 or not frame.source:  # noqa: PLR2004 - bytes of an IPv4 address
            return
        self.claims.witness(frame, ip.source)
        if is_public(ip.source):
            distant = self._distant[frame.segment, frame.source]
            if len(distant) < DISTANT_SOURCES:
                distant.add(ip.source)

    def is_redundant(self, segment: Segment, mac: bytes) -> bool:
        """It may take over another's address: it has said so, or is made for that."""
        return is_virtual(mac) or (segment, mac) in self._redundant

    def is_infrastructure(self, segment: Segment, mac: bytes) -> bool:
        """A router, a switch or a server of the network itself, by what it does."""
        station = segment, mac
        routes = len(self._distant.get(station) or ()) >= DISTANT_SOURCES
        return routes or station in self._infrastructure or self.is_redundant(segment, mac)

    def is_spoofer(self, segment: Segment, mac: bytes, now: float) -> bool:
        """It was the suspect of ARP spoofing within the last hour."""
        return (self.spoofers.get((segment, mac)) or float("-inf")) > now - SPOOFER_SECONDS

    def is_gateway(self, segment: Segment, address: bytes) -> bool:
        """DHCP has named this address as the router, or this machine uses it."""
        return address in self.dhcp_servers.routers or (segment, address) in self._gateways


def _serves(frame: Frame) -> bool:
    message = frame.message
    if isinstance(message, Dhcp):
        return message.type in {OFFER, ACK}
    if isinstance(message, Dns):
        return message.is_response and frame.ports is not None and frame.ports[0] == DNS_PORT
    if isinstance(message, Announcement):
        return message.forwards
    return isinstance(message, (Bpdu, RouterAdvertisement))


def is_public(address: bytes) -> bool:
    """An IPv4 address of the Internet, not of a local network (RFC 1918, RFC 3927, RFC 6598) nor of a group."""
    first, second = address[0], address[1]
    if first in {0, 10, 127} or first >= 224:  # noqa: PLR2004 - RFC 5771
        return False
    local = (first == 172 and second & 0xF0 == 16) or (first == 100 and second & 0xC0 == 64)  # noqa: PLR2004
    return not (local or (first, second) in {(192, 168), (169, 254)})
