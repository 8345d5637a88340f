"""A frame taken apart as far as detectors need it: Ethernet or another link type, VLAN tags, IP, UDP, one message.

Written by hand for these protocols: scapy would cost the agent 74 MiB and several times the processor.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from haidang_agent.lanwatch import datagrams
from haidang_agent.lanwatch.protocols import MalformedError, arp, bridging, neighbours

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.lanwatch.datagrams import Ip
    from haidang_agent.lanwatch.pcap import Packet
    from haidang_agent.lanwatch.protocols.arp import Arp
    from haidang_agent.lanwatch.protocols.bridging import Bpdu
    from haidang_agent.lanwatch.protocols.neighbours import Announcement

    Message: TypeAlias = Arp | Bpdu | Announcement | datagrams.Message

BROADCAST = b"\xff" * 6
SOME_GROUP = b"\x01\x00\x00\x00\x00\x00"
"""Stands for the destination where a link type only tells that it was a multicast."""

ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_LLDP = 0x0806, 0x0800, 0x86DD, 0x88CC
VLAN_TAGS = frozenset({0x8100, 0x88A8, 0x9100, 0x9200})
VLAN_MASK = 0x0FFF
MOST_TAGS = 4
LARGEST_LENGTH = 1500
"""Up to this an ethertype is a length, and LLC follows (IEEE 802.3)."""

LLC_SNAP, LLC_BPDU = b"\xaa\xaa\x03", b"\x42\x42\x03"
SNAP_CDP, SNAP_PVST = b"\x00\x00\x0c\x20\x00", b"\x00\x00\x0c\x01\x0b"
SNAP_PLAIN = b"\x00\x00\x00"
ETHERNET_HEAD = 14
SLL = struct.Struct("!HHH8sH")
SLL2 = struct.Struct("!HHIHBB8s")
SLL_BROADCAST, SLL_MULTICAST = 1, 2
MAC_BYTES = 6


class Frame(NamedTuple):
    """`segment` is interface and VLAN tags: equal addresses on two segments are two stations.

    `source` and `destination` are MAC addresses, empty where the link type has none or hides it. `message` is the
    innermost thing understood; `malformed` names the protocol that could not be read.
    """

    number: int
    time: float
    segment: tuple[int, ...]
    length: int
    data: bytes
    source: bytes
    destination: bytes
    ethertype: int
    ip: Ip | None = None
    ports: tuple[int, int] | None = None
    payload: bytes = b""
    message: Message | None = None
    malformed: str = ""

    @property
    def is_group(self) -> bool:
        """To everybody or to a group, so that every switch port gets it."""
        return bool(self.destination) and bool(self.destination[0] & 1)


class _Link(NamedTuple):
    """What the link layer tells; `at` is where its content begins."""

    source: bytes
    destination: bytes
    ethertype: int
    at: int
    segment: tuple[int, ...]


def dissect(packet: Packet) -> Frame | None:
    """None for link types that are not looked into. Never raises, whatever the bytes are."""
    read_link = LINK_TYPES.get(packet.link_type)
    if read_link is None:
        return None
    number, time, interface, _kind, length, data = packet
    try:
        source, destination, ethertype, at, segment = read_link(data, interface)
    except MalformedError as cut:
        return Frame(number, time, (interface,), length, data, b"", b"", 0, malformed=str(cut))
    head = (number, time, segment, length, data, source, destination, ethertype)
    if ethertype not in {ETHERTYPE_IPV4, ETHERTYPE_IPV6}:
        return _other(head, at)
    ip, ports, payload, message, malformed = datagrams.read(data, at, ethertype == ETHERTYPE_IPV6)
    return Frame(*head, ip, ports, payload, message, malformed)


def _other(head: tuple[int, float, tuple[int, ...], int, bytes, bytes, bytes, int], at: int) -> Frame:
    data, ethertype = head[4], head[7]
    try:
        message: Message | None = None
        if ethertype == ETHERTYPE_ARP:
            message = arp.read(data[at:])
        elif ethertype == ETHERTYPE_LLDP:
            message = neighbours.read_lldp(data[at:])
        elif ethertype <= LARGEST_LENGTH:
            message = _read_llc(data[at : at + ethertype])
    except MalformedError as malformed:
        return Frame(*head, malformed=str(malformed))
    return Frame(*head, message=message)


def _read_llc(data: bytes) -> Message | None:
    if data.startswith(LLC_BPDU):
        return bridging.read(data[3:])
    if data.startswith(LLC_SNAP):
        kind, content = data[3:8], data[8:]
        if kind == SNAP_CDP:
            return neighbours.read_cdp(content)
        if kind == SNAP_PVST:
            return bridging.read(content)
    return None


def _ethernet(data: bytes, interface: int) -> _Link:
    if len(data) < ETHERNET_HEAD:
        raise MalformedError("Ethernet")
    ethertype = data[12] << 8 | data[13]
    at = ETHERNET_HEAD
    segment: tuple[int, ...] = (interface,)
    while ethertype in VLAN_TAGS and len(segment) <= MOST_TAGS:
        if len(data) < at + 4:
            raise MalformedError("802.1Q")
        segment = (*segment, (data[at] << 8 | data[at + 1]) & VLAN_MASK)
        ethertype = data[at + 2] << 8 | data[at + 3]
        at += 4
    if ethertype <= LARGEST_LENGTH and data[at : at + 6] == LLC_SNAP + SNAP_PLAIN and len(data) >= at + 8:
        ethertype = data[at + 6] << 8 | data[at + 7]
        at += 8
    return _Link(data[6:12], data[:6], ethertype, at, segment)


def _sll(data: bytes, interface: int) -> _Link:
    if len(data) < SLL.size:
        raise MalformedError("Linux SLL")
    kind, _hardware, size, address, protocol = SLL.unpack_from(data)
    return _Link(_sll_mac(address, size), _sll_destination(kind), protocol, SLL.size, (interface,))


def _sll2(data: bytes, interface: int) -> _Link:
    if len(data) < SLL2.size:
        raise MalformedError("Linux SLL2")
    protocol, _reserved, index, _hardware, kind, size, address = SLL2.unpack_from(data)
    return _Link(_sll_mac(address, size), _sll_destination(kind), protocol, SLL2.size, (interface, -index))


def _sll_mac(address: bytes, size: int) -> bytes:
    return address[:MAC_BYTES] if size == MAC_BYTES else b""


def _sll_destination(kind: int) -> bytes:
    return {SLL_BROADCAST: BROADCAST, SLL_MULTICAST: SOME_GROUP}.get(kind, b"")


def _loopback(data: bytes, interface: int) -> _Link:
    """The address family before the packet is in the writer's byte order and system's numbers: the IP version tells."""
    return _raw(data, interface, 4)


def _raw(data: bytes, interface: int, at: int = 0) -> _Link:
    if len(data) <= at:
        raise MalformedError("IP")
    ethertype = ETHERTYPE_IPV6 if data[at] >> 4 == datagrams.VERSION_6 else ETHERTYPE_IPV4
    return _Link(b"", b"", ethertype, at, (interface,))


LINK_TYPES: dict[int, Callable[[bytes, int], _Link]] = {
    0: _loopback,
    1: _ethernet,
    12: _raw,
    14: _raw,
    101: _raw,
    108: _loopback,
    113: _sll,
    228: _raw,
    229: _raw,
    276: _sll2,
}
"""By libpcap's numbers (https://www.tcpdump.org/linktypes.html)."""
