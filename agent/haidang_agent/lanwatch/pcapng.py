"""pcapng (draft-ietf-opsawg-pcapng): several sections, interfaces, time resolutions and byte orders in one file."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from haidang_agent.i18n import N_
from haidang_agent.lanwatch.pcap import CUT_OFF, MOST_BYTES, PCAPNG_MAGIC, NotACaptureError, Packet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.problems import Problems

INTERFACE, OLD_PACKET, SIMPLE_PACKET, ENHANCED_PACKET = 1, 2, 3, 6
ORDERS = {b"\x1a\x2b\x3c\x4d": ">", b"\x4d\x3c\x2b\x1a": "<"}
OPTION_END, OPTION_RESOLUTION, OPTION_OFFSET = 0, 9, 14
MOST_BLOCK_BYTES = 16 << 20
MOST_INTERFACES = 4096
HEAD_BYTES, FRAME_BYTES = 8, 12
"""Type and length; and the length again at the end."""
MICROSECONDS = 1e-6
OFFSET_BYTES = 8
FIRST_TIME, LAST_TIME = 0.0, 253_402_300_799.0
"""The years 1970 to 9999."""

NO_TIME = N_("{number} packets carry no time, or an impossible one; that of the packet before them was taken")
NO_INTERFACE = N_("{number} packets belong to an interface that the file does not describe; they were not read")
BAD_BLOCK = N_("{number} blocks contradict themselves and were not read (first: after packet {frame})")
BAD_LENGTH = N_("the file is damaged after packet {packet} (a block of {length} bytes); the rest was not read")
UNEQUAL = N_("the file is damaged after packet {packet} (a block's two lengths differ); the rest was not read")
BYTE_ORDER = N_("the file is damaged after packet {packet} (a section without byte order); the rest was not read")


class Interface(NamedTuple):
    """`snap` 0 is no limit; `tick` in seconds, `offset` in seconds since 1970."""

    number: int
    link_type: int
    snap: int
    tick: float = MICROSECONDS
    offset: int = 0


class _DamagedError(ValueError):
    """Nothing after this can be made out; `values` go into the places of the message."""

    def __init__(self, cause: str, **values: int) -> None:
        super().__init__(cause)
        self.values = values


@dataclass(slots=True)
class _Section:
    problems: Problems
    order: str = ""
    interfaces: list[Interface] = field(default_factory=list)
    described: int = 0
    number: int = 0
    time: float = 0.0


def read_blocks(stream: BinaryIO, problems: Problems) -> Iterator[Packet]:
    """The packets of a pcapng file whose first four bytes are read. Raises NotACaptureError, OSError."""
    section = _Section(problems)
    head = PCAPNG_MAGIC + stream.read(4)
    while head:
        try:
            kind, body = _block(stream, head, section)
        except _DamagedError as damaged:
            if not section.order:
                raise NotACaptureError(str(damaged)) from damaged
            problems.note(str(damaged), 0, packet=section.number, **damaged.values)
            return
        try:
            packet = _packet(kind, body, section)
        except struct.error:
            problems.note(BAD_BLOCK, section.number)
        else:
            if packet:
                yield packet
        head = stream.read(8)


def _block(stream: BinaryIO, head: bytes, section: _Section) -> tuple[int, bytes]:
    """Kind and body of the block that begins with `head`. Raises _DamagedError."""
    if len(head) < HEAD_BYTES:
        raise _DamagedError(CUT_OFF)
    read = 0
    if head.startswith(PCAPNG_MAGIC):
        mark = stream.read(4)
        read = len(mark)
        if mark not in ORDERS:
            raise _DamagedError(BYTE_ORDER)
        section.order = ORDERS[mark]
        section.interfaces = []
    kind, length = struct.unpack(f"{section.order}II", head)
    if not FRAME_BYTES + read <= length <= MOST_BLOCK_BYTES:
        raise _DamagedError(BAD_LENGTH, length=length)
    left = (length + 3) // 4 * 4 - HEAD_BYTES - read
    rest = stream.read(left)
    if len(rest) < left:
        raise _DamagedError(CUT_OFF)
    if struct.unpack(f"{section.order}I", rest[-4:])[0] != length:
        raise _DamagedError(UNEQUAL)
    return kind, rest[:-4]


def _packet(kind: int, body: bytes, section: _Section) -> Packet | None:
    """The packet that a block holds, if it holds one. Raises struct.error."""
    order = section.order
    if kind == INTERFACE:
        _describe(body, section)
        return None
    if kind == ENHANCED_PACKET:
        number, high, low, captured, length = struct.unpack_from(f"{order}IIIII", body)
        start = 20
    elif kind == OLD_PACKET:
        number, _drops, high, low, captured, length = struct.unpack_from(f"{order}HHIIII", body)
        start = 20
    elif kind == SIMPLE_PACKET:
        (length,) = struct.unpack_from(f"{order}I", body)
        number, high, low, start = 0, None, 0, 4
        captured = min(length, len(body) - start, MOST_BYTES)
    else:
        return None
    if number >= len(section.interfaces):
        section.problems.note(NO_INTERFACE)
        return None
    interface = section.interfaces[number]
    if high is None:
        section.problems.note(NO_TIME)
        captured = min(captured, interface.snap or captured)
    else:
        _set_time(section, interface.offset + ((high << 32) + low) * interface.tick)
    if captured > min(len(body) - start, MOST_BYTES):
        raise struct.error("longer than its block")
    section.number += 1
    data = body[start : start + captured]
    return Packet(section.number, section.time, interface.number, interface.link_type, max(length, captured), data)


def _set_time(section: _Section, time: float) -> None:
    if FIRST_TIME <= time < LAST_TIME:
        section.time = time
    else:
        section.problems.note(NO_TIME)


def _describe(body: bytes, section: _Section) -> None:
    """Add the interface that a block describes. Raises struct.error."""
    order = section.order
    link_type, _reserved, snap = struct.unpack_from(f"{order}HHI", body)
    tick, offset, at = MICROSECONDS, 0, 8
    while at + 4 <= len(body):
        code, size = struct.unpack_from(f"{order}HH", body, at)
        value = body[at + 4 : at + 4 + size]
        if code == OPTION_END or len(value) < size:
            break
        if code == OPTION_RESOLUTION and size == 1:
            tick = _tick(value[0])
        elif code == OPTION_OFFSET and size == OFFSET_BYTES:
            (offset,) = struct.unpack(f"{order}q", value)
        at += 4 + (size + 3) // 4 * 4
    if section.described >= MOST_INTERFACES:
        raise struct.error("more interfaces than anybody has")
    section.interfaces.append(Interface(section.described, link_type, snap, tick, offset))
    section.described += 1


def _tick(resolution: int) -> float:
    """Seconds per unit: the highest bit chooses powers of two, else of ten."""
    exponent = resolution & 0x7F
    return 2.0**-exponent if resolution & 0x80 else 10.0**-exponent
