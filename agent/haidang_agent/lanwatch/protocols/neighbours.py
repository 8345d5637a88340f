"""LLDP (IEEE 802.1AB) and CDP (Cisco): whether a device says that it is a switch or a router."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.lanwatch.protocols import MalformedError

if TYPE_CHECKING:
    from collections.abc import Iterator

LLDP_END, LLDP_CHASSIS, LLDP_CAPABILITIES = 0, 1, 7
LLDP_BRIDGE, LLDP_ROUTER = 1 << 2, 1 << 4
CDP_DEVICE, CDP_CAPABILITIES = 1, 4
CDP_ROUTER, CDP_BRIDGE, CDP_SWITCH = 1 << 0, 1 << 1, 1 << 3
CDP_HEAD_BYTES = 4
CAPABILITIES_BYTES = 4


class Announcement(NamedTuple):
    """`device` is LLDP's chassis id with its subtype, or CDP's device id, as sent."""

    device: bytes
    forwards: bool


def read_lldp(data: bytes) -> Announcement:
    """Forwards where bridging or routing is enabled. Raises MalformedError."""
    fields = dict(_lldp_fields(data))
    if LLDP_CHASSIS not in fields:
        raise MalformedError("LLDP")
    capabilities = fields.get(LLDP_CAPABILITIES, b"")
    enabled = int.from_bytes(capabilities[2:4]) if len(capabilities) == CAPABILITIES_BYTES else 0
    return Announcement(fields[LLDP_CHASSIS], bool(enabled & (LLDP_BRIDGE | LLDP_ROUTER)))


def _lldp_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 2 <= len(data):
        head = int.from_bytes(data[at : at + 2])
        code, size = head >> 9, head & 0x1FF
        if code == LLDP_END:
            return
        if at + 2 + size > len(data):
            raise MalformedError("LLDP")
        yield code, data[at + 2 : at + 2 + size]
        at += 2 + size


def read_cdp(data: bytes) -> Announcement:
    """Forwards where it calls itself router, bridge or switch. Raises MalformedError."""
    fields: dict[int, bytes] = {}
    at = CDP_HEAD_BYTES
    while at + 4 <= len(data):
        code, size = int.from_bytes(data[at : at + 2]), int.from_bytes(data[at + 2 : at + 4])
        if size < 4 or at + size > len(data):  # noqa: PLR2004 - the length counts its own head
            raise MalformedError("CDP")
        fields[code] = data[at + 4 : at + size]
        at += size
    if CDP_DEVICE not in fields:
        raise MalformedError("CDP")
    capabilities = int.from_bytes(fields.get(CDP_CAPABILITIES, b""))
    return Announcement(fields[CDP_DEVICE], bool(capabilities & (CDP_ROUTER | CDP_BRIDGE | CDP_SWITCH)))
