"""Spanning-tree BPDUs (IEEE 802.1D, 802.1w, 802.1s; Cisco's per-VLAN form): who sends them, and who is root."""

from __future__ import annotations

import struct
from typing import NamedTuple

from haidang_agent.lanwatch.protocols import MalformedError

HEAD = struct.Struct("!HBB")
CONFIGURATION = struct.Struct("!B8sI8sH")
TOPOLOGY_CHANGE_NOTICE = 0x80
TOPOLOGY_CHANGE = 0x01


class Bpdu(NamedTuple):
    """Identifiers are priority and MAC address, 8 bytes; empty in a notice of changed topology."""

    root: bytes
    bridge: bytes
    topology_changes: bool


def read(data: bytes) -> Bpdu | None:
    """None for other protocols of bridges. Raises MalformedError."""
    if len(data) < HEAD.size:
        raise MalformedError("STP")
    protocol, _version, kind = HEAD.unpack_from(data)
    if protocol != 0:
        return None
    if kind == TOPOLOGY_CHANGE_NOTICE:
        return Bpdu(b"", b"", topology_changes=True)
    if len(data) < HEAD.size + CONFIGURATION.size:
        raise MalformedError("STP")
    flags, root, _cost, bridge, _port = CONFIGURATION.unpack_from(data, HEAD.size)
    return Bpdu(root, bridge, topology_changes=bool(flags & TOPOLOGY_CHANGE))
