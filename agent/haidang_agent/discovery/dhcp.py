"""How a machine asks for an address by DHCP: option 55 in its order, its class (60) and name (12) (RFC 2132)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.discovery.evidence import Sign
from haidang_agent.lanwatch.protocols.dhcp import CLASS, COOKIE, DISCOVER, END, HEAD, INFORM, PAD, REQUEST, TYPE

if TYPE_CHECKING:
    from collections.abc import Iterator

NAME, PARAMETERS = 12, 55
ASKS = frozenset({DISCOVER, REQUEST, INFORM})
MOST_OPTIONS = 64
MAC_AT, MAC_BYTES = 28, 6


class Client(NamedTuple):
    mac: str
    signs: tuple[Sign, ...]


def read(message: bytes) -> Client | None:
    """None for what is no client's question over Ethernet."""
    if len(message) < HEAD.size + 4 or message[HEAD.size : HEAD.size + 4] != COOKIE or message[:3] != b"\x01\x01\x06":
        return None
    options = dict(_options(message[HEAD.size + 4 :]))
    if not options.get(TYPE) or options[TYPE][0] not in ASKS:
        return None
    signs = [
        Sign("dhcp_options", ",".join(map(str, options.get(PARAMETERS, b"")))),
        Sign("dhcp_class", options.get(CLASS, b"").decode("latin-1")),
        Sign("name", options.get(NAME, b"").decode(errors="replace")),
    ]
    return Client(message[MAC_AT : MAC_AT + MAC_BYTES].hex(":"), tuple(sign for sign in signs if sign.text))


def _options(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Up to where they are cut off."""
    at = 0
    for _ in range(MOST_OPTIONS):
        while at < len(data) and data[at] == PAD:
            at += 1
        if at + 1 >= len(data) or data[at] == END or at + 2 + data[at + 1] > len(data):
            return
        yield data[at], data[at + 2 : at + 2 + data[at + 1]]
        at += 2 + data[at + 1]
