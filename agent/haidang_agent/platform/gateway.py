"""The default gateway of this machine, and whether it is there."""

from __future__ import annotations

import socket
from contextlib import closing
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, NamedTuple

import psutil

from haidang_agent.platform import arp, system
from haidang_agent.platform.reach import Destination, Reach

if TYPE_CHECKING:
    from pathlib import Path

PING_SECONDS = 0.3
NO_ADDRESS = "0.0.0.0"
"""Sender of an ARP probe (RFC 5227)."""


class Gateway(NamedTuple):
    """The interface that the default route leaves by, and the router on it."""

    interface: str
    address: IPv4Address


def default_gateway(proc: Path) -> Gateway | None:
    """None where there is no default route. Raises OSError where the system does not tell."""
    found = system.default_gateways(proc)
    return Gateway(*found[0]) if found else None


def link_is_up(interface: str) -> bool:
    """Switched on and with a carrier."""
    state = psutil.net_if_stats().get(interface)
    return state is not None and state.isup


def any_link_is_up() -> bool:
    """Of interfaces that are not virtual."""
    states = psutil.net_if_stats().items()
    return any(state.isup for name, state in states if name != "lo" and not name.startswith(system.VIRTUAL_INTERFACES))


def answers(gateway: Gateway, proc: Path) -> bool | None:
    """By ARP (RFC 826), which no firewall stops; where raw frames are denied by echo, then by the neighbour table.

    None where none of them can tell. Takes half a second at most.
    """
    try:
        return arp.ask(gateway.interface, _own_address(gateway.interface), gateway.address)
    except OSError:  # no CAP_NET_RAW, or a system without raw frames
        pass
    with closing(Reach([Destination(socket.AF_INET, str(gateway.address))])) as reach:
        if reach.measure(PING_SECONDS)[0] is not None:
            return True
    try:
        return str(gateway.address) in system.neighbour_table(proc, gateway.interface)
    except OSError:
        return None


def _own_address(interface: str) -> IPv4Address:
    held = psutil.net_if_addrs().get(interface, [])
    return IPv4Address(next((each.address for each in held if each.family == socket.AF_INET), NO_ADDRESS))
