"""The IPv4 subnets that this machine stands in."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING, NamedTuple

import psutil

from haidang_agent.platform import system

if TYPE_CHECKING:
    from collections.abc import Collection

SMALLEST = 30
"""Longer prefixes are links between two points: no LAN."""


class Subnet(NamedTuple):
    """`own` and `mac` are this machine's in it."""

    interface: str
    own: ipaddress.IPv4Address
    network: ipaddress.IPv4Network
    mac: str


def own_subnets(interfaces: Collection[str], outside: Collection[str] = ()) -> list[Subnet]:
    """Those of the named interfaces that are up; where none is named, of all but virtual ones and those `outside`.

    Raises LookupError for a name that is not here.
    """
    states, holders = psutil.net_if_stats(), psutil.net_if_addrs()
    if unknown := sorted(set(interfaces) - states.keys()):
        raise LookupError(f"{', '.join(unknown)} not here; there are {', '.join(sorted(states))}")
    own = [name for name in holders if name not in outside and not name.startswith(system.VIRTUAL_INTERFACES)]
    wanted = interfaces or own
    found: dict[tuple[str, ipaddress.IPv4Network], Subnet] = {}
    for interface in wanted:
        addresses = holders.get(interface, [])
        macs = [each.address.replace("-", ":").lower() for each in addresses if each.family == psutil.AF_LINK]
        if not macs or interface not in states or not states[interface].isup:
            continue
        for address in addresses:
            if address.family == socket.AF_INET and address.netmask:
                place = ipaddress.IPv4Interface(f"{address.address}/{address.netmask}")
                if place.network.prefixlen <= SMALLEST and not (place.is_loopback or place.is_link_local):
                    found[interface, place.network] = Subnet(interface, place.ip, place.network, macs[0])
    return list(found.values())
