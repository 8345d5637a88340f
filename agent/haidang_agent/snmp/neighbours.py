"""Which IP address has which MAC address: the device's ARP table.

From ipNetToMediaTable (RFC 1213), where that is empty ipNetToPhysicalTable (RFC 4293), then atTable (RFC 1213).
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

from haidang_agent.snmp.columns import addresses

if TYPE_CHECKING:
    from collections.abc import Callable

    from haidang_agent.snmp.session import Session

NET_TO_MEDIA = "1.3.6.1.2.1.4.22.1.2"
NET_TO_PHYSICAL = "1.3.6.1.2.1.4.35.1.4"
AT_TABLE = "1.3.6.1.2.1.3.1.1.2"
IPV4, IPV6 = ("1", "4"), ("2", "16")
"""InetAddressType and the address's length, as they stand in an index (RFC 4001)."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """`interface` is an ifIndex; both it and `ip` are None where the row's index does not say them.

    `mac` is what the device says, 00:00:00:00:00:00 where nobody has answered it.
    """

    ip: str | None
    mac: str
    interface: int | None


def read_neighbours(session: Session) -> list[Neighbour]:
    """Raises SnmpError."""
    for name, oid, read in (
        ("ipNetToMediaPhysAddress", NET_TO_MEDIA, _plain),
        ("ipNetToPhysicalPhysAddress", NET_TO_PHYSICAL, _typed),
        ("atPhysAddress", AT_TABLE, _with_network),
    ):
        if found := _table(session, name, oid, read):
            return found
    return []


def _table(session: Session, name: str, oid: str, read: Callable[[list[str]], tuple[int, str]]) -> list[Neighbour]:
    found, wrong = [], []
    for index, mac in addresses(session, name, oid).items():
        try:
            interface, ip = read(index.split("."))
        except ValueError:
            wrong.append(index)
            found.append(Neighbour(None, mac, None))
        else:
            found.append(Neighbour(ip, mac, interface))
    if wrong:
        session.problems.append(f"{name}: {len(wrong)} rows have an index without an address, as {wrong[0]}")
    return found


def _plain(index: list[str]) -> tuple[int, str]:
    interface, *address = index
    return int(interface), str(IPv4Address(".".join(address)))


def _with_network(index: list[str]) -> tuple[int, str]:
    interface, _, *address = index
    return int(interface), str(IPv4Address(".".join(address)))


def _typed(index: list[str]) -> tuple[int, str]:
    interface, kind, length, *address = index
    if (kind, length) == IPV4:
        return int(interface), str(IPv4Address(".".join(address)))
    if (kind, length) == IPV6:
        return int(interface), str(IPv6Address(bytes(map(int, address))))
    raise ValueError(f"InetAddressType {kind}")
