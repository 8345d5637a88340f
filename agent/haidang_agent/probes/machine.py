"""The machine itself: processor, memory, disks, network; by node_exporter's names, so its dashboards and rules fit.

Left out, as by Debian's node_exporter: pseudo file systems, partitions, loopback; and what containers and virtual
machines make (veth, docker, br-…). What would name a person or this machine stays here: the host and domain name,
removable and users' file systems, and the names of other places than the standard ones, which become `other`.
"""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import psutil

from haidang_agent.platform import system
from haidang_agent.probe import Host, Metric, Probe, Sample, Stateless

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

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
UNREADABLE = Metric("node_filesystem_device_error", "1 for a filesystem that would not tell its space.", FILESYSTEM)
LINK = Metric("node_network_up", "1 if the link is up (ifOperStatus).", ("device",))

MEMORY = {
    "MemTotal": Metric("node_memory_MemTotal_bytes", "Memory in all."),
    "MemAvailable": Metric("node_memory_MemAvailable_bytes", "Memory that programs can still get without swapping."),
    "MemFree": Metric("node_memory_MemFree_bytes", "Memory used for nothing."),
    "Buffers": Metric("node_memory_Buffers_bytes", "Memory that holds block device buffers."),
    "Cached": Metric("node_memory_Cached_bytes", "Memory that holds file contents."),
    "SwapTotal": Metric("node_memory_SwapTotal_bytes", "Swap in all."),
    "SwapFree": Metric("node_memory_SwapFree_bytes", "Swap used for nothing."),
}

_counter = partial(Metric, labels=("device",), kind="counter")
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


@dataclass(frozen=True, slots=True)
class Settings:
    """Nothing to set."""


def collect(_: Settings, host: Host) -> Iterator[Sample]:
    """One reading; a part that this system does not have is left out."""
    for number, times in enumerate(psutil.cpu_times(percpu=True)):
        yield from (Sample(CPU, value, (str(number), mode)) for mode, value in system.processor(times).items())
    yield from (Sample(metric, value) for metric, value in zip(LOAD, system.load(), strict=False))
    yield Sample(BOOT, psutil.boot_time())
    uname = platform.uname()
    yield Sample(UNAME, 1.0, (uname.machine, uname.release, uname.system, uname.version))
    memory = system.memory(host.proc)
    yield from (Sample(metric, memory[word]) for word, metric in MEMORY.items() if word in memory)
    yield from _filesystems()
    traffic = psutil.net_io_counters(pernic=True, nowrap=False)
    devices = system.network_devices(traffic)
    yield from _counters(NETWORK, {public: traffic[device] for device, public in devices.items()})
    for device, public in devices.items():
        if (up := system.link_up(host.sys, device)) is not None:
            yield Sample(LINK, float(up), (public,))
    disks = psutil.disk_io_counters(perdisk=True, nowrap=False) or {}
    yield from _counters(DISK, {disk: disks[disk] for disk in disks if system.is_disk(disk)})


def _filesystems() -> Iterator[Sample]:
    for mount in system.mounts():
        labels = mount.labels
        yield Sample(READONLY, float(mount.readonly), labels)
        try:
            usage = psutil.disk_usage(mount.path)
        except OSError:
            yield Sample(UNREADABLE, 1.0, labels)
            continue
        yield Sample(UNREADABLE, 0.0, labels)
        for metric, value in ((SIZE, usage.total), (FREE, usage.total - usage.used), (AVAILABLE, usage.free)):
            yield Sample(metric, float(value), labels)


def _counters(metrics: dict[str, Metric], readings: Mapping[str, Any]) -> Iterator[Sample]:
    for device, reading in readings.items():
        for field, metric in metrics.items():
            yield Sample(metric, float(getattr(reading, field)), (device,))


SINGLE = (CPU, *LOAD, BOOT, UNAME, SIZE, FREE, AVAILABLE, READONLY, UNREADABLE, LINK)
PROBE = Probe(
    name="machine",
    start=partial(Stateless, collect),
    settings=Settings,
    metrics=(*SINGLE, *MEMORY.values(), *NETWORK.values(), *DISK.values()),
    every_seconds=15,
    timeout_seconds=10,
)
