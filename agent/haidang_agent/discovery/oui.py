"""Who made a network card: the IEEE's assignments of MAC prefixes (MA-L of 24 bits, MA-M of 28, MA-S of 36).

The table is in order and looked up in place (mmap): none of it stays in memory.
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.lanwatch.protocols.redundancy import is_virtual

if TYPE_CHECKING:
    from collections.abc import Iterable

TABLE = Path(__file__).parent / "data" / "oui.txt"
LONGEST_VENDOR = 48
PREFIX_DIGITS = (9, 7, 6)
LOCAL_BIT, GROUP_BIT = 0x2, 0x1
MAC_DIGITS = 12


def is_local(mac: str) -> bool:
    """Given by the machine itself, not by a vendor (IEEE 802c): telephones and laptops draw them at random."""
    return bool(int(mac[:2], 16) & LOCAL_BIT)


def is_virtual_station(mac: str) -> bool:
    """Made for a group of routers (VRRP, HSRP) or machines, not for one."""
    return is_virtual(bytes.fromhex(mac.replace(":", "")))


def is_station(mac: str) -> bool:
    """One machine's own: six bytes, none of a group, not empty."""
    digits = mac.replace(":", "")
    if len(digits) != MAC_DIGITS or not digits.strip("0") or int(digits[:2], 16) & GROUP_BIT:
        return False
    return not is_virtual_station(mac)


def vendors(macs: Iterable[str]) -> dict[str, str]:
    """Vendor by MAC address; those without one are left out. Addresses are lower-case with colons."""
    found = {}
    with TABLE.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as table:
        known: dict[str, str | None] = {}
        for mac in macs:
            if is_local(mac):
                continue
            prefixes = [mac.replace(":", "")[:count] for count in PREFIX_DIGITS]
            for prefix in prefixes:
                if prefix not in known:
                    known[prefix] = _row(table, prefix.encode())
            vendor = next((known[prefix] for prefix in prefixes if known[prefix]), None)
            if vendor:
                found[mac] = vendor
    return found


def _row(table: mmap.mmap, prefix: bytes) -> str | None:
    """The vendor in the line that begins with `prefix` and a tab; the lines are in order, those with # before them."""
    low, high = 0, len(table)
    while low < high:
        begin = table.rfind(b"\n", 0, (low + high) // 2) + 1
        end = table.find(b"\n", begin)
        name, _, vendor = table[begin:end].partition(b"\t")
        if name == prefix:
            return vendor.decode()
        if name < prefix:
            low = end + 1
        else:
            high = begin
    return None
