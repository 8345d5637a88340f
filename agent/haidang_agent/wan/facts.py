"""What a Linux router knows of its own interfaces and default routes, and which of them carry the school's traffic."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from ipaddress import IPv4Address, IPv4Network


@dataclass(frozen=True, slots=True)
class Link:
    """An interface: switched on, and with a carrier. `lower` is the interface a VLAN sits on."""

    name: str
    index: int
    switched_on: bool
    carrier: bool
    ethernet: bool
    lower: int | None = None


@dataclass(frozen=True, slots=True)
class Hop:
    """A next hop; `usable` is False where the kernel passes it over (RTNH_F_DEAD, or link down and so configured)."""

    interface: str
    gateway: IPv4Address | None
    usable: bool = True


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """0.0.0.0/0 in a table; several `hops` share the load. None: the traffic is refused on purpose."""

    table: int
    metric: int
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of `ip rule`. `selective`: it is for some of the traffic only (mark, port, user; not inverted ones).

    `incoming` is the interface that the traffic came in by; `only_incoming`: it is selective by that alone.
    """

    priority: int
    table: int
    source: IPv4Network | None = None
    incoming: str = ""
    selective: bool = False
    only_incoming: bool = False
    skips_default: bool = False

    def takes_in(self, interface: str, network: IPv4Network) -> bool:
        """All that comes from this network of the school's, on this interface."""
        by_source = self.source is None or network.subnet_of(self.source)
        return by_source and self.incoming in ("", interface) and bool(self.source or self.incoming)


@dataclass(frozen=True, slots=True)
class Facts:
    """As of one dump. `addresses` is the first global IPv4 address by interface, `networks` what it lies in."""

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: Mapping[str, IPv4Address] = field(default_factory=dict)
    routes: tuple[DefaultRoute, ...] = ()
    rules: tuple[Rule, ...] = ()
    networks: Mapping[str, IPv4Network] = field(default_factory=dict)

    def gateway(self, interface: str) -> IPv4Address | None:
        """By any default route of any table."""
        hops = (hop for route in self.routes for hop in route.hops)
        return next((hop.gateway for hop in hops if hop.interface == interface and hop.gateway), None)

    def active_interfaces(self) -> frozenset[str]:
        """By which the school's traffic leaves now: by rules in their order, until one that is for all of it.

        Passed over are rules from one of the router's own addresses, which steer its answers only, and those for what
        comes in by a line. Rules that together take in all of the school's networks are for all of it.
        """
        found: set[str] = set()
        own = {ipaddress.IPv4Network(address) for address in self.addresses.values()}
        lines = {hop.interface for route in self.routes for hop in route.hops}
        left = {name: network for name, network in self.networks.items() if name not in lines}
        has_lan = bool(left)
        for rule in sorted(self.rules, key=lambda rule: rule.priority):
            if rule.skips_default or rule.source in own or rule.incoming in lines:
                continue
            route = self._route_of(rule.table)
            if route is None:
                continue
            found.update(hop.interface for hop in route.hops if hop.usable)
            if not rule.selective and rule.source is None:
                break
            if not rule.selective or rule.only_incoming:
                left = {name: network for name, network in left.items() if not rule.takes_in(name, network)}
            if has_lan and not left:
                break
        return frozenset(found)

    def _route_of(self, table: int) -> DefaultRoute | None:
        usable = (
            route
            for route in self.routes
            if route.table == table and (not route.hops or any(hop.usable for hop in route.hops))
        )
        return min(usable, key=lambda route: route.metric, default=None)


@dataclass(frozen=True, slots=True)
class Port:
    """What is needed to probe by an interface; another one needs another prober."""

    interface: str
    index: int
    ethernet: bool
    address: IPv4Address | None
    gateway: IPv4Address | None


def below(facts: Facts, interface: str) -> Iterator[Link]:
    """The interface and those it sits on, as a VLAN does; an interface that is not there ends it."""
    by_index = {link.index: link for link in facts.links.values()}
    link = facts.links.get(interface)
    seen: set[int] = set()
    while link is not None and link.index not in seen:
        seen.add(link.index)
        yield link
        link = by_index.get(link.lower) if link.lower is not None else None
