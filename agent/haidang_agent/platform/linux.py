"""Linux: /proc, /sys, unprivileged ICMP sockets and packet sockets."""

from __future__ import annotations

import errno
import os
import re
import socket
import struct
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from haidang_agent.platform import neighbours
from haidang_agent.platform.icmp import Pinger
from haidang_agent.platform.machine_id import Smbios, is_burnt_in
from haidang_agent.platform.mount import Mount

if TYPE_CHECKING:
    from collections.abc import Iterable

VIRTUAL_INTERFACES = (
    "br-", "cali", "cni", "docker", "flannel", "kube", "lxcbr", "lxdbr", "podman", "tailscale", "tap", "tun", "vboxnet",
    "veth", "virbr", "vmnet", "wg", "zt",
)  # fmt: skip
"""Beginnings of names that containers, virtual machines and tunnels give to their interfaces."""

CPU_MODES = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
NO_DISK = re.compile(r"z?ram\d+|loop\d+|fd\d+|(h|s|v|xv)d[a-z]+\d+|nvme\d+n\d+p\d+|mmcblk\d+(p|boot)\d+")
"""node_exporter's --collector.diskstats.device-exclude, and partitions of the disks that it does not know."""
NAMED_BY_MAC = re.compile(r"((?:en|wl|ww)x)[0-9a-f]{12}")

ETHERNET = "1"
"""ARPHRD_ETHER of linux/if_arp.h; Wi-Fi as well."""
PERMANENT = "0"
"""NET_ADDR_PERM of linux/netdevice.h: the card's own address, neither random nor set by anybody."""
EVERYWHERE = "00000000"
RTF_UP, RTF_GATEWAY = 1, 2

READ_ONLY_IMAGES = frozenset({"squashfs", "iso9660", "udf"})
NAMES_NOBODY = frozenset(
    {"/", "/boot", "/boot/efi", "/boot/firmware", "/efi", "/home", "/opt", "/srv", "/usr", "/usr/local", "/var"}
    | {f"/var/{folder}" for folder in ("cache", "lib", "log", "mail", "spool", "tmp", "www")}
)
LEFT_OUT = re.compile(r"/(dev|proc|run|sys|mnt|media|home|root|snap|var/lib/(docker|containers))/")
IP_PKTINFO = 8
"""linux/in.h; no name of Python's before 3.14."""
PKTINFO = struct.Struct("@i4s4x")
"""struct in_pktinfo (ip(7)): index of the interface, 0 for any; the address to send from; another for receiving."""
NO_ICMP = frozenset({errno.EACCES, errno.EPERM, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT})


def pinger(family: socket.AddressFamily) -> Pinger | None:
    """None where the system grants no ICMP socket (net.ipv4.ping_group_range) or has no such protocol."""
    try:
        return Pinger(family)
    except OSError as refused:
        if refused.errno in NO_ICMP:
            return None
        raise


def send_from(own: IPv4Address, out: socket.socket, datagram: bytes, to: tuple[str, int]) -> None:
    """By a socket bound to no address, under this one of the machine's several. Raises OSError."""
    out.sendmsg([datagram], [(socket.IPPROTO_IP, IP_PKTINFO, PKTINFO.pack(0, own.packed))], 0, to)


def neighbour_table(proc: Path, interface: str) -> dict[str, str]:
    """MAC by address of the neighbours that answered the system on `interface`. Raises OSError."""
    return neighbours.parse_linux((proc / "net" / "arp").read_text(), interface)


def default_gateways(proc: Path) -> list[tuple[str, IPv4Address]]:
    """Interface and router of each default route, the lowest metric first (/proc/net/route, proc(5))."""
    rows = (line.split() for line in (proc / "net" / "route").read_text().splitlines()[1:])
    found = [
        (int(row[6]), row[0], int(row[2], 16))
        for row in rows
        if row[1] == row[7] == EVERYWHERE and int(row[3], 16) & (RTF_UP | RTF_GATEWAY) == RTF_UP | RTF_GATEWAY
    ]
    return [(interface, IPv4Address(address.to_bytes(4, sys.byteorder))) for _, interface, address in sorted(found)]


def memory(proc: Path) -> dict[str, float]:
    """/proc/meminfo (proc_meminfo(5)) in bytes, by its own words. psutil's "cached" is another sum."""
    rows = (line.split() for line in (proc / "meminfo").read_text().splitlines())
    return {row[0].rstrip(":"): float(row[1]) * (1024 if row[-1] == "kB" else 1) for row in rows}


def processor(times: object) -> dict[str, float]:
    """Seconds by mode, of one of psutil's `cpu_times`."""
    return {mode: getattr(times, mode) for mode in CPU_MODES if hasattr(times, mode)}


def load() -> tuple[float, ...]:
    """Load averages of 1, 5 and 15 minutes."""
    return psutil.getloadavg()


def is_disk(name: str) -> bool:
    """Whole disks only: partitions would count their bytes twice."""
    return NO_DISK.fullmatch(name) is None


def network_devices(names: Iterable[str]) -> dict[str, str]:
    """Devices worth a series, and the names they may leave the school by.

    udev names a USB adapter after its MAC address (`enx00155d010203`): outside it is `enx0`, the second one `enx1`.
    """
    found: dict[str, str] = {}
    for name in names:
        if name == "lo" or name.startswith(VIRTUAL_INTERFACES):
            continue
        public = name
        if match := NAMED_BY_MAC.fullmatch(name):
            public = f"{match[1]}{sum(1 for other in found.values() if other.startswith(match[1]))}"
        found[name] = public
    return found


def link_up(sys: Path, device: str) -> bool | None:
    """RFC 2863 ifOperStatus; None for a device that is gone."""
    try:
        return (sys / "class" / "net" / device / "operstate").read_text().strip() == "up"
    except OSError:
        return None


def smbios(sys: Path) -> Smbios:
    """What /sys/class/dmi/id tells this user: root all of it, others none of what tells one machine from another."""
    folder = sys / "class" / "dmi" / "id"
    return Smbios(*(_read(folder / name) for name in ("product_uuid", "board_serial", "product_serial")))


def burnt_in_addresses(sys: Path) -> list[str]:
    """MAC addresses of physical Ethernet and Wi-Fi cards; one whose address somebody has set is left out."""
    folder = sys / "class" / "net"
    cards = [card for card in folder.glob("*") if (card / "device").exists()]
    own = [card for card in cards if (_read(card / "type"), _read(card / "addr_assign_type")) == (ETHERNET, PERMANENT)]
    return sorted({mac for card in own if is_burnt_in(mac := _read(card / "address"))})


def _read(file: Path) -> str:
    """Empty where there is no such thing, or where this user may not know."""
    try:
        return file.read_text(encoding="latin-1").strip()
    except OSError:
        return ""


def mounts() -> Iterable[Mount]:
    """Local file systems on a device, each once: asking a network file system whose server is away would hang."""
    found: dict[tuple[str, ...], Mount] = {}
    systems = file_systems(Path(psutil.PROCFS_PATH, "self", "mountinfo"))
    told = set[str]()
    for part in psutil.disk_partitions(all=False):
        number, readonly = systems.get(part.mountpoint, (part.mountpoint, "ro" in part.opts.split(",")))
        mountpoint = public_mountpoint(part.mountpoint)
        if mountpoint and part.fstype not in READ_ONLY_IMAGES and number not in told:
            told.add(number)
            mount = Mount(part.mountpoint, public_device(part.device), part.fstype, mountpoint, readonly)
            found.setdefault(mount.labels, mount)
    return found.values()


def file_systems(mountinfo: Path) -> dict[str, tuple[str, bool]]:
    """By mount point: the file system's number, and whether it is itself read-only (proc(5)).

    A mount of it may be read-only alone: a service's own view is, where systemd protects the system from it.
    """
    found: dict[str, tuple[str, bool]] = {}
    try:
        lines = mountinfo.read_text(errors="replace").splitlines()
    except FileNotFoundError:  # a captured tree without it
        return found
    for line in lines:
        mount, _dash, system = line.partition(" - ")
        _id, _parent, number, _root, point, *_ = mount.split(" ")
        found[point] = number, "ro" in system.split(" ")[2].split(",")
    return found


def public_mountpoint(path: str) -> str:
    """A path of the Filesystem Hierarchy Standard as it is, other places as `other`; empty for users' and removable."""
    if path in NAMES_NOBODY:
        return path
    return "" if LEFT_OUT.match(f"{path}/") else "other"


def public_device(device: str) -> str:
    """Volume groups and ZFS datasets are named after hosts and users: `/dev/dm-0`, and the pool's name alone."""
    if not device.startswith("/dev/"):
        return device.partition("/")[0]
    real = os.path.realpath(device)
    return real if re.fullmatch(r"/dev/[^/]+", real) else "/dev/other"
