"""Optical power as vendors write it, in dBm; None where there is no light, no module or no sense in it.

0 dBm (1 mW) to the last digit is what empty cages, dark ONUs and switched-off lasers publish, far more often than a
power that happens to be 1 mW: it is taken as "not measured". So is whatever no transceiver sends or hears.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haidang_agent.snmp.session import Value

    Unit = Callable[[Value], float | None]

DARKEST, BRIGHTEST = -39.9, 12.0
"""dBm. SFF-8472 counts in 0.1 µW, so that -40 dBm is its smallest step, and what modules say in the dark; GPON class
C++ and 80 km optics send less than +12 dBm."""

COLDEST, HOTTEST = -50.0, 125.0
"""Degrees Celsius inside a transceiver; beyond, the figure is a mark for "none"."""

ALL_ONES = 0xFFFF

WRITTEN = re.compile(
    r"(?P<number>[-+]?\d{1,9}(?:\.\d{1,9})?)\s*(?P<unit>dbm|mw|uw|c|deg\w*(?:\s+c\w*)?)?"
    r"(?:\s*\(\w[+-]?\)|[,:]?\s*[a-z][a-z-]*(?:\s+[a-z-]+){0,2})?",
    re.IGNORECASE,
)
"""A number, its unit and its state: `-6.46`, `0.77(A+)`, `-5.20 dBm normal`, `-002.6103 dBm: Low-Warn`."""


def dbm(power: float | None) -> float | None:
    """`power` rounded to 0.01 dBm, None where it cannot be one."""
    if power is None or not DARKEST <= power <= BRIGHTEST or round(power, 2) == 0:
        return None
    return round(power, 2)


def from_milliwatts(milliwatts: float | None) -> float | None:
    return dbm(10 * math.log10(milliwatts)) if milliwatts is not None and milliwatts > 0 else None


def written(value: Value) -> tuple[float, str] | None:
    """Number and unit, the latter in small letters and empty where the text has none."""
    found = WRITTEN.fullmatch(text(value) or "")
    return (float(found["number"]), (found["unit"] or "").lower()) if found else None


def parts(divisor: int) -> Unit:
    """An INTEGER of 1/`divisor` dBm. -1 is "invalid" with several vendors."""

    def unit(value: Value) -> float | None:
        raw = number(value)
        return dbm(raw / divisor) if raw is not None and raw != -1 else None

    return unit


def text_dbm(value: Value) -> float | None:
    """dBm, unless the text names another unit."""
    return _of_text(value, "dbm")


def text_milliwatts(value: Value) -> float | None:
    """mW, unless the text names another unit."""
    return _of_text(value, "mw")


def _of_text(value: Value, usual: str) -> float | None:
    match written(value):
        case None:
            return None
        case power, unit:
            match unit or usual:
                case "dbm":
                    return dbm(power)
                case "mw":
                    return from_milliwatts(power)
                case "uw":
                    return from_milliwatts(power / 1000)
    return None


def tenths_of_microwatt(value: Value) -> float | None:
    raw = number(value)
    return from_milliwatts(raw / 10_000) if raw is not None else None


def microwatts(value: Value) -> float | None:
    raw = number(value)
    return from_milliwatts(raw / 1000) if raw is not None else None


def zte_onu(value: Value) -> float | None:
    """Signed 16 bits in an unsigned field, in steps of 0.002 dB above -30 dBm; all ones are "none"."""
    raw = number(value)
    if raw is None or not 0 < raw < ALL_ONES:
        return None
    return dbm((raw - ALL_ONES - 1 if raw > ALL_ONES // 2 else raw) * 0.002 - 30)


def signed(in_dbm: Unit, in_watts: Unit) -> Callable[[Iterable[Value]], Unit]:
    """For tables that hold dBm on some models and watts on others.

    Watts are never negative, so one sound negative power in the whole table says dBm.
    """

    def choose(column: Iterable[Value]) -> Unit:
        return in_dbm if any((in_dbm(value) or 0) < 0 for value in column) else in_watts

    return choose


def plausible_celsius(degrees: float | None) -> float | None:
    """0 is what cages without a module publish."""
    if degrees is None or not COLDEST <= degrees <= HOTTEST or degrees == 0:
        return None
    return round(degrees, 1)


def celsius(value: Value, divisor: int) -> float | None:
    """Degrees from an INTEGER of 1/`divisor`, or a text."""
    raw = number(value)
    known = written(value)
    return plausible_celsius(raw / divisor if raw is not None else known[0] if known else None)
