"""ARP for IPv4 over Ethernet (RFC 826, RFC 5227). Reverse and inverse ARP are none of it."""

from __future__ import annotations

import struct
from typing import NamedTuple

from haidang_agent.lanwatch.protocols import MalformedError

LAYOUT = struct.Struct("!HHBBH6s4s6s4s")
HARDWARE = {1, 6}
"""Ethernet, and IEEE 802 as some Wi-Fi bridges call it."""
IPV4 = 0x0800
REQUEST, REPLY = 1, 2
NO_ADDRESS = bytes(4)


class Arp(NamedTuple):
    """Who says which address is where, to whom. A probe has no sender address, an announcement asks for its own."""

    is_reply: bool
    sender_mac: bytes
    sender: bytes
    target_mac: bytes
    target: bytes

    @property
    def is_probe(self) -> bool:
        return self.sender == NO_ADDRESS

    @property
    def is_announcement(self) -> bool:
        return self.sender == self.target


def read(data: bytes) -> Arp | None:
    """None for other address families and operations. Raises MalformedError."""
    if len(data) < LAYOUT.size:
        raise MalformedError("ARP")
    hardware, protocol, mac_size, size, operation, *addresses = LAYOUT.unpack_from(data)
    if hardware not in HARDWARE or (protocol, mac_size, size) != (IPV4, 6, 4) or operation not in {REQUEST, REPLY}:
        return None
    return Arp(operation == REPLY, *addresses)
