"""Fields that all layouts share: texts, checksums, optical powers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP = 1.0
"""One step of every power register: 0.1 µW, or -40 dBm."""
HIGHEST = 65535.0
"""What a power register can hold: 6.5535 mW, or 8.2 dBm."""
MILLIWATT = 10_000.0
SMALLEST_VOLTAGE, LARGEST_VOLTAGE = 1.0, 6.0
"""A module that answers has power: 3.3 V nominal (SFF-8431, INF-8074)."""
COLDEST, HOTTEST = -60.0, 127.0
LARGEST_BIAS_MA = 131.08
"""What a register can hold."""


def text(raw: bytes, what: str, problems: list[str]) -> str | None:
    """ASCII padded with spaces (in practice also with NUL); None where empty or no text at all."""
    stripped = raw.rstrip(b" \x00\xff").lstrip(b" \x00")
    if any(not 0x20 <= byte <= 0x7E for byte in stripped):  # noqa: PLR2004 - printable ASCII
        problems.append(f"{what} is not text")
        return None
    return stripped.decode("ascii") or None


def oui(raw: bytes) -> str | None:
    """The maker's IEEE identifier, lower case with colons; None for all zeros."""
    return raw.hex(":") if any(raw) else None


def check(data: bytes, first: int, place: int, name: str, problems: list[str]) -> bool:
    """True if the byte at `place` is the low eight bits of the sum of those from `first` up to it."""
    sound = sum(data[first:place]) & 0xFF == data[place]
    if not sound:
        problems.append(f"checksum {name} is wrong")
    return sound


def dbm(steps: float) -> float | None:
    """Decibels to 1 mW from steps of 0.1 µW, in thousandths.

    None from one step down: modules in the dark show 0, one step, or with external calibration less than nothing. None
    also beyond what a register can hold.
    """
    return round(10 * math.log10(steps / MILLIWATT), 3) if STEP < steps <= HIGHEST else None


def light(steps: float, what: str, problems: list[str]) -> float | None:
    """`dbm`, with the reason for a None in `problems`."""
    power = dbm(steps)
    if power is None:
        problems.append(f"{what}: no light" if steps <= STEP else f"{what}: no plausible power")
    return power


def plausible(value: float, low: float, high: float, what: str, problems: list[str]) -> float | None:
    """The value, rounded to thousandths, where it can be true of a working module."""
    if low <= value <= high:
        return round(value, 3)
    problems.append(f"{what}: {value:.6g} cannot be")
    return None


def weakest(powers: Sequence[float | None]) -> float | None:
    """None as soon as one lane has no light: the link as a whole then has none."""
    known = [power for power in powers if power is not None]
    return min(known) if known and len(known) == len(powers) else None
