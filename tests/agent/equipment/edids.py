"""E-EDID base blocks, made for one test each."""

from __future__ import annotations

HEADER = bytes.fromhex("00ffffffffffff00")


def edid(name: str, width_cm: int, height_cm: int) -> bytes:
    """With a name, unless that is empty, as the third of the four descriptors, and a right checksum."""
    block = bytearray(127)
    block[:8] = HEADER
    block[18:20] = bytes((1, 3))
    block[21:23] = bytes((width_cm, height_cm))
    if name:
        block[90:95] = bytes.fromhex("000000fc00")
        block[95:108] = (name.encode() + b"\n").ljust(13)[:13]
    return bytes(block) + bytes((-sum(block) % 256,))
