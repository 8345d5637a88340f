"""IPv6 neighbours: from the kernel's table (rtnetlink(7)) and by one echo to all nodes (RFC 4291); never a sweep."""

from __future__ import annotations

import os
import socket
import struct
import sys
from contextlib import suppress
from ipaddress import IPv6Address
from typing import TYPE_CHECKING, Self

from haidang_agent.platform import packet, sweeping

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_NODES = "ff02::1"
ETH_P_IPV6, ICMPV6 = 0x86DD, 58
ECHO, REPLY = 128, 129
FRAME_BYTES = 62
"""Ethernet, IPv6 and the echo's own head."""
ECHO_HEAD = struct.Struct("!BBHHH")
MOST_NEIGHBOURS = 8192

NETLINK_ROUTE, DUMP, GET_NEIGHBOURS, DONE, NEW_NEIGHBOUR = 0, 0x301, 30, 3, 28
MESSAGE, NEIGHBOUR, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BxxxiHBB"), struct.Struct("=HH")
DESTINATION, LINK_ADDRESS = 1, 2
ANSWERED = 0x02 | 0x04 | 0x08 | 0x10
"""NUD_REACHABLE, STALE, DELAY, PROBE: it has been there."""
MAC_BYTES, ADDRESS_BYTES = 6, 16
NETLINK_BYTES = 1 << 16

Found = dict[str, list[IPv6Address]]


class AllNodes:
    """Context manager: asks everybody on `interface` when it begins, `found` tells who was there."""

    def __init__(self, interface: str) -> None:
        self._interface = interface
        self._ident = int.from_bytes(os.urandom(2))
        self._raw: socket.socket | None = None

    def __enter__(self) -> Self:
        """Raises OSError; without the capability or without IPv6 only the kernel's table is read."""
        with suppress(PermissionError):
            self._raw = sweeping.opened(self._interface, ETH_P_IPV6, _echo_filter(self._ident))
            self._ask()
        return self

    def __exit__(self, *_: object) -> None:
        if self._raw:
            self._raw.close()

    def found(self) -> Found:
        """Addresses by MAC address. Raises OSError."""
        neighbours: dict[str, dict[IPv6Address, None]] = {}
        told = list(kernel_table(self._interface))
        if self._raw:
            told += [
                (frame[6:12].hex(":"), IPv6Address(frame[22:38]))
                for frame in sweeping.waiting(self._raw, FRAME_BYTES) if len(frame) == FRAME_BYTES
            ]  # fmt: skip
        for mac, address in told[:MOST_NEIGHBOURS]:
            neighbours.setdefault(mac, {})[address] = None
        return {mac: sorted(addresses) for mac, addresses in neighbours.items()}

    def _ask(self) -> None:
        echo = ECHO_HEAD.pack(ECHO, 0, 0, self._ident, 0)
        everybody = (ALL_NODES, 0, 0, socket.if_nametoindex(self._interface))
        # IPv6 is off, or there is no address yet: then nobody would answer either.
        with suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as out:
            out.sendto(echo, everybody)


def kernel_table(interface: str) -> Iterator[tuple[str, IPv6Address]]:
    """MAC and address of the neighbours on the interface that have answered. Raises OSError."""
    if sys.platform != "linux":
        return
    index = socket.if_nametoindex(interface)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_ROUTE) as kernel:
        asked = NEIGHBOUR.pack(socket.AF_INET6, 0, 0, 0, 0)
        kernel.send(MESSAGE.pack(MESSAGE.size + len(asked), GET_NEIGHBOURS, DUMP, 1, 0) + asked)
        for _ in range(MOST_NEIGHBOURS):
            told = kernel.recv(NETLINK_BYTES)
            at = 0
            while at + MESSAGE.size <= len(told):
                size, kind, *_rest = MESSAGE.unpack_from(told, at)
                if kind != NEW_NEIGHBOUR or size < MESSAGE.size:
                    return
                yield from _neighbour(told[at + MESSAGE.size : at + size], index)
                at += (size + 3) & ~3


def _neighbour(row: bytes, index: int) -> Iterator[tuple[str, IPv6Address]]:
    family, interface, state, *_ = NEIGHBOUR.unpack_from(row)
    if family != socket.AF_INET6 or interface != index or not state & ANSWERED:
        return
    values = {}
    at = NEIGHBOUR.size
    while at + ATTRIBUTE.size <= len(row):
        size, kind = ATTRIBUTE.unpack_from(row, at)
        if size < ATTRIBUTE.size:
            return
        values[kind] = row[at + ATTRIBUTE.size : at + size]
        at += (size + 3) & ~3
    mac, address = values.get(LINK_ADDRESS, b""), values.get(DESTINATION, b"")
    if len(mac) == MAC_BYTES and len(address) == ADDRESS_BYTES and any(mac) and not mac[0] & 1:
        yield mac.hex(":"), IPv6Address(address)


def _echo_filter(ident: int) -> bytes:
    """Classic BPF (bpf(4)): echo replies with this identifier and no extension headers."""
    return packet.program(
        (packet.LOAD_BYTE, 0, 0, 20),
        (packet.EQUAL, 0, 5, ICMPV6),
        (packet.LOAD_BYTE, 0, 0, 54),
        (packet.EQUAL, 0, 3, REPLY),
        (packet.LOAD_HALF, 0, 0, 58),
        (packet.EQUAL, 0, 1, ident),
        (packet.ACCEPT, 0, 0, FRAME_BYTES),
        (packet.ACCEPT, 0, 0, 0),
    )
