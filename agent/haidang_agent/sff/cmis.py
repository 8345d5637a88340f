"""QSFP-DD, OSFP and newer modules: CMIS (OIF, revision 5.0). Identified; optical power is not decoded, and said so.

Their monitors lie on banked pages that the ethtool ioctl does not give. From the lower page: temperature and voltage
(bytes 14 to 17) and media type (85); from page 00h: vendor (129), OUI (145), part (148), revision (164), connector
(203), checksum (222).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from haidang_agent.sff import codes, fields
from haidang_agent.sff.module import Module

if TYPE_CHECKING:
    from haidang_agent.sff.module import Medium

MEDIA: dict[int, Medium] = {0x01: "fibre", 0x02: "fibre", 0x03: "copper", 0x05: "copper"}
"""Multi-mode, single-mode, passive copper, BASE-T; 04h, an active cable, may be either."""
BOTH_PAGES = 256


def decode(eeprom: bytes) -> Module:
    """`eeprom` has 128 bytes at least; without page 00h only identifier and medium are known."""
    identifier, medium = codes.identifier_name(eeprom[0]), MEDIA.get(eeprom[85], "unknown")
    problems = ["optical power is not decoded from CMIS modules"]
    if len(eeprom) < BOTH_PAGES:
        return Module("CMIS", identifier, medium=medium, problems=(*problems, "page 00h was not read"))
    fields.check(eeprom, 128, 222, "of page 00h (identification)", problems)
    temperature, voltage = struct.unpack_from(">hH", eeprom, 14)
    return Module(
        kind="CMIS",
        identifier=identifier,
        connector=codes.connector_name(eeprom[203]),
        vendor=fields.text(eeprom[129:145], "vendor name", problems),
        oui=fields.oui(eeprom[145:148]),
        part=fields.text(eeprom[148:164], "part number", problems),
        revision=fields.text(eeprom[164:166], "revision", problems),
        medium=medium,
        temperature_celsius=fields.plausible(
            temperature / 256, fields.COLDEST, fields.HOTTEST, "temperature", problems
        ),
        voltage=fields.plausible(voltage * 1e-4, fields.SMALLEST_VOLTAGE, fields.LARGEST_VOLTAGE, "voltage", problems),
        problems=tuple(problems),
    )
