"""Where a device sends what it knows no other way for: its default routes, and nothing of the rest of the table.

From inetCidrRouteTable (RFC 4292), where that has none ipCidrRouteTable (RFC 2096), then ipRouteTable (RFC 1213).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from haidang_agent.snmp.columns import numbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from haidang_agent.snmp.neighbours import Neighbour
    from haidang_agent.snmp.session import Session

INET_CIDR = "1.3.6.1.2.1.4.24.7.1"
IP_CIDR = "1.3.6.1.2.1.4.24.4.1"
IP_ROUTE = "1.3.6.1.2.1.4.21.1"
INET_DEFAULT = "1.4.0.0.0.0.0"
"""InetAddressType ipv4, 4 bytes, 0.0.0.0, prefix length 0."""
CIDR_DEFAULT = "0.0.0.0.0.0.0.0"
CLASSIC_DEFAULT = "0.0.0.0"
NEXT_HOP_ARCS = 4
UNUSABLE = (2, 5)
"""inetCidrRouteType reject and blackhole."""


@dataclass(frozen=True, slots=True)
class DefaultRoute:
    """`interface` is a name, of that by which the next hop is a neighbour where the route says none (RouterOS).

    `next_hop` is None on a point-to-point line; `index` is the interface's ifIndex.
    """

    next_hop: str | None
    interface: str | None
    index: int | None


def read_default_routes(
    session: Session, labels: Mapping[int, str], neighbours: Iterable[Neighbour] = ()
) -> list[DefaultRoute]:
    """IPv4 only. `labels` are interface names by ifIndex. Raises SnmpError."""
    beside = {neighbour.ip: neighbour.interface for neighbour in neighbours}
    found: list[tuple[str | None, int]] = []
    for read in (_inet_cidr, _ip_cidr, _ip_route):
        found = found or list(dict.fromkeys(read(session)))
    routes = []
    for hop, told in found:
        index = told or beside.get(hop)
        routes.append(DefaultRoute(hop, labels.get(index) if index else None, index))
    return routes


def _inet_cidr(session: Session) -> Iterator[tuple[str | None, int]]:
    """The index ends in policy, type and length of the next hop, and the hop itself."""
    kinds = numbers(session, "inetCidrRouteType", f"{INET_CIDR}.8.{INET_DEFAULT}")
    for index, interface in numbers(session, "inetCidrRouteIfIndex", f"{INET_CIDR}.7.{INET_DEFAULT}").items():
        if kinds.get(index) not in UNUSABLE:
            yield _hop(index), interface


def _ip_cidr(session: Session) -> Iterator[tuple[str | None, int]]:
    """The index ends in type of service and next hop."""
    for index, interface in numbers(session, "ipCidrRouteIfIndex", f"{IP_CIDR}.5.{CIDR_DEFAULT}").items():
        yield _hop(index), interface


def _ip_route(session: Session) -> Iterator[tuple[str | None, int]]:
    interface, hop = f"{IP_ROUTE}.2.{CLASSIC_DEFAULT}", f"{IP_ROUTE}.7.{CLASSIC_DEFAULT}"
    told = session.get([interface, hop])
    index, address = told.get(interface), told.get(hop)
    if isinstance(index, int):
        yield _address(str(address)) if isinstance(address, IPv4Address) else None, index


def _hop(index: str) -> str | None:
    return _address(".".join(index.split(".")[-NEXT_HOP_ARCS:]))


def _address(text: str) -> str | None:
    try:
        address = IPv4Address(text)
    except ValueError:
        return None
    return None if address.is_unspecified else str(address)
