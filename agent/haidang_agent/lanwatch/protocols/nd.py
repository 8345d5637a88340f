"""IPv6 neighbour discovery: router advertisements, neighbour solicitations and advertisements (RFC 4861, RFC 4191).

The caller checks the hop limit of 255, by which a receiver knows that no router has passed the message on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.protocols import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

ROUTER_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT = 134, 135, 136
SOURCE_MAC, TARGET_MAC, PREFIX, NAME_SERVERS = 1, 2, 3, 25
ADVERTISEMENT_BYTES, SOLICITATION_BYTES = 16, 24
PREFIX_BYTES, NAME_SERVER_BYTES = 30, 22
MAC_BYTES = 6
PREFERENCES = {0b01: 1, 0b00: 0, 0b11: -1, 0b10: 0}
"""High, medium, low; the reserved value counts as medium (RFC 4191, section 2.2)."""
SOLICITED, OVERRIDE = 0x40, 0x20
MANAGED = 0x80


@dataclass(frozen=True, slots=True)
class RouterAdvertisement:
    """`lifetime` in seconds, 0 for a router that is no default router (any more).

    `is_managed`: it tells clients to ask a DHCPv6 server.
    """

    lifetime: int
    preference: int
    prefixes: frozenset[tuple[bytes, int]]
    name_servers: bytes
    is_managed: bool = False


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A solicitation of `target`, or its advertisement; `mac` is what the option says, empty where there is none."""

    is_advertisement: bool
    target: bytes
    mac: bytes
    is_solicited: bool = False
    overrides: bool = False


def read(data: bytes) -> RouterAdvertisement | Neighbour | None:
    """None for other ICMPv6. Raises MalformedError."""
    kind = data[0] if data else 0
    if kind == ROUTER_ADVERTISEMENT:
        return _router(data)
    if kind not in {NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT}:
        return None
    if len(data) < SOLICITATION_BYTES:
        raise MalformedError("ICMPv6")
    is_advertisement = kind == NEIGHBOUR_ADVERTISEMENT
    wanted = TARGET_MAC if is_advertisement else SOURCE_MAC
    mac = next((value[:MAC_BYTES] for code, value in _options(data, SOLICITATION_BYTES) if code == wanted), b"")
    flags = data[4] if is_advertisement else 0
    return Neighbour(is_advertisement, data[8:24], mac, bool(flags & SOLICITED), bool(flags & OVERRIDE))


def _router(data: bytes) -> RouterAdvertisement:
    if len(data) < ADVERTISEMENT_BYTES:
        raise MalformedError("ICMPv6")
    options = list(_options(data, ADVERTISEMENT_BYTES))
    prefixes = {(value[14:30], value[0]) for code, value in options if code == PREFIX and len(value) == PREFIX_BYTES}
    servers = b"".join(value[6:] for code, value in options if code == NAME_SERVERS and len(value) >= NAME_SERVER_BYTES)
    preference = PREFERENCES[data[5] >> 3 & 0b11]
    is_managed = bool(data[5] & MANAGED)
    return RouterAdvertisement(int.from_bytes(data[6:8]), preference, frozenset(prefixes), servers, is_managed)


def _options(data: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    while at < len(data):
        size = data[at + 1] * 8 if at + 1 < len(data) else 0
        if size == 0 or at + size > len(data):
            raise MalformedError("ICMPv6")
        yield data[at], data[at + 2 : at + size]
        at += size
