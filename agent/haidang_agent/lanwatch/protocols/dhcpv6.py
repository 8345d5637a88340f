"""DHCPv6 (RFC 8415): which server answers which client; relayed messages are left to the relay's own segment."""

from __future__ import annotations

from typing import NamedTuple

from haidang_agent.lanwatch.protocols import MalformedError

CLIENT_PORT, SERVER_PORT = 546, 547
ADVERTISE, REPLY = 2, 7
RELAY_FORWARD, RELAY_REPLY = 12, 13
CLIENT_ID, SERVER_ID = 1, 2
HEAD_BYTES = 4


class Dhcpv6(NamedTuple):
    """`server` is the server's DUID, empty in most of what clients send."""

    type: int
    transaction: bytes
    client: bytes
    server: bytes


def read(data: bytes) -> Dhcpv6 | None:
    """None for what relays send. Raises MalformedError."""
    if len(data) < HEAD_BYTES:
        raise MalformedError("DHCPv6")
    if data[0] in {RELAY_FORWARD, RELAY_REPLY}:
        return None
    ids = {CLIENT_ID: b"", SERVER_ID: b""}
    at = HEAD_BYTES
    while at < len(data):
        code, size = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
        if at + 4 + size > len(data):
            raise MalformedError("DHCPv6")
        if code in ids:
            ids[code] = data[at + 4 : at + 4 + size]
        at += 4 + size
    return Dhcpv6(data[0], data[1:4], ids[CLIENT_ID], ids[SERVER_ID])
