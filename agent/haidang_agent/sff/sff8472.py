"""SFP, SFP+, SFP28: SFF-8472 revision 12.3, and SFF-8079 (INF-8074) modules without diagnostics.

As ethtool gives it: address A0h in bytes 0 to 255, and A2h behind it where the module has one. Offsets are those of
table 4-1 (A0h), 9-5 (thresholds), 9-6 (external calibration), 9-11 (values, status) and 9-12 (flags).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace

from haidang_agent.sff import codes, fields
from haidang_agent.sff.calibration import Calibration
from haidang_agent.sff.medium import Claims, judge
from haidang_agent.sff.module import NOT_SET, QUANTITIES, Lane, Limits, Module, Quantity

A2H = 256
NEEDED_OF_A2H = 120
LIVE, LIVE_END = 96, 106

DIAGNOSTICS, EXTERNAL, AVERAGE, ADDRESS_CHANGE = 0x40, 0x10, 0x08, 0x04
"""Byte 92 of A0h, table 8-5."""
HAS_FLAGS, WATCHES_TX_DISABLE, WATCHES_TX_FAULT, WATCHES_LOS = 0x80, 0x40, 0x20, 0x10
"""Byte 93 of A0h, table 8-6."""
NOT_READY = 0x01
STATUS = (
    (WATCHES_TX_DISABLE, 0x80, "tx_disabled"),
    (WATCHES_TX_FAULT, 0x04, "tx_fault"),
    (WATCHES_LOS, 0x02, "rx_los"),
)
"""Byte 110 of A2h: implemented if (byte 93), set if, name."""
OPTICAL = ("bias", "tx_power", "rx_power")


@dataclass(frozen=True, slots=True)
class Diagnostics:
    """What A2h says of an optical module, or of a copper one that watches its temperature."""

    page: bytes
    calibration: Calibration
    flags_by: int
    optical: bool
    problems: list[str]


def decode(eeprom: bytes) -> Module:
    """`eeprom` has 128 bytes at least. Powers stay None in a module that is, or may be, copper."""
    problems: list[str] = []
    sound = fields.check(eeprom, 0, 63, "CC_BASE (identification)", problems)
    fields.check(eeprom, 64, 95, "CC_EXT (options)", problems)
    part = fields.text(eeprom[40:56], "part number", problems)
    reach = _reach_metres(eeprom)
    cable = eeprom[8] & 0x0C  # bytes 60 and 61 are then no wavelength, table 4-1
    wavelength = 0 if cable else int.from_bytes(eeprom[60:62], "big")
    claimed, contradiction = judge(_claims(eeprom, wavelength, reach, part))
    if contradiction:
        problems.append(contradiction)
    medium = claimed if sound else "unknown"
    module = Module(
        kind="SFF-8079",
        identifier=codes.identifier_name(eeprom[0]),
        connector=codes.connector_name(eeprom[2]),
        vendor=fields.text(eeprom[20:36], "vendor name", problems),
        oui=fields.oui(eeprom[37:40]),
        part=part,
        revision=fields.text(eeprom[56:60], "revision", problems),
        wavelength_nm=float(wavelength) if wavelength and medium == "fibre" else None,
        reach_metres=reach if reach and medium == "fibre" else None,
        medium=medium,
    )
    if eeprom[92] & DIAGNOSTICS:
        optical = claimed != "copper" and not contradiction
        module = _with_diagnostics(module, eeprom, optical=optical, problems=problems)
    return replace(module, problems=tuple(problems))


def _reach_metres(a0: bytes) -> int:
    """The longest of the reaches over fibre: bytes 14 to 17 and 19; 0 for none."""
    return max(a0[14] * 1000, a0[15] * 100, a0[16] * 10, a0[17] * 10, a0[19] * 10)


def _claims(a0: bytes, wavelength: int, reach: int, part: str | None) -> Claims:
    """Table 5-3: byte 6 bit 3 is 1000BASE-T, bit 2 1000BASE-CX; byte 8 bit 2 a passive cable. Byte 36: SFF-8024."""
    copper = bool(a0[6] & 0x0C or a0[8] & 0x04) or a0[36] in codes.COPPER_COMPLIANCE
    return Claims(a0[2], copper, a0[36] in codes.OPTICAL_COMPLIANCE, wavelength, reach, part)


def _with_diagnostics(module: Module, eeprom: bytes, *, optical: bool, problems: list[str]) -> Module:
    page = eeprom[A2H:]
    if len(page) < NEEDED_OF_A2H:
        moved = " (needs an address change)" if eeprom[92] & ADDRESS_CHANGE else ""
        problems.append(f"diagnostics announced, but page A2h was not read{moved}")
        return module
    if not page[:LIVE_END].strip(b"\x00") or not page[:NEEDED_OF_A2H].strip(b"\xff"):
        problems.append("diagnostics announced, but page A2h is blank")
        return module
    fields.check(page, 0, 95, "CC_DMI (thresholds, calibration)", problems)
    calibration = Calibration.read(page) if eeprom[92] & EXTERNAL else Calibration()
    diagnostics = Diagnostics(page, calibration, eeprom[93], optical, problems)
    limits = _limits(diagnostics)
    module = replace(
        module,
        kind="SFF-8472",
        limits=limits,
        alarms=_alarms(diagnostics),
        rx_power_type=("average" if eeprom[92] & AVERAGE else "OMA") if optical else None,
        rx_low_dbm=limits["rx_power"].low_alarm if optical else None,
    )
    if page[110] & NOT_READY:
        problems.append("diagnostics are not ready")
        return module
    return _with_values(module, diagnostics)


def _with_values(module: Module, diagnostics: Diagnostics) -> Module:
    """Bytes 96 to 105 of A2h: temperature, supply voltage, bias, tx and rx power."""
    raw = struct.unpack_from(">h4H", diagnostics.page, LIVE)
    value = {quantity: diagnostics.calibration.apply(quantity, raw[at]) for at, quantity in enumerate(QUANTITIES)}
    problems = diagnostics.problems
    temperature = fields.plausible(value["temperature"], fields.COLDEST, fields.HOTTEST, "temperature", problems)
    voltage = fields.plausible(value["voltage"], fields.SMALLEST_VOLTAGE, fields.LARGEST_VOLTAGE, "voltage", problems)
    module = replace(module, temperature_celsius=temperature, voltage=voltage)
    if not diagnostics.optical:
        return module
    rx = fields.light(value["rx_power"], "rx", problems)
    tx = fields.light(value["tx_power"], "tx", problems)
    bias = fields.plausible(value["bias"], 0.0, fields.LARGEST_BIAS_MA, "bias", problems)
    return replace(module, rx_dbm=rx, tx_dbm=tx, bias_ma=bias, lanes=(Lane(rx, tx, bias),))


def _limits(diagnostics: Diagnostics) -> dict[Quantity, Limits]:
    """Bytes 0 to 39 of A2h, four for each quantity; with external calibration they are raw values, as the live ones."""
    found: dict[Quantity, Limits] = {}
    for at, quantity in enumerate(QUANTITIES):
        if quantity in OPTICAL and not diagnostics.optical:
            continue
        raws = struct.unpack_from(">4h" if quantity == "temperature" else ">4H", diagnostics.page, at * 8)
        limits = Limits(*(_limit(diagnostics.calibration, quantity, raw) for raw in raws))
        found[quantity] = limits if len(set(raws)) > 1 else NOT_SET
    return found


def _limit(calibration: Calibration, quantity: Quantity, raw: int) -> float | None:
    """None where not set: 0 and FFFFh for a power, which both no module could ever cross."""
    value = calibration.apply(quantity, raw)
    if quantity in {"tx_power", "rx_power"}:
        return None if raw in {0, 0xFFFF} else fields.dbm(value)
    return round(value, 3) if abs(value) < fields.HIGHEST else None


def _alarms(diagnostics: Diagnostics) -> tuple[str, ...]:
    """Bytes 112 and 113 (alarms), 116 and 117 (warnings): high and low for each quantity from the top bit down."""
    found = [name for watched, bit, name in STATUS if diagnostics.flags_by & watched and diagnostics.page[110] & bit]
    if diagnostics.flags_by & HAS_FLAGS:
        for place, word in ((112, "alarm"), (116, "warning")):
            bits = int.from_bytes(diagnostics.page[place : place + 2], "big")
            names = (f"{quantity}_{side}_{word}" for quantity in QUANTITIES for side in ("high", "low"))
            found += [name for at, name in enumerate(names) if bits & 0x8000 >> at]
    return tuple(name for name in found if diagnostics.optical or not name.startswith((*OPTICAL, "tx", "rx")))
