"""What is made of psutil's answers on Windows. Written down from its documentation: nothing of this ran on Windows."""

from __future__ import annotations

import socket
from ipaddress import IPv4Address
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import psutil
from haidang_agent.platform import linux, windows
from hypothesis import given
from hypothesis import strategies as st


class Part(NamedTuple):
    """psutil's `sdiskpart`."""

    device: str
    mountpoint: str
    fstype: str
    opts: str


def test_it_offers_all_that_linux_offers():
    """What a probe asks of `system` must be in both."""
    asked = {
        "default_gateways",
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


def test_no_icmp_sockets():
    assert windows.pinger(socket.AF_INET) is None


ROUTE_PRINT = """
===========================================================================
Interface List
 12...00 15 5d 01 02 03 ......Intel(R) Ethernet Connection
===========================================================================

IPv4 Route Table
===========================================================================
Active Routes:
Network Destination        Netmask          Gateway       Interface  Metric
          0.0.0.0          0.0.0.0        10.20.0.1      10.20.0.11     25
          0.0.0.0          0.0.0.0      192.168.5.1     192.168.5.7      5
          0.0.0.0        128.0.0.0         On-link         10.8.0.2      3
          0.0.0.0          0.0.0.0         On-link         10.8.0.2      1
===========================================================================
Persistent Routes:
  Network Address          Netmask  Gateway Address  Metric
          0.0.0.0          0.0.0.0        10.20.0.1  Default
===========================================================================
"""
"""Written down from Microsoft's documentation of `route print`."""


def test_default_routes_by_metric_in_any_display_language():
    """Headings are translated, rows are not; routes on the link itself have no router."""
    found = windows.parse_default_routes(ROUTE_PRINT)
    translated = windows.parse_default_routes(ROUTE_PRINT.replace("Active Routes", "Các tuyến đang hoạt động"))

    assert found == translated
    assert found == [
        (IPv4Address("192.168.5.1"), IPv4Address("192.168.5.7")), (IPv4Address("10.20.0.1"), IPv4Address("10.20.0.11")),
    ]  # fmt: skip


@given(st.text(alphabet="0123456789. \nOn-link:=", max_size=200))
def test_no_listing_upsets_it(noise):
    windows.parse_default_routes(noise)
    windows.parse_default_routes("0.0.0.0 0.0.0.0 " + noise)
