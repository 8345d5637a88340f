"""What a screen tells of itself: the base block of VESA's E-EDID, release A, 3.4 to 3.10; of the rest nothing."""

from __future__ import annotations

from typing import NamedTuple

HEADER = bytes.fromhex("00ffffffffffff00")
BLOCK = 128
WIDTH, HEIGHT = 21, 22
DESCRIPTORS = range(54, 126, 18)
NAME = bytes.fromhex("000000fc00")


class Edid(NamedTuple):
    """`name` is empty where none is told; sizes in cm, 0 where the maker leaves them open, as of a projector."""

    name: str
    width_cm: int
    height_cm: int


def parse(block: bytes) -> Edid:
    """Raises ValueError for what is no whole base block."""
    block = block[:BLOCK]
    if len(block) < BLOCK or not block.startswith(HEADER):
        raise ValueError("no EDID")
    if sum(block) % 256:
        raise ValueError("an EDID with a wrong checksum")
    names = (block[at + len(NAME) : at + 18] for at in DESCRIPTORS if block.startswith(NAME, at))
    name = next(names, b"").partition(b"\n")[0].decode("ascii", errors="replace").strip()
    return Edid(name, block[WIDTH], block[HEIGHT])
