"""How many devices are online in this machine's own subnets, this machine among them.

By an ARP sweep where the agent may send raw frames (CAP_NET_RAW), else by the system's neighbour table after a gentle
nudge. Counted are distinct MAC addresses, so a router that answers for a whole subnet (proxy ARP) is one device.
The addresses themselves stay in this process.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from haidang_agent.platform import neighbours, system
from haidang_agent.platform.subnets import own_subnets
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample, Stateless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.platform.subnets import Subnet

log = logging.getLogger(__name__)

DEVICES = Metric("school_devices", "Devices of the school's network.", ("class", "state"))
METHOD = Metric("school_lan_sweep_info", "How devices were looked for; always 1.", ("method",))

LARGEST_NUDGED = 22
PACKETS_PER_SECOND = (1, 1000)
LONGEST_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Settings:
    """`interfaces` empty: all that hold an IPv4 subnet and are not virtual. `largest_prefix` 20 is 4,094 addresses."""

    interfaces: tuple[str, ...] = ()
    packets_per_second: float = 200.0
    largest_prefix: int = 20


def collect(settings: Settings, host: Host) -> Iterator[Sample]:
    """Look through each subnet once."""
    try:
        subnets = own_subnets(settings.interfaces)
    except LookupError as unknown:
        raise ProbeError("misconfigured", f"[probes.lan] interfaces: {unknown}") from unknown
    if not subnets:
        raise NothingToMeasureError("no interface that is up has an IPv4 subnet")
    _check(settings, subnets)
    found: set[str] = set()
    methods: set[str] = set()
    for subnet in subnets:
        try:
            method, macs = _look(subnet, settings, host)
        except OSError as failed:
            raise ProbeError("unreadable", f"{subnet.interface}: {failed}") from failed
        methods.add(method)
        found |= macs | {subnet.mac}
    yield Sample(DEVICES, float(len(found)), ("unknown", "online"))
    for method in sorted(methods):
        yield Sample(METHOD, 1.0, (method,))


def _check(settings: Settings, subnets: list[Subnet]) -> None:
    low, high = PACKETS_PER_SECOND
    if not low <= settings.packets_per_second <= high:
        raise ProbeError(
            "misconfigured", f"[probes.lan] packets_per_second = {settings.packets_per_second}: not in {low}…{high}"
        )
    for interface, _, network, _ in subnets:
        if network.prefixlen < settings.largest_prefix:
            raise ProbeError(
                "misconfigured",
                f"{network} on {interface} is larger than /{settings.largest_prefix}; to look through it all the same "
                f"set [probes.lan] largest_prefix = {network.prefixlen}, else name other `interfaces` there",
            )
    # ARP asks twice.
    seconds = sum(2 * subnet.network.num_addresses for subnet in subnets) / settings.packets_per_second
    if seconds > LONGEST_SECONDS:
        raise ProbeError(
            "misconfigured",
            f"looking through {', '.join(str(subnet.network) for subnet in subnets)} would take {seconds:.0f} s; set "
            f"[probes.lan] packets_per_second to {settings.packets_per_second * seconds / LONGEST_SECONDS:.0f} or more",
        )


def _look(subnet: Subnet, settings: Settings, host: Host) -> tuple[str, set[str]]:
    """By which method, and the MAC addresses found. Raises OSError."""
    pace = settings.packets_per_second
    try:
        return "arp", system.arp_sweep(subnet.interface, subnet.own, subnet.network, pace)
    except PermissionError as denied:
        log.debug("%s: reading the neighbour table instead: %s", subnet.interface, denied)
    if subnet.network.prefixlen < LARGEST_NUDGED:
        raise ProbeError(
            "denied",
            f"{subnet.network} on {subnet.interface} is larger than /{LARGEST_NUDGED}, which is more than the system's "
            "neighbour table holds; give the agent CAP_NET_RAW",
        )
    table = partial(system.neighbour_table, host.proc, subnet.interface)
    return "neighbours", neighbours.look(subnet.network, subnet.own, pace, table)


PROBE = Probe(
    name="lan",
    start=partial(Stateless, collect),
    settings=Settings,
    metrics=(DEVICES, METHOD),
    every_seconds=300,
    timeout_seconds=150,
    roles=frozenset({"site", "router"}),
    needs=frozenset({"CAP_NET_RAW"}),
)
