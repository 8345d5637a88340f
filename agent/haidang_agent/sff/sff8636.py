"""QSFP+ and QSFP28: SFF-8636 revision 2.10a (and its predecessor SFF-8436), four lanes.

As ethtool gives it: the lower page (0 to 127), then the upper pages 00h, 01h, 02h and 03h of 128 bytes each, or 00h
alone. Offsets are those of table 6-2 (lower page), 6-14 (page 00h) and of page 03h's; upper pages count from 128.
"""

from __future__ import annotations

import struct
from dataclasses import replace

from haidang_agent.sff import codes, fields
from haidang_agent.sff.medium import Claims, judge
from haidang_agent.sff.module import NOT_SET, Lane, Limits, Module, Quantity

LANES = 4
BOTH_PAGES = 256
PAGE_03H = 512 - 128
"""What to add to an offset of page 03h."""
WHOLE = 640
NOT_READY, FLAT = 0x01, 0x04
"""Byte 2: values not there yet; no other pages than 00h."""
AVERAGE, WATCHES_TX_POWER = 0x08, 0x04
"""Byte 220: kind of received power; transmitted power measured."""
FIRST_COPPER_TECHNOLOGY = 0xA
"""Byte 147, upper half, table 6-18: from here on no laser but cables."""
LANE_FLAGS: tuple[tuple[int, Quantity], ...] = ((9, "rx_power"), (11, "bias"), (13, "tx_power"))
SIDES = ("high_alarm", "low_alarm", "high_warning", "low_warning")
LANE_STATES = ((3, 0x01, "rx_los"), (3, 0x10, "tx_los"), (4, 0x01, "tx_fault"))
"""Place, bit of the first lane, name."""
THRESHOLDS: tuple[tuple[int, Quantity, str], ...] = (
    (128, "temperature", ">4h"),
    (144, "voltage", ">4H"),
    (176, "rx_power", ">4H"),
    (184, "bias", ">4H"),
    (192, "tx_power", ">4H"),
)
UNITS: dict[Quantity, float] = {"temperature": 1 / 256, "voltage": 1e-4, "bias": 2e-3}


def decode(eeprom: bytes) -> Module:
    """`eeprom` has 128 bytes at least; without page 00h only the identifier is known."""
    identifier = codes.identifier_name(eeprom[0])
    if len(eeprom) < BOTH_PAGES:
        return Module("SFF-8636", identifier, problems=("page 00h was not read",))
    problems: list[str] = []
    sound = fields.check(eeprom, 128, 191, "CC_BASE (identification)", problems)
    fields.check(eeprom, 192, 223, "CC_EXT (options)", problems)
    part = fields.text(eeprom[168:184], "part number", problems)
    claims = _claims(eeprom, part)
    claimed, contradiction = judge(claims)
    if contradiction:
        problems.append(contradiction)
    medium = claimed if sound else "unknown"
    module = Module(
        kind="SFF-8636",
        identifier=identifier,
        connector=codes.connector_name(eeprom[130]),
        vendor=fields.text(eeprom[148:164], "vendor name", problems),
        oui=fields.oui(eeprom[165:168]),
        part=part,
        revision=fields.text(eeprom[184:186], "revision", problems),
        wavelength_nm=(claims.wavelength_nm or None) if medium == "fibre" else None,
        reach_metres=(claims.reach_metres or None) if medium == "fibre" else None,
        medium=medium,
    )
    if claimed == "fibre":
        module = _with_diagnostics(module, eeprom, problems)
    return replace(module, problems=tuple(problems))


def _claims(eeprom: bytes, part: str | None) -> Claims:
    """Byte 147: copper from Ah on; 131 bit 3: 40GBASE-CR4; 134 bits 3 and 2: 1000BASE-T, 1000BASE-CX; 192: SFF-8024.

    Reach: byte 142 in km, 143 and 146 in 2 m, 144 and 145 in 1 m. Wavelength: bytes 186 and 187 in 1/20 nm.
    """
    copper = eeprom[147] >> 4 >= FIRST_COPPER_TECHNOLOGY or bool(eeprom[131] & 0x08 or eeprom[134] & 0x0C)
    copper = copper or eeprom[192] in codes.COPPER_COMPLIANCE
    reach = max(eeprom[142] * 1000, eeprom[143] * 2, eeprom[144], eeprom[145], eeprom[146] * 2)
    wavelength = int.from_bytes(eeprom[186:188], "big") / 20
    return Claims(eeprom[130], copper, eeprom[192] in codes.OPTICAL_COMPLIANCE, wavelength, reach, part)


def _with_diagnostics(module: Module, eeprom: bytes, problems: list[str]) -> Module:
    limits = _limits(eeprom, problems)
    module = replace(
        module,
        limits=limits,
        rx_low_dbm=limits["rx_power"].low_alarm if limits else None,
        rx_power_type="average" if eeprom[220] & AVERAGE else "OMA",
    )
    if eeprom[2] & NOT_READY:
        problems.append("diagnostics are not ready")
        return module
    if not any(eeprom[22:58]):
        problems.append("diagnostics are blank")
        return module
    (temperature,) = struct.unpack_from(">h", eeprom, 22)
    (voltage,) = struct.unpack_from(">H", eeprom, 26)
    lanes = _lanes(eeprom, problems)
    return replace(
        module,
        temperature_celsius=fields.plausible(
            temperature * UNITS["temperature"], fields.COLDEST, fields.HOTTEST, "temperature", problems
        ),
        voltage=fields.plausible(
            voltage * UNITS["voltage"], fields.SMALLEST_VOLTAGE, fields.LARGEST_VOLTAGE, "voltage", problems
        ),
        rx_dbm=fields.weakest([lane.rx_dbm for lane in lanes]),
        tx_dbm=fields.weakest([lane.tx_dbm for lane in lanes]),
        bias_ma=max(lane.bias_ma for lane in lanes if lane.bias_ma is not None),
        lanes=lanes,
        alarms=_alarms(eeprom),
    )


def _lanes(eeprom: bytes, problems: list[str]) -> tuple[Lane, ...]:
    """Bytes 34 on: received power of four lanes, their bias, their transmitted power (byte 220 says if measured)."""
    rx, bias, tx = (struct.unpack_from(">4H", eeprom, place) for place in (34, 42, 50))
    measures_tx = bool(eeprom[220] & WATCHES_TX_POWER)
    return tuple(
        Lane(
            rx_dbm=fields.light(rx[lane], f"rx of lane {lane + 1}", problems),
            tx_dbm=fields.light(tx[lane], f"tx of lane {lane + 1}", problems) if measures_tx else None,
            bias_ma=round(bias[lane] * UNITS["bias"], 3),
        )
        for lane in range(LANES)
    )


def _limits(eeprom: bytes, problems: list[str]) -> dict[Quantity, Limits]:
    """Page 03h; empty where the module has none or it was not read."""
    if eeprom[2] & FLAT:
        return {}
    if len(eeprom) < WHOLE:
        problems.append("page 03h (thresholds) was not read")
        return {}
    found: dict[Quantity, Limits] = {}
    for place, quantity, layout in THRESHOLDS:
        raws = struct.unpack_from(layout, eeprom, PAGE_03H + place)
        found[quantity] = Limits(*(_limit(quantity, raw) for raw in raws)) if len(set(raws)) > 1 else NOT_SET
    return found


def _limit(quantity: Quantity, raw: int) -> float | None:
    """None where not set: 0 and FFFFh for a power."""
    if quantity in UNITS:
        return round(raw * UNITS[quantity], 3)
    return None if raw == 0xFFFF else fields.dbm(raw)  # noqa: PLR2004 - all ones


def _alarms(eeprom: bytes) -> tuple[str, ...]:
    """Bytes 3 and 4 (lost signal, fault), 6 and 7 (temperature, voltage), 9 to 14 (four flags a lane, lane 1 first)."""
    found = [
        f"{name}_lane{lane + 1}"
        for place, bit, name in LANE_STATES
        for lane in range(LANES)
        if eeprom[place] & bit << lane
    ]
    for place, quantity in ((6, "temperature"), (7, "voltage")):
        found += [f"{quantity}_{side}" for at, side in enumerate(SIDES) if eeprom[place] & 0x80 >> at]
    for place, quantity in LANE_FLAGS:
        flags = int.from_bytes(eeprom[place : place + 2], "big")
        found += [
            f"{quantity}_{side}_lane{lane + 1}"
            for lane in range(LANES)
            for at, side in enumerate(SIDES)
            if flags & 0x8000 >> (lane * len(SIDES) + at)
        ]
    return tuple(found)
