"""How many devices are online in this machine's own subnets, this machine among them.

By an ARP sweep where the agent may send raw frames (CAP_NET_RAW), else by the system's neighbour table after a gentle
nudge. Counted are distinct MAC addresses, so a router that answers for a whole subnet (proxy ARP) is one device.
The addresses themselves stay in this process.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import sys
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import psutil

from haidang_agent.platform import arp, neighbours
from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample, Stateless

if TYPE_CHECKING:
    from collections.abc import Iterator

log = logging.getLogger(__name__)

DEVICES = Metric("school_devices", "Devices of the school's network.", ("class", "state"))
METHOD = Metric("school_lan_sweep_info", "How devices were looked for; always 1.", ("method",))

VIRTUAL = ("lo", "docker", "veth", "br-", "virbr", "tun", "tap", "wg", "cni", "flannel", "vEthernet")
MINIMUM_HOSTS_PREFIX = 30


@dataclass(frozen=True, slots=True)
class Settings:
    """`interfaces` empty: all that hold an IPv4 subnet and are not virtual. `largest_prefix` 20 is 4,094 addresses."""

    interfaces: tuple[str, ...] = ()
    packets_per_second: float = 200.0
    largest_prefix: int = 20


class Subnet(NamedTuple):
    """Where this machine stands in a subnet."""

    interface: str
    own: ipaddress.IPv4Address
    network: ipaddress.IPv4Network
    mac: str


def collect(settings: Settings, host: Host) -> Iterator[Sample]:
    """Look through each subnet once."""
    subnets = _subnets(settings)
    if not subnets:
        raise NothingToMeasureError("no interface with an IPv4 subnet")
    found: set[str] = set()
    methods: set[str] = set()
    for subnet in subnets:
        if subnet.network.prefixlen < settings.largest_prefix:
            raise ProbeError(
                "misconfigured",
                f"{subnet.network} on {subnet.interface} is larger than /{settings.largest_prefix}; "
                "name other interfaces in [probes.lan], or raise its largest_prefix",
            )
        method, macs = _look(subnet, settings, host)
        methods.add(method)
        found |= macs | {subnet.mac}
    yield Sample(DEVICES, float(len(found)), ("unknown", "online"))
    for method in sorted(methods):
        yield Sample(METHOD, 1.0, (method,))


def _look(subnet: Subnet, settings: Settings, host: Host) -> tuple[str, set[str]]:
    try:
        if sys.platform == "linux":
            return "arp", arp.sweep(subnet.interface, subnet.own, subnet.network, settings.packets_per_second)
    except PermissionError:
        log.debug("no CAP_NET_RAW: reading the neighbour table instead")
    neighbours.nudge(subnet.network, settings.packets_per_second)
    table = neighbours.table(host.proc, subnet.interface)
    return "neighbours", {mac for address, mac in table.items() if ipaddress.ip_address(address) in subnet.network}


def _subnets(settings: Settings) -> list[Subnet]:
    states = psutil.net_if_stats()
    found = []
    for interface, addresses in psutil.net_if_addrs().items():
        if settings.interfaces and interface not in settings.interfaces:
            continue
        if not settings.interfaces and interface.startswith(VIRTUAL):
            continue
        if interface not in states or not states[interface].isup:
            continue
        macs = [each.address.replace("-", ":").lower() for each in addresses if each.family == psutil.AF_LINK]
        for address in addresses:
            if address.family == socket.AF_INET and address.netmask and macs:
                place = ipaddress.IPv4Interface(f"{address.address}/{address.netmask}")
                if place.network.prefixlen <= MINIMUM_HOSTS_PREFIX and not place.is_loopback:
                    found.append(Subnet(interface, place.ip, place.network, macs[0]))
    return found


PROBE = Probe(
    name="lan",
    start=partial(Stateless, collect),
    settings=Settings,
    metrics=(DEVICES, METHOD),
    every_seconds=300,
    timeout_seconds=120,
    roles=frozenset({"site", "router"}),
    needs=frozenset({"CAP_NET_RAW"}),
)
