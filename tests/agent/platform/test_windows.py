"""What is made of psutil's answers on Windows. Written down from its documentation: nothing of this ran on Windows."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address, IPv4Network
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import psutil
import pytest
from haidang_agent.platform import linux, windows


class Part(NamedTuple):
    """psutil's `sdiskpart`."""

    device: str
    mountpoint: str
    fstype: str
    opts: str


def test_it_offers_all_that_linux_offers():
    """What a probe asks of `system` must be in both."""
    asked = {
        "arp_sweep",
        "is_disk",
        "link_up",
        "load",
        "memory",
        "mounts",
        "neighbour_table",
        "network_devices",
        "pinger",
    }
    asked |= {"processor", "VIRTUAL_INTERFACES"}

    assert asked <= set(vars(linux))
    assert asked <= set(vars(windows))


def test_modes_are_linuxs_and_add_up():
    """Windows counts interrupts and DPCs within its system time."""
    modes = windows.processor(SimpleNamespace(user=100.0, system=50.0, idle=850.0, interrupt=3.0, dpc=2.0))

    assert modes == {"user": 100.0, "system": 45.0, "idle": 850.0, "irq": 3.0, "softirq": 2.0}
    assert sum(modes.values()) == 1000.0


def test_only_fixed_drives_with_a_letter_are_told(monkeypatch):
    """Not a memory stick, a DVD, the school's NAS, or a disk mounted into a user's folder."""
    parts = [
        Part("C:\\", "C:\\", "NTFS", "rw,fixed"),
        Part("D:\\", "D:\\", "NTFS", "ro,fixed"),
        Part("E:\\", "E:\\", "FAT32", "rw,removable"),
        Part("F:\\", "F:\\", "", "cdrom"),
        Part("Z:\\", "Z:\\", "NTFS", "rw,remote"),
        Part("C:\\", "C:\\Users\\An\\Disk\\", "NTFS", "rw,fixed"),
    ]
    monkeypatch.setattr(psutil, "disk_partitions", lambda **_: parts)

    assert [(mount.path, *mount.labels, mount.readonly) for mount in windows.mounts()] == [
        ("C:\\", "C:", "NTFS", "C:", False),
        ("D:\\", "D:", "NTFS", "D:", True),
    ]


def test_memory_has_linuxs_words(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8, available=5, free=5))
    monkeypatch.setattr(psutil, "swap_memory", lambda: SimpleNamespace(total=4, free=3))

    assert windows.memory(Path()) == {"MemTotal": 8, "MemAvailable": 5, "MemFree": 5, "SwapTotal": 4, "SwapFree": 3}


def test_the_real_lan_behind_a_virtual_switch_is_kept():
    names = ["Ethernet", "Wi-Fi", "vEthernet (External)", "vEthernet (WSL)", "Loopback Pseudo-Interface 1"]

    assert list(windows.network_devices(names)) == ["Ethernet", "Wi-Fi", "vEthernet (External)"]


def test_neither_icmp_sockets_nor_raw_frames():
    assert windows.pinger(socket.AF_INET) is None
    with pytest.raises(PermissionError):
        windows.arp_sweep("Ethernet", IPv4Address("10.9.0.1"), IPv4Network("10.9.0.0/28"), 200)
