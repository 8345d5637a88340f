"""Code tables of SFF-8024 (revision 4.11) and of the compliance bytes: facts of the standards, no judgement."""

from __future__ import annotations

IDENTIFIERS = {
    0x01: "GBIC",
    0x02: "soldered",
    0x03: "SFP",
    0x06: "XFP",
    0x0B: "DWDM-SFP",
    0x0C: "QSFP",
    0x0D: "QSFP+",
    0x11: "QSFP28",
    0x18: "QSFP-DD",
    0x19: "OSFP",
    0x1E: "QSFP CMIS",
    0x1F: "SFP-DD CMIS",
    0x20: "SFP+ CMIS",
}
"""Table 4-1."""

OPTICAL_CONNECTORS = {
    0x01: "SC",
    0x06: "FiberJack",
    0x07: "LC",
    0x08: "MT-RJ",
    0x09: "MU",
    0x0A: "SG",
    0x0B: "optical pigtail",
    0x0C: "MPO 1x12",
    0x0D: "MPO 2x16",
    0x24: "MXC",
    0x25: "CS",
    0x26: "SN",
    0x27: "MPO 2x12",
    0x28: "MPO 1x16",
}
COPPER_CONNECTORS = {0x20: "HSSDC II", 0x21: "copper pigtail", 0x22: "RJ45"}
CONNECTORS = {**OPTICAL_CONNECTORS, **COPPER_CONNECTORS, 0x23: "no separable connector"}
"""Table 4-3."""

COPPER_COMPLIANCE = frozenset({0x08, 0x0B, 0x0C, 0x0D, 0x16, 0x19, 0x1C, 0x1D, 0x1E})
"""Table 4-4: active copper (08h, 19h), 100GBASE-CR4, 25GBASE-CR (0Bh to 0Dh), 10G, 5G, 2.5GBASE-T (16h, 1Ch to 1Eh)."""
OPTICAL_COMPLIANCE = frozenset({0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x10, 0x11, 0x12, 0x17, 0x18, 0x1A})
"""Table 4-4: active optical cables (01h, 18h), SR4, LR4, ER4, SR10, CWDM4, PSM4, CLR4, DWDM2."""


def identifier_name(code: int) -> str:
    """Table 4-1, hexadecimal for what is not in it."""
    return IDENTIFIERS.get(code, f"{code:02X}h")


def connector_name(code: int) -> str | None:
    """Table 4-3; None for 0 (not specified), hexadecimal for what is not in it."""
    return CONNECTORS.get(code, f"{code:02X}h") if code else None
