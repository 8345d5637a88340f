"""Capture files, read as a stream: pcap (draft-ietf-opsawg-pcap) here, pcapng in `pcapng`.

Whatever is sound is handed on; where a file is cut off or damaged, reading ends there and `problems` says so.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from haidang_agent.i18n import N_

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.lanwatch.problems import Problems

MOST_BYTES = 1 << 20
"""A longer packet is taken for damage: libpcap's own limit is 256 KiB for every link type but USB and D-Bus."""

PCAPNG_MAGIC = b"\x0a\x0d\x0d\x0a"
MAGICS = {
    b"\xa1\xb2\xc3\xd4": (">", 6, 0),
    b"\xd4\xc3\xb2\xa1": ("<", 6, 0),
    b"\xa1\xb2\x3c\x4d": (">", 9, 0),
    b"\x4d\x3c\xb2\xa1": ("<", 9, 0),
    b"\xa1\xb2\xcd\x34": (">", 6, 8),
    b"\x34\xcd\xb2\xa1": ("<", 6, 8),
}
"""Byte order, digits of the fraction of a second, and bytes that a record's header has more (Kuznetzov's pcap)."""

LINK_TYPE_MASK = 0x0FFFFFFF
"""The upper four bits tell of a frame check sequence."""

CUT_OFF = N_("the file is cut off after packet {packet}")
TOO_LONG = N_("the file is damaged after packet {packet} (a packet of {length} bytes); the rest was not read")
OTHER_VERSION = N_("the file says it is of version {version}, which nobody has defined; read as version 2.4")


class NotACaptureError(ValueError):
    """The file is neither pcap nor pcapng."""


class Packet(NamedTuple):
    """`number` counts from 1, `time` is Unix seconds, `length` the bytes on the wire; `data` may hold fewer."""

    number: int
    time: float
    interface: int
    link_type: int
    length: int
    data: bytes


def read_packets(stream: BinaryIO, problems: Problems) -> Iterator[Packet]:
    """Every packet of a capture file. Raises NotACaptureError before the first, OSError where reading fails."""
    from haidang_agent.lanwatch import pcapng  # noqa: PLC0415 - pcapng builds on this module

    magic = stream.read(4)
    if magic == PCAPNG_MAGIC:
        return pcapng.read_blocks(stream, problems)
    if magic in MAGICS:
        return _read_records(stream, problems, *MAGICS[magic])
    raise NotACaptureError(magic.hex(" ") or "empty")


def _read_records(stream: BinaryIO, problems: Problems, order: str, digits: int, extra: int) -> Iterator[Packet]:
    header = stream.read(20)
    if len(header) < 20:  # noqa: PLR2004 - the rest of the file header
        problems.note(CUT_OFF, packet=0)
        return
    major, minor, _zone, _accuracy, _snap, network = struct.unpack(f"{order}HHIIII", header)
    if (major, minor) not in {(2, 4), (2, 3)}:
        problems.note(OTHER_VERSION, version=f"{major}.{minor}")
    record = struct.Struct(f"{order}IIII{extra}x")
    scale = 10.0**-digits
    link_type = network & LINK_TYPE_MASK
    number = 0
    while head := stream.read(record.size):
        if len(head) < record.size:
            problems.note(CUT_OFF, packet=number)
            return
        seconds, fraction, captured, length = record.unpack(head)
        if captured > MOST_BYTES:
            problems.note(TOO_LONG, packet=number, length=captured)
            return
        data = stream.read(captured)
        if len(data) < captured:
            problems.note(CUT_OFF, packet=number)
            return
        number += 1
        yield Packet(number, seconds + fraction * scale, 0, link_type, max(length, captured), data)
