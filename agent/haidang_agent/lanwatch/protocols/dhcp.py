"""DHCP for IPv4 (RFC 2131, options RFC 2132) and plain BOOTP, as far as it tells clients and servers apart."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.protocols import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_PORT, SERVER_PORT = 68, 67
HEAD = struct.Struct("!BBBBI4x4s4s4s4s16s64s128s")
COOKIE = bytes.fromhex("63825363")
DISCOVER, OFFER, REQUEST, DECLINE, ACK, NAK, RELEASE, INFORM = range(1, 9)
FROM_CLIENT = frozenset({DISCOVER, REQUEST, DECLINE, RELEASE, INFORM})
PAD, END = 0, 255
MASK, ROUTERS, NAME_SERVERS, REQUESTED, OVERLOAD, TYPE, SERVER, CLASS = 1, 3, 6, 50, 52, 53, 54, 60
NO_ADDRESS = bytes(4)
ADDRESS_BYTES = 4
ROUTES, ROUTES_OF_WINDOWS, PROXY = 121, 249, 252
"""Routes (RFC 3442, and Microsoft's number for them) go before the router; where the proxy's settings are (WPAD)."""
OVERLOAD_FILE, OVERLOAD_NAME = 1, 2


@dataclass(frozen=True, slots=True)
class Dhcp:
    """Addresses are 4 bytes, empty where an option is absent. `type` 0 is plain BOOTP."""

    type: int
    transaction: int
    client_mac: bytes
    client: bytes
    offered: bytes
    relay: bytes
    server: bytes
    requested: bytes
    mask: bytes
    routers: bytes
    name_servers: bytes
    routes: bytes
    proxy: bytes
    is_pxe: bool

    @property
    def is_relayed(self) -> bool:
        return self.relay != NO_ADDRESS


def read(data: bytes) -> Dhcp:
    """Raises MalformedError."""
    if len(data) < HEAD.size:
        raise MalformedError("DHCP")
    _op, _kind, size, _hops, transaction, client, offered, _next, relay, mac, name, file = HEAD.unpack_from(data)
    options: dict[int, bytes] = {}
    if data[HEAD.size : HEAD.size + 4] == COOKIE:
        _merge(options, data[HEAD.size + 4 :])
        overload = options.get(OVERLOAD, b"\0")[:1]
        for bit, more in ((OVERLOAD_FILE, file), (OVERLOAD_NAME, name)):
            if overload and overload[0] & bit:
                _merge(options, more)
    kind = options.get(TYPE, b"\0")
    if len(kind) != 1 or size > len(mac):
        raise MalformedError("DHCP")
    return Dhcp(
        type=kind[0],
        transaction=transaction,
        client_mac=mac[:size],
        client=client,
        offered=offered,
        relay=relay,
        server=_address(options.get(SERVER, b"")),
        requested=_address(options.get(REQUESTED, b"")),
        mask=_address(options.get(MASK, b"")),
        routers=options.get(ROUTERS, b""),
        name_servers=options.get(NAME_SERVERS, b""),
        routes=options.get(ROUTES, b"") or options.get(ROUTES_OF_WINDOWS, b""),
        proxy=options.get(PROXY, b""),
        is_pxe=options.get(CLASS, b"").startswith(b"PXEClient"),
    )


def _address(value: bytes) -> bytes:
    if value and len(value) != ADDRESS_BYTES:
        raise MalformedError("DHCP")
    return value


def _merge(options: dict[int, bytes], data: bytes) -> None:
    """Add the options; one that comes in several pieces is put together (RFC 3396)."""
    for code, value in _options(data):
        options[code] = options.get(code, b"") + value


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data) and data[at] != END:
        if data[at] == PAD:
            at += 1
            continue
        if at + 1 >= len(data) or at + 2 + data[at + 1] > len(data):
            raise MalformedError("DHCP")
        yield data[at], data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
