"""EEPROMs of real modules: `recordings/NAME.hex` says in its first lines where each is from and what was changed.

Serial numbers are blanked (spaces) and the checksums over them mended. Rows of zeros are left out.
"""

from __future__ import annotations

from pathlib import Path

RECORDINGS = Path(__file__).parent / "recordings"
NAMES = sorted(path.stem for path in RECORDINGS.glob("*.hex"))


def eeprom(name: str) -> bytes:
    rows = [line for line in (RECORDINGS / f"{name}.hex").read_text().splitlines() if not line.startswith("#")]
    found = bytearray(int(rows[-1][:4], 16) + 16)
    for row in rows:
        place = int(row[:4], 16)
        found[place : place + 16] = bytes.fromhex(row[5:])
    return bytes(found)


def changed(name: str, changes: dict[int, bytes]) -> bytes:
    """The recording with other bytes at some places, and the checksums of an SFP (A0h and A2h) made right again."""
    found = bytearray(eeprom(name))
    for place, data in changes.items():
        found[place : place + len(data)] = data
    for first, place in ((0, 63), (64, 95), (256, 351)):
        if place < len(found):
            found[place] = sum(found[first:place]) & 0xFF
    return bytes(found)
