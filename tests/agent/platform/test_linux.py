"""What Linux tells of the machine, and what of it may leave the school; from a captured tree of /proc."""

from __future__ import annotations

import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path

import psutil
import pytest
from haidang_agent.platform import linux

from tests.agent.namespaces import Namespace, addresses
from tests.lab import Node

PROC = Path(__file__).parents[1] / "probes" / "data" / "proc"


@pytest.fixture
def captured(monkeypatch):
    """A principal's laptop with a NAS, memory sticks, LVM, ZFS, snaps and Docker."""
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(PROC))


def test_memory_is_in_bytes_and_by_the_kernels_own_words():
    """Cached is the kernel's figure: psutil's own adds SReclaimable to it, node_exporter does not."""
    memory = linux.memory(PROC)

    assert memory["MemTotal"] == 8029132 * 1024
    assert memory["Cached"] == 4331220 * 1024
    assert memory["HugePages_Total"] == 4


@pytest.mark.usefixtures("captured")
def test_file_systems_leave_by_names_that_name_nobody():
    """Local ones, each once; not the network's, users', removable ones, images of programs, or containers'."""
    assert [mount[1:] for mount in linux.mounts()] == [
        ("/dev/nvme0n1p2", "ext4", "/", False),
        ("/dev/nvme0n1p1", "vfat", "/boot/efi", True),
        ("/dev/other", "ext4", "/home", False),
        ("/dev/sda1", "ext4", "/srv", False),
        ("/dev/sde1", "ext4", "other", False),
        ("rpool", "zfs", "other", False),
    ]


def test_a_volume_goes_by_the_kernels_name_for_it(tmp_path):
    """Debian's installer names the volume group after the host."""
    link = tmp_path / "TH01--HIEUTRUONG--vg-root"
    link.symlink_to("/dev/dm-0")

    assert linux.public_device("/dev/sda1") == "/dev/sda1"
    assert linux.public_device(f"/dev/../{link.relative_to('/')}") == "/dev/dm-0"


@pytest.mark.parametrize(
    ("path", "public"),
    [
        ("/", "/"), ("/home", "/home"), ("/var/log", "/var/log"), ("/home/an", ""), ("/media", ""), ("/mnt", ""),
        ("/media/an/USB", ""), ("/root", ""), ("/run/user/1000", ""), ("/var/lib/docker/x", ""), ("/rooted", "other"),
        ("/var/an", "other"), ("/data", "other"), ("/HOME/an", "other"),
    ],
)  # fmt: skip
def test_mount_points_below_a_persons_folder_stay(path, public):
    assert linux.public_mountpoint(path) == public


def test_adapters_named_after_their_mac_are_numbered():
    """udev's enx… and wlx… carry the address; loopback and what containers make is left out."""
    names = [
        "lo",
        "eth0",
        "enx00155d010203",
        "wlx7085c2910b77",
        "enx00155d010204",
        "veth1a2b",
        "docker0",
        "br-12",
        "br0",
    ]

    assert linux.network_devices(names) == {
        "eth0": "eth0",
        "enx00155d010203": "enx0",
        "wlx7085c2910b77": "wlx0",
        "enx00155d010204": "enx1",
        "br0": "br0",
    }


@pytest.mark.parametrize("disk", ["sda", "vdb", "nvme0n1", "mmcblk0", "dm-0", "md127", "sr0"])
def test_whole_disks_count(disk):
    assert linux.is_disk(disk)


@pytest.mark.parametrize("part", ["sda1", "vdb12", "nvme0n1p1", "mmcblk0p2", "mmcblk0boot0", "loop7", "ram0", "zram0"])
def test_parts_of_disks_and_memory_do_not(part):
    assert not linux.is_disk(part)


def test_a_link_is_up_down_or_gone(tmp_path):
    for device, state in (("eth0", "up"), ("eth1", "down"), ("tun0", "unknown")):
        (tmp_path / "class" / "net" / device).mkdir(parents=True)
        (tmp_path / "class" / "net" / device / "operstate").write_text(f"{state}\n")

    states = [linux.link_up(tmp_path, device) for device in ("eth0", "eth1", "tun0", "usb0")]

    assert states == [True, False, False, None]


def test_default_gateways_are_the_kernels_by_metric():
    """As `ip route` shows them; routes without a gateway, and to parts of the world, are none."""
    with Namespace() as machine:
        addresses(["10.9.0.1/28", "10.9.0.17/28"], machine)
        machine.ip("route", "add", "default", "via", "10.9.0.2", "metric", "200")
        machine.ip("route", "add", "default", "via", "10.9.0.18", "metric", "100")
        machine.ip("route", "add", "default", "dev", "lan0", "metric", "50")
        machine.ip("route", "add", "0.0.0.0/1", "via", "10.9.0.3")
        with Node(machine.name).inside():
            found = linux.default_gateways(Path("/proc/thread-self"))
        machine.ip("route", "flush", "exact", "0.0.0.0/0")
        with Node(machine.name).inside():
            none = linux.default_gateways(Path("/proc/thread-self"))

    assert found == [("lan0", IPv4Address("10.9.0.18")), ("lan0", IPv4Address("10.9.0.2"))]
    assert none == []


def test_a_service_that_may_write_nowhere_calls_no_file_system_read_only():
    """As systemd's ProtectSystem=strict shows it the system, and its own folder as a mount of its own."""
    view = 'mount --make-rprivate / && mount --bind /var/tmp /var/tmp && mount -o remount,bind,ro / && exec "$@"'
    show = "from haidang_agent.platform import linux; print([(m.path, m.readonly) for m in linux.mounts()])"
    command = ["unshare", "--mount", "sh", "-c", view, "sh", sys.executable, "-B", "-c", show]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert "('/', False)" in told
    assert "/var/tmp" not in told
