"""Which room a device stands in: by the list of its machines, else its switch ports, else its VLAN, else its subnets.

Of several subnets the longest prefix holds; of several switches that have seen a device, the one with the fewest others
behind the same port, which is the nearest. What two rooms claim alike tells neither of them.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from haidang_agent.labs.ports import Ports

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from haidang_agent.labs.ports import Place
    from haidang_agent.tables import Lab

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address
    Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_MAC = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}")
LONGEST_NAME = 100
"""As in the registry, and in the roll call."""
LAST_VLAN = 4094
"""IEEE 802.1Q; 0 and 4095 are reserved."""


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of where a device is: all its cards' addresses, its places; empty is unknown."""

    macs: frozenset[str]
    ips: tuple[Address, ...] = ()
    places: tuple[Place, ...] = ()


@dataclass(frozen=True, slots=True)
class Room:
    """What makes a room; `vlan` 0: none."""

    name: str
    networks: tuple[Network, ...] = ()
    vlan: int = 0
    ports: tuple[Ports, ...] = ()
    machines: frozenset[str] = frozenset()

    def is_within(self, swept: Iterable[Network]) -> bool:
        """Whether all its networks are part of those; False where it has none."""
        inside = [any(_is_part(network, other) for other in swept) for network in self.networks]
        return bool(inside) and all(inside)

    def overlaps(self, other: Room) -> Iterator[str]:
        """What both claim alike, each kind once."""
        if set(self.networks) & set(other.networks):
            yield "subnet"
        if self.vlan and self.vlan == other.vlan:
            yield "VLAN"
        if any(one.overlap(two) for one in self.ports for two in other.ports):
            yield "port"
        if self.machines & other.machines:
            yield "machine"


def read_room(lab: Lab) -> Room:
    """Raises ValueError, which says the key and the fix."""
    if len(lab.name) > LONGEST_NAME:
        raise ValueError(f"[[lab]] {lab.name[:LONGEST_NAME]!r}… name: has more than {LONGEST_NAME} characters")
    if not 0 <= lab.vlan <= LAST_VLAN:
        raise ValueError(f"[[lab]] {lab.name!r} vlan = {lab.vlan}: not in 1…{LAST_VLAN}")
    try:
        ports = tuple(each for text in lab.ports for each in Ports.read(text))
    except ValueError as wrong:
        raise ValueError(f"[[lab]] {lab.name!r} ports: {wrong}") from wrong
    machines = frozenset(mac.strip().replace("-", ":").lower() for mac in lab.machines)
    for mac in machines:
        if not _MAC.fullmatch(mac):
            raise ValueError(f"[[lab]] {lab.name!r} machines: {mac!r} is no MAC address; write as 8c:ec:4b:00:00:01")
    return Room(lab.name, read_networks(lab), lab.vlan, ports, machines)


def read_networks(lab: Lab) -> tuple[Network, ...]:
    """`cidr` and `subnets`. Raises ValueError as `read_room`."""
    found = []
    for key, texts in (("cidr", (lab.cidr,) if lab.cidr else ()), ("subnets", lab.subnets)):
        for text in texts:
            try:
                found.append(ipaddress.ip_network(text))
            except ValueError as wrong:
                raise ValueError(f"[[lab]] {lab.name!r} {key}: {wrong}; write as 10.20.1.0/24") from wrong
    return tuple(dict.fromkeys(found))


def nearest(address: Address, networks: Mapping[str, Iterable[Network]]) -> list[str]:
    """The rooms whose subnets hold the address with the longest prefix."""
    lengths = {
        name: max((network.prefixlen for network in held if address in network), default=-1)
        for name, held in networks.items()
    }
    longest = max(lengths.values(), default=-1)
    return [name for name, length in lengths.items() if length == longest >= 0]


class Rooms:
    """All rooms of the configuration. Raises ValueError, which says table, key and fix."""

    def __init__(self, labs: Iterable[Lab]) -> None:
        self.rooms = {lab.name: read_room(lab) for lab in labs}
        self.disputed: dict[str, str] = {}
        """Rooms that cannot be counted, as another one claims the same, and why."""
        for one, two in combinations(self.rooms.values(), 2):
            for kind in one.overlaps(two):
                why = f"[[lab]] {one.name!r} and {two.name!r} claim the same {kind}: neither is counted"
                self.disputed |= {one.name: why, two.name: why}

    def room_of(self, where: Whereabouts, before: str, crowds: Mapping[tuple[str, str], int]) -> str:
        """Its name, empty for none; `before` where what would tell whether it is still there is not known now.

        `crowds`: how many devices are behind each port.
        """
        old = self.rooms.get(before, Room(""))
        if found := self._by_machine(where.macs):
            return found
        if not where.places and (old.ports or old.vlan):
            return before
        if found := self._by_port(where.places, crowds) or self._by_vlan(where.places):
            return found
        if not where.ips and old.networks:
            return before
        return self._by_subnet(where.ips) or ""

    def may_hold(self, mac: str, places: Collection[Place]) -> bool:
        """Whether a room lists the machine, or has the port or VLAN of one of the places."""
        return any(
            mac in room.machines
            or any(place.vlan and place.vlan == room.vlan for place in places)
            or any(ports.hold(place) for ports in room.ports for place in places)
            for room in self.rooms.values()
        )

    def _by_machine(self, macs: frozenset[str]) -> str | None:
        return _only(room.name for room in self.rooms.values() if room.machines & macs)

    def _by_port(self, places: Iterable[Place], crowds: Mapping[tuple[str, str], int]) -> str | None:
        behind = {place: crowds.get((place.host, place.port), 0) for place in places}
        nearest_ones = [place for place, others in behind.items() if others == min(behind.values())]
        return _only(
            room.name
            for room in self.rooms.values()
            if any(ports.hold(place) for ports in room.ports for place in nearest_ones)
        )

    def _by_vlan(self, places: Iterable[Place]) -> str | None:
        seen = {place.vlan for place in places if place.vlan}
        return _only(room.name for room in self.rooms.values() if room.vlan in seen)

    def _by_subnet(self, addresses: Iterable[Address]) -> str | None:
        networks = {name: room.networks for name, room in self.rooms.items()}
        return _only(name for address in addresses if (name := _only(nearest(address, networks))) is not None)


def _is_part(network: Network, other: Network) -> bool:
    return network.prefixlen >= other.prefixlen and network.network_address in other


def _only(names: Iterable[str]) -> str | None:
    found = set(names)
    return found.pop() if len(found) == 1 else None
