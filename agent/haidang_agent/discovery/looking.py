"""How each network is reached from here, and who is in it: by ARP, else by the system's own neighbour table."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import psutil

from haidang_agent.platform import neighbours, sweeping, system
from haidang_agent.platform.subnets import own_subnets

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from ipaddress import IPv4Address, IPv4Network
    from pathlib import Path

    from haidang_agent.discovery.merging import Answers

log = logging.getLogger(__name__)

LARGEST_NUDGED = 22


class DeniedError(Exception):
    """The network is too large for what this agent may do."""


class Look(NamedTuple):
    """`method` is arp or neighbours; `unplaced` are MAC addresses that are there, at an address not known any more."""

    method: str
    answers: Answers
    unplaced: set[str]


class Way(NamedTuple):
    """How `network` is reached: this machine's interface, address and MAC address, and the subnet that it is in."""

    interface: str
    own: IPv4Address
    mac: str
    network: IPv4Network
    home: IPv4Network


def ways(networks: Iterable[IPv4Network], interface: str) -> tuple[list[Way], list[IPv4Network]]:
    """The way to each network, and the networks that there is none to.

    On a named interface without an address there, the network is reached as nobody. Raises LookupError.
    """
    holders = psutil.net_if_addrs()
    own = own_subnets((interface,) if interface else sorted(psutil.net_if_stats()))
    reached, apart = [], []
    for network in networks:
        place = next((subnet for subnet in own if subnet.network.overlaps(network)), None)
        if place:
            reached.append(Way(place.interface, place.own, place.mac, network, place.network))
            continue
        macs = [each.address.lower() for each in holders.get(interface, ()) if each.family == psutil.AF_LINK]
        if macs:
            reached.append(Way(interface, sweeping.NOBODY, macs[0].replace("-", ":"), network, network))
        else:
            apart.append(network)
    return reached, apart


def own_cards() -> list[str]:
    """MAC addresses of this machine."""
    held = [each for addresses in psutil.net_if_addrs().values() for each in addresses if each.family == psutil.AF_LINK]
    return sorted({each.address.replace("-", ":").lower() for each in held})


def look(
    way: Way,
    pace: sweeping.Pace,
    proc: Path,
    *,
    likely: Iterable[IPv4Address] = (),
    hurry: bool = False,
    tell: Callable[[int, int], None] | None = None,
    met: Callable[[IPv4Address], None] | None = None,
) -> Look:
    """Who is in the network; `met` hears each address that answers. Raises OSError, DeniedError."""
    try:
        answers = sweeping.sweep(
            way.interface, way.own, way.network, pace, likely=frozenset(likely), hurry=hurry, tell=tell, met=met
        )
    except PermissionError as denied:
        log.debug("%s: reading the neighbour table instead: %s", way.interface, denied)
    else:
        return Look("arp", answers, set())
    if way.network.prefixlen < LARGEST_NUDGED or way.own == sweeping.NOBODY:
        raise DeniedError(
            f"{way.network} on {way.interface} is larger than /{LARGEST_NUDGED}, which is more than the system's "
            "neighbour table holds, or this machine has no address there; give the agent CAP_NET_RAW"
        )
    return _nudge(way, pace, proc, met)


def _nudge(way: Way, pace: sweeping.Pace, proc: Path, met: Callable[[IPv4Address], None] | None) -> Look:
    table = partial(system.neighbour_table, proc, way.interface)
    macs = neighbours.look(way.network, way.own, pace.per_second, table)
    held = {address: mac for address, mac in table().items() if mac in macs}
    answers = {address: [held[str(address)]] for address in way.network.hosts() if str(address) in held}
    if met:
        for address in answers:
            met(address)
    return Look("neighbours", answers, macs - set(held.values()))
