"""Addresses and segments as people write them."""

from __future__ import annotations

from ipaddress import ip_address

from haidang_agent.i18n import N_

MANY = N_("many")
"""Where there is nobody in particular."""


def mac_text(mac: bytes) -> str:
    """Lower-case with colons; empty where there is none."""
    return mac.hex(":")


def ip_text(address: bytes) -> str:
    """IPv4 of 4 bytes or IPv6 of 16; empty where there is none."""
    return str(ip_address(address)) if address else ""


def place(segment: tuple[int, ...]) -> dict[str, str]:
    """The VLAN tags, outermost first, of a segment that has any. The interface is negligible: one file, one place."""
    tags = [str(tag) for tag in segment[1:] if tag >= 0]
    return {"vlan": ".".join(tags)} if tags else {}
