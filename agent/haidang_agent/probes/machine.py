"""The machine itself: processor, memory, disks, network; by node_exporter's names, so its dashboards and rules fit.

What would name a person or this machine stays here: the host name, and file systems mounted below a user's folder.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import psutil

from haidang_agent.probe import Host, Metric, Probe, Sample, Stateless

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

CPU = Metric("node_cpu_seconds_total", "Seconds the CPU spent in each mode.", ("cpu", "mode"), "counter")
LOAD = tuple(Metric(f"node_load{m}", f"{m}m load average.") for m in (1, 5, 15))
BOOT = Metric("node_boot_time_seconds", "When the machine was started, Unix time.")
UNAME = Metric("node_uname_info", "System and release; no host name.", ("machine", "release", "sysname", "version"))
FILESYSTEM = ("device", "fstype", "mountpoint")
SIZE, FREE, AVAILABLE = (
    Metric(f"node_filesystem_{kind}_bytes", f"Filesystem space: {kind}.", FILESYSTEM)
    for kind in ("size", "free", "avail")
)
READONLY = Metric("node_filesystem_readonly", "1 for a filesystem mounted read-only.", FILESYSTEM)

MEMORY = {
    "total": Metric("node_memory_MemTotal_bytes", "Memory in all."),
    "available": Metric("node_memory_MemAvailable_bytes", "Memory that programs can still get without swapping."),
    "free": Metric("node_memory_MemFree_bytes", "Memory used for nothing."),
    "buffers": Metric("node_memory_Buffers_bytes", "Memory that holds block device buffers."),
    "cached": Metric("node_memory_Cached_bytes", "Memory that holds file contents."),
}
SWAP = {
    "total": Metric("node_memory_SwapTotal_bytes", "Swap in all."),
    "free": Metric("node_memory_SwapFree_bytes", "Swap used for nothing."),
}


def _counter(name: str, text: str) -> Metric:
    return Metric(name, text, ("device",), "counter")


NETWORK = {
    "bytes_recv": _counter("node_network_receive_bytes_total", "Bytes received."),
    "bytes_sent": _counter("node_network_transmit_bytes_total", "Bytes sent."),
    "packets_recv": _counter("node_network_receive_packets_total", "Packets received."),
    "packets_sent": _counter("node_network_transmit_packets_total", "Packets sent."),
    "errin": _counter("node_network_receive_errs_total", "Errors while receiving."),
    "errout": _counter("node_network_transmit_errs_total", "Errors while sending."),
    "dropin": _counter("node_network_receive_drop_total", "Packets dropped while receiving."),
    "dropout": _counter("node_network_transmit_drop_total", "Packets dropped while sending."),
}
DISK = {
    "read_bytes": _counter("node_disk_read_bytes_total", "Bytes read."),
    "write_bytes": _counter("node_disk_written_bytes_total", "Bytes written."),
    "read_count": _counter("node_disk_reads_completed_total", "Reads done."),
    "write_count": _counter("node_disk_writes_completed_total", "Writes done."),
}
MODES = {
    "user": "user", "nice": "nice", "system": "system", "idle": "idle", "iowait": "iowait", "irq": "irq",
    "softirq": "softirq", "steal": "steal", "interrupt": "interrupt", "dpc": "dpc",
}  # fmt: skip
"""psutil's words for node_exporter's (Linux) and windows_exporter's modes."""

VIRTUAL_DEVICES = ("veth", "docker", "br-", "virbr", "cali", "flannel")
PRIVATE_MOUNTS = ("/media", "/run/media", "/mnt", "/home/", "/root/", "/run/user")
DISKS = ("sd", "hd", "vd", "xvd", "nvme", "mmcblk", "PhysicalDrive", "dm-", "md")


@dataclass(frozen=True, slots=True)
class Settings:
    """Nothing to set."""


def collect(_: Settings, host: Host) -> Iterator[Sample]:
    """One reading; a part that this system does not have is left out."""
    del host
    yield from _processor()
    yield from _memory()
    yield from _filesystems()
    yield from _by_device(
        NETWORK, psutil.net_io_counters(pernic=True), lambda name: not name.startswith(VIRTUAL_DEVICES)
    )
    yield from _by_device(DISK, psutil.disk_io_counters(perdisk=True) or {}, lambda name: name.startswith(DISKS))


def _processor() -> Iterator[Sample]:
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        for field in times._fields:
            if field in MODES:
                yield Sample(CPU, getattr(times, field), (str(number), MODES[field]))
    if hasattr(os, "getloadavg"):
        yield from (Sample(metric, value) for metric, value in zip(LOAD, os.getloadavg(), strict=True))
    yield Sample(BOOT, psutil.boot_time())
    system = platform.uname()
    yield Sample(UNAME, 1.0, (system.machine, system.release, system.system, system.version))


def _memory() -> Iterator[Sample]:
    for metrics, reading in ((MEMORY, psutil.virtual_memory()), (SWAP, psutil.swap_memory())):
        for field, metric in metrics.items():
            if hasattr(reading, field):
                yield Sample(metric, float(getattr(reading, field)))


def _filesystems() -> Iterator[Sample]:
    """Local ones only: asking a network file system whose server is away would hang."""
    for part in psutil.disk_partitions(all=False):
        if part.mountpoint.startswith(PRIVATE_MOUNTS) or "cdrom" in part.opts:
            continue
        try:
            usage = psutil.disk_usage(part.mountpoint)
        except PermissionError:
            continue
        labels = (part.device, part.fstype, part.mountpoint)
        free = usage.total - usage.used
        for metric, value in ((SIZE, usage.total), (FREE, free), (AVAILABLE, usage.free)):
            yield Sample(metric, float(value), labels)
        yield Sample(READONLY, float("ro" in part.opts.split(",")), labels)


def _by_device(
    metrics: dict[str, Metric], readings: Mapping[str, object], wanted: Callable[[str], bool]
) -> Iterable[Sample]:
    for device, reading in readings.items():
        if wanted(device):
            for field, metric in metrics.items():
                yield Sample(metric, float(getattr(reading, field)), (device,))


PROBE = Probe(
    name="machine",
    start=partial(Stateless, collect),
    settings=Settings,
    metrics=(
        CPU,
        *LOAD,
        BOOT,
        UNAME,
        SIZE,
        FREE,
        AVAILABLE,
        READONLY,
        *MEMORY.values(),
        *SWAP.values(),
        *NETWORK.values(),
        *DISK.values(),
    ),
    every_seconds=15,
    timeout_seconds=10,
)
