"""IPv4 (RFC 791) and IPv6 (RFC 8200), UDP in them, and the message in that."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from haidang_agent.lanwatch.protocols import MalformedError, dhcp, dhcpv6, dns, nd, redundancy

if TYPE_CHECKING:
    from haidang_agent.lanwatch.protocols.dhcp import Dhcp
    from haidang_agent.lanwatch.protocols.dhcpv6 import Dhcpv6
    from haidang_agent.lanwatch.protocols.dns import Dns
    from haidang_agent.lanwatch.protocols.nd import Neighbour, RouterAdvertisement
    from haidang_agent.lanwatch.protocols.redundancy import Redundancy

    Message: TypeAlias = Dhcp | Dhcpv6 | Dns | Neighbour | RouterAdvertisement | Redundancy

VERSION_4, VERSION_6 = 4, 6
UDP, ICMPV6 = 17, 58
IPV4_HEAD, IPV6_HEAD, UDP_HEAD = 20, 40, 8
FRAGMENT_BITS = 0x3FFF
"""More fragments, or an offset."""
HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION = 0, 43, 44, 51, 60
MOST_EXTENSIONS = 8
FROM_THIS_LINK = 255
"""The hop limit of a message that no router has passed on."""


class Ip(NamedTuple):
    """Addresses are 4 or 16 bytes; `hops` is the time to live, or hop limit."""

    source: bytes
    destination: bytes
    hops: int
    protocol: int
    is_fragment: bool


class Datagram(NamedTuple):
    """What could be read; `malformed` names the protocol at which reading ended."""

    ip: Ip | None
    ports: tuple[int, int] | None = None
    payload: bytes = b""
    message: Message | None = None
    malformed: str = ""


def read(data: bytes, at: int, is_v6: bool) -> Datagram:
    """The packet that begins at `at`. Never raises."""
    ip, ports, payload = None, None, b""
    try:
        ip, start, end = _ipv6(data, at) if is_v6 else _ipv4(data, at)
        if ip.is_fragment:
            return Datagram(ip)
        if ip.protocol != UDP:
            return Datagram(ip, message=_message_in_ip(ip, data, start, end))
        ports, payload = _udp(data, start, end)
        return Datagram(ip, ports, payload, _message_in_udp(ip, ports, payload))
    except MalformedError as malformed:
        return Datagram(ip, ports, payload, malformed=str(malformed))


def _udp(data: bytes, start: int, end: int) -> tuple[tuple[int, int], bytes]:
    if end - start < UDP_HEAD:
        raise MalformedError("UDP")
    ports = data[start] << 8 | data[start + 1], data[start + 2] << 8 | data[start + 3]
    size = data[start + 4] << 8 | data[start + 5]
    return ports, data[start + UDP_HEAD : min(end, start + size) if size >= UDP_HEAD else end]


def _ipv4(data: bytes, at: int) -> tuple[Ip, int, int]:
    if len(data) < at + IPV4_HEAD or data[at] >> 4 != VERSION_4:
        raise MalformedError("IPv4")
    head = (data[at] & 0xF) * 4
    total = data[at + 2] << 8 | data[at + 3]
    if head < IPV4_HEAD or len(data) < at + head:
        raise MalformedError("IPv4")
    end = min(len(data), at + total) if total >= head else len(data)  # 0 where the network card cuts it up
    is_fragment = bool((data[at + 6] << 8 | data[at + 7]) & FRAGMENT_BITS)
    ip = Ip(data[at + 12 : at + 16], data[at + 16 : at + 20], data[at + 8], data[at + 9], is_fragment)
    return ip, at + head, end


def _ipv6(data: bytes, at: int) -> tuple[Ip, int, int]:
    if len(data) < at + IPV6_HEAD or data[at] >> 4 != VERSION_6:
        raise MalformedError("IPv6")
    size = data[at + 4] << 8 | data[at + 5]
    start = at + IPV6_HEAD
    end = min(len(data), start + size) if size else len(data)
    protocol, is_fragment = data[at + 6], False
    for _ in range(MOST_EXTENSIONS):
        if protocol not in {HOP_BY_HOP, ROUTING, FRAGMENT, AUTHENTICATION, DESTINATION}:
            break
        if start + 8 > end:
            raise MalformedError("IPv6")
        if protocol == FRAGMENT:
            is_fragment, size = True, 8
        elif protocol == AUTHENTICATION:
            size = (data[start + 1] + 2) * 4
        else:
            size = (data[start + 1] + 1) * 8
        protocol = data[start]
        start += size
    return Ip(data[at + 8 : at + 24], data[at + 24 : at + 40], data[at + 7], protocol, is_fragment), start, end


def _message_in_ip(ip: Ip, data: bytes, start: int, end: int) -> Message | None:
    if ip.hops != FROM_THIS_LINK:
        return None
    if ip.protocol == ICMPV6 and len(ip.source) > 4:  # noqa: PLR2004 - bytes of an IPv4 address
        return nd.read(data[start:end])
    if ip.protocol == redundancy.VRRP_PROTOCOL:
        return redundancy.read_vrrp(data[start:end])
    return None


def _message_in_udp(ip: Ip, ports: tuple[int, int], payload: bytes) -> Message | None:
    source, destination = ports
    if source in dns.PORTS or destination in dns.PORTS:
        return dns.read(payload)
    if destination in {dhcp.SERVER_PORT, dhcp.CLIENT_PORT} and source in {dhcp.SERVER_PORT, dhcp.CLIENT_PORT}:
        return dhcp.read(payload)
    if destination in {dhcpv6.CLIENT_PORT, dhcpv6.SERVER_PORT} and len(ip.source) > 4:  # noqa: PLR2004 - as above
        return dhcpv6.read(payload)
    if destination in {redundancy.HSRP_PORT, redundancy.GLBP_PORT} and source == destination:
        return redundancy.read_udp(destination, payload)
    return None
