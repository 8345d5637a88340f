"""From an SFP's raw A/D values to units: SFF-8472 revision 12.3, table 9-6.

Internally calibrated modules give 1/256 °C, 100 µV, 2 µA and 0.1 µW. Externally calibrated ones give raw values and
the constants to get there: a slope (unsigned, 8.8 fixed point) and an offset (signed) each, and for received power a
polynomial of the fourth degree in IEEE 754 single floats.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from haidang_agent.sff.module import Quantity

CONSTANTS = struct.Struct(">5f HhHhHhHh")
PLACE = 56
UNITS: Mapping[Quantity, float] = {
    "temperature": 1 / 256,
    "voltage": 1e-4,
    "bias": 2e-3,
    "tx_power": 1.0,
    "rx_power": 1.0,
}
"""Degrees Celsius, volts, milliamperes; powers stay in steps of 0.1 µW."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """Without arguments that of an internally calibrated module, which changes nothing."""

    rx_power: tuple[float, ...] = (0.0, 0.0, 0.0, 1.0, 0.0)
    """Rx_PWR(4) down to Rx_PWR(0), the constant."""
    lines: Mapping[Quantity, tuple[float, float]] = field(default_factory=dict)
    """Slope and offset."""

    @classmethod
    def read(cls, a2: bytes) -> Calibration:
        """Bytes 56 to 91 of A2h: Rx_PWR(4..0), then slope and offset of bias, tx power, temperature and voltage."""
        constants = CONSTANTS.unpack_from(a2, PLACE)
        order: tuple[Quantity, ...] = ("bias", "tx_power", "temperature", "voltage")
        lines = {name: (constants[5 + 2 * at] / 256, float(constants[6 + 2 * at])) for at, name in enumerate(order)}
        return cls(constants[:5], lines)

    def apply(self, quantity: Quantity, raw: int) -> float:
        """The value in its unit (powers in 0.1 µW); anything, not a number too, where the constants make no sense."""
        if quantity == "rx_power":
            value = 0.0
            for factor in self.rx_power:
                value = value * raw + factor
            return value
        slope, offset = self.lines.get(quantity, (1.0, 0.0))
        return (slope * raw + offset) * UNITS[quantity]
