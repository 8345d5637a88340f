"""NetBIOS names (RFC 1002): which a machine holds says whether it serves files, as PCs do."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from haidang_agent.discovery.evidence import Sign
from haidang_agent.lanwatch.protocols import MalformedError
from haidang_agent.lanwatch.protocols.dns import netbios_name

if TYPE_CHECKING:
    from collections.abc import Iterator

PORT = 137
HEAD = struct.Struct("!HHHHHH")
NB, NBSTAT, INTERNET = 0x20, 0x21, 1
RESPONSE, BROADCAST, OPCODE_MASK, REGISTRATION = 0x8000, 0x0010, 0x7800, 0x2800
WILDCARD = b"\x20CKAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\0"
"""`*` in first-level encoding (section 4.2.17)."""
NAME_BYTES = 34
NODE_NAME_BYTES = 18
GROUP = 0x8000
WORKSTATION, SERVER = 0x00, 0x20
MOST_NAMES = 32


def question(number: int = 0) -> bytes:
    """A node status request: all names of the machine that gets it."""
    return HEAD.pack(number, 0, 1, 0, 0, 0) + WILDCARD + struct.pack("!HH", NBSTAT, INTERNET)


def call() -> bytes:
    """A name query that whoever speaks NetBIOS answers, for a broadcast."""
    return HEAD.pack(0, BROADCAST, 1, 0, 0, 0) + WILDCARD + struct.pack("!HH", NB, INTERNET)


def read(message: bytes) -> Iterator[Sign]:
    """Suffixes and names that its sender holds: from a node status response, or a name registration it broadcast."""
    if len(message) < HEAD.size + NAME_BYTES + 4:
        return
    _, flags, _, answers, _, _ = HEAD.unpack_from(message)
    at = HEAD.size + NAME_BYTES
    kind = int.from_bytes(message[at : at + 2])
    if flags & RESPONSE and answers and kind == NBSTAT:
        yield from _node_status(message[at + 10 :])
    elif flags & RESPONSE and answers and kind == NB:
        yield Sign("netbios", "answers")
    elif not flags & RESPONSE and flags & OPCODE_MASK == REGISTRATION:
        yield from _registration(message)


def _node_status(data: bytes) -> Iterator[Sign]:
    count = data[0] if data else 0
    for index in range(min(count, MOST_NAMES)):
        entry = data[1 + index * NODE_NAME_BYTES :][:NODE_NAME_BYTES]
        if len(entry) == NODE_NAME_BYTES:
            group = int.from_bytes(entry[16:18]) & GROUP
            yield from _held(entry[:15].decode("latin-1").rstrip(" \0"), entry[15], is_group=bool(group))


def _registration(message: bytes) -> Iterator[Sign]:
    label = message[HEAD.size + 1 : HEAD.size + NAME_BYTES - 1].decode("latin-1").lower()
    try:
        name, suffix = netbios_name(label)
    except MalformedError:
        return  # another encoding, of a scope that we do not read
    flags = int.from_bytes(message[-6:-4])
    yield from _held(name, suffix, is_group=bool(flags & GROUP))


def _held(name: str, suffix: int, *, is_group: bool) -> Iterator[Sign]:
    yield Sign("netbios", f"{'group' if is_group else 'unique'} {suffix:02x}")
    if suffix in {WORKSTATION, SERVER} and not is_group:
        yield Sign("name", name)
