"""What an optical module's EEPROM says: `decode` takes the bytes that the kernel's ethtool interface gives.

The layout follows from the identifier in byte 0 (SFF-8024 revision 4.11, table 4-1): SFP and SFP+ are SFF-8472
(`sff8472`), QSFP+ and QSFP28 are SFF-8636 (`sff8636`), QSFP-DD and its kin are CMIS (`cmis`). Nothing here does I/O.

The serial number is never decoded: it is nobody's business outside the school.
"""

from __future__ import annotations

from haidang_agent.sff import cmis, sff8472, sff8636
from haidang_agent.sff.codes import identifier_name
from haidang_agent.sff.module import Lane, Limits, Module

__all__ = ["Lane", "Limits", "Module", "decode"]

SHORTEST = 128
"""Bytes below which nothing is known: A0h's standard fields, or the lower page."""
BLANK = 64
LAYOUTS = {
    **dict.fromkeys((0x01, 0x02, 0x03, 0x0B), sff8472.decode),  # GBIC, soldered in, SFP, DWDM-SFP
    **dict.fromkeys((0x0C, 0x0D, 0x11), sff8636.decode),  # QSFP, QSFP+, QSFP28
    **dict.fromkeys((0x18, 0x19, 0x1E, 0x1F, 0x20), cmis.decode),  # QSFP-DD, OSFP, QSFP, SFP-DD and SFP+ with CMIS
}


def decode(eeprom: bytes) -> Module | None:
    """None where there is no module: no bytes, or nothing but 00h or FFh, as empty cages give.

    Never raises: what the bytes do not tell is None, what they tell wrongly stands in `problems`.
    """
    if not eeprom[:BLANK].strip(b"\x00") or not eeprom[:BLANK].strip(b"\xff"):
        return None
    name = identifier_name(eeprom[0])
    if len(eeprom) < SHORTEST:
        return Module(
            "unknown", name, problems=(f"only {len(eeprom)} bytes of EEPROM, at least {SHORTEST} are needed",)
        )
    if (layout := LAYOUTS.get(eeprom[0])) is None:
        return Module("unknown", name, problems=(f"identifier {eeprom[0]:02X}h ({name}) is not decoded",))
    return layout(eeprom)
