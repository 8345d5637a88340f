"""Windows: what psutil and `arp -a` tell. No ICMP datagram sockets and no raw frames without a driver."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import psutil

from haidang_agent.platform import neighbours
from haidang_agent.platform.machine_id import Smbios, is_burnt_in, parse_smbios
from haidang_agent.platform.mount import Mount

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterable
    from pathlib import Path

    from haidang_agent.platform.icmp import Pinger

VIRTUAL_INTERFACES = (
    "Loopback", "Teredo", "Tailscale", "VMware", "VirtualBox", "ZeroTier", "isatap", "vEthernet (Default Switch)",
    "vEthernet (WSL",
)  # fmt: skip
"""Beginnings of names. An external virtual switch is none of them: the machine's own address sits on it."""

RAW_SMBIOS = int.from_bytes(b"RSMB")
"""The provider that GetSystemFirmwareTable is asked for; anybody may."""
RAW_HEAD = struct.Struct("<xBBxI")
"""RawSMBIOSData: calling method, major and minor version, revision, length of the table that follows."""

DRIVE = re.compile(r"[A-Z]:\\?")
MAC_LENGTH = len("aa-bb-cc-dd-ee-ff")


def pinger(family: socket.AddressFamily) -> Pinger | None:
    """None: Windows has no datagram ICMP."""
    del family
    return None


def send_from(own: IPv4Address, out: socket.socket, datagram: bytes, to: tuple[str, int]) -> None:
    """Under the address of the best route, which may be another of the machine's: Python has no WSASendMsg."""
    del own
    out.sendto(datagram, to)


def neighbour_table(proc: Path, interface: str) -> dict[str, str]:
    """MAC by address of the neighbours of all interfaces. Raises OSError."""
    del proc, interface
    try:
        listing = subprocess.run(["arp", "-a"], check=True, stdout=subprocess.PIPE)  # noqa: S607 - in System32
    except subprocess.CalledProcessError as failed:
        raise OSError(str(failed)) from failed
    return neighbours.parse_windows(listing.stdout.decode("oem", errors="replace"))


def default_gateways(proc: Path) -> list[tuple[str, IPv4Address]]:
    """Interface and router of each default route, the lowest metric first. Raises OSError."""
    del proc
    try:
        listing = subprocess.run(["route", "print", "-4", "0.0.0.0"], check=True, stdout=subprocess.PIPE)  # noqa: S607 - in System32
    except subprocess.CalledProcessError as failed:
        raise OSError(str(failed)) from failed
    routes = parse_default_routes(listing.stdout.decode("oem", errors="replace"))
    holders = {each.address: name for name, held in psutil.net_if_addrs().items() for each in held}
    return [(holders[str(own)], router) for router, own in routes if str(own) in holders]


def parse_default_routes(listing: str) -> list[tuple[IPv4Address, IPv4Address]]:
    """`route print`: rows of destination, mask, gateway, own address, metric; headings differ by display language."""
    rows = (line.split() for line in listing.splitlines())
    found = [
        (int(row[4]), IPv4Address(row[2]), IPv4Address(row[3]))
        for row in rows
        if len(row) == 5 and row[:2] == ["0.0.0.0", "0.0.0.0"] and row[2].count(".") == 3 and row[4].isdigit()  # noqa: PLR2004
    ]
    return [(router, own) for _, router, own in sorted(found)]


def memory(proc: Path) -> dict[str, float]:
    """In bytes, by the words of Linux; there are no figures for buffers and cache."""
    del proc
    ram, swap = psutil.virtual_memory(), psutil.swap_memory()
    return {
        "MemTotal": ram.total,
        "MemAvailable": ram.available,
        "MemFree": ram.free,
        "SwapTotal": swap.total,
        "SwapFree": swap.free,
    }


def processor(times: Any) -> dict[str, float]:
    """Seconds by mode: "interrupt" and "dpc" are Linux's "irq" and "softirq", which its "system" does not contain."""
    irq, softirq = times.interrupt, times.dpc
    system = max(0.0, times.system - irq - softirq)
    return {"user": times.user, "system": system, "idle": times.idle, "irq": irq, "softirq": softirq}


def load() -> tuple[float, ...]:
    """Windows has none."""
    return ()


def is_disk(name: str) -> bool:
    return name.startswith("PhysicalDrive")


def network_devices(names: Iterable[str]) -> dict[str, str]:
    """Devices worth a series, by their own names."""
    return {name: name for name in names if not name.startswith(VIRTUAL_INTERFACES)}


def link_up(sys: Path, device: str) -> bool | None:
    """ifOperStatus; None for a device that is gone."""
    del sys
    state = psutil.net_if_stats().get(device)
    return None if state is None else bool(state.isup)


def mounts() -> Iterable[Mount]:
    """Fixed drives with a letter: not the removable, not the network's, not those mounted into a user's folder."""
    for part in psutil.disk_partitions(all=False):
        options = part.opts.split(",")
        if "fixed" in options and DRIVE.fullmatch(part.mountpoint):
            letter = part.mountpoint[:2]
            yield Mount(part.mountpoint, letter, part.fstype, letter, "ro" in options)


def smbios(sys: Path) -> Smbios:
    """All of it, for any user."""
    del sys
    return parse_raw_smbios(_firmware_table())


def parse_raw_smbios(raw: bytes) -> Smbios:
    """RawSMBIOSData; all absent where it is cut off."""
    if len(raw) < RAW_HEAD.size:
        return Smbios()
    major, minor, length = RAW_HEAD.unpack_from(raw)
    return parse_smbios(raw[RAW_HEAD.size : RAW_HEAD.size + length], (major, minor))


def burnt_in_addresses(sys: Path) -> list[str]:
    """MAC addresses of network cards, as far as their names tell which are cards; randomised ones are left out."""
    del sys
    macs = {
        each.address.replace("-", ":").lower()
        for name, held in psutil.net_if_addrs().items()
        if not name.startswith(VIRTUAL_INTERFACES)
        for each in held
        if each.family == psutil.AF_LINK and len(each.address) == MAC_LENGTH
    }
    return sorted(filter(is_burnt_in, macs))


def _firmware_table() -> bytes:
    """Empty where there is none."""
    if sys.platform != "win32":
        return b""
    import ctypes  # noqa: PLC0415 - 1 MiB

    ask = ctypes.WinDLL("kernel32").GetSystemFirmwareTable
    table = ctypes.create_string_buffer(ask(RAW_SMBIOS, 0, None, 0))
    return table.raw[: ask(RAW_SMBIOS, 0, table, len(table))]
