"""What routers and switches remember of who is there, by SNMP: devices behind them, and where each is plugged in."""

from __future__ import annotations

import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from haidang_agent.discovery.evidence import Sign
from haidang_agent.discovery.oui import is_station
from haidang_agent.snmp.forwarding import BASE_PORT_IF_INDEX, Q_TP_FDB_PORT, TP_FDB_PORT
from haidang_agent.snmp.neighbours import AT_TABLE, NET_TO_MEDIA, NET_TO_PHYSICAL
from haidang_agent.snmp.session import Limits, SnmpError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.snmp.reading import Reading
    from haidang_agent.tables import Snmp

LIMITS = Limits(tries=2, total_seconds=30.0, rows=20_000)
MOST_AT_ONCE = 4
TABLES = (NET_TO_MEDIA, NET_TO_PHYSICAL, AT_TABLE, BASE_PORT_IF_INDEX, Q_TP_FDB_PORT, TP_FDB_PORT)
"""As problems of a reading name them."""


@dataclass(frozen=True, slots=True)
class Told:
    """`host` is as it stands in [[snmp]], `address` what it resolves to. `own` are the device's own MAC addresses."""

    host: str
    address: str
    own: frozenset[str]
    signs: tuple[Sign, ...]
    arp: tuple[tuple[IPv4Address, str], ...]
    places: dict[str, str]
    """Port, and VLAN, by MAC address."""
    cut: str = ""
    """Which table of `arp` and `places` was not read to its end, and why: there may be more than they hold."""


@dataclass(frozen=True, slots=True)
class Failed:
    """A device that could not be read, and why."""

    host: str
    why: str


def read_all(targets: Sequence[Snmp]) -> list[Told | Failed]:
    """All devices, four at a time."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as pool:
        return list(pool.map(_read, targets))


def _read(target: Snmp) -> Told | Failed:
    from haidang_agent.snmp.reading import read_device  # noqa: PLC0415 - 60 ms where no device is named

    try:
        return _told(target.host, read_device(target, LIMITS))
    except (SnmpError, ValueError) as failed:
        return Failed(target.host, str(failed))


def _told(host: str, reading: Reading) -> Told:
    device, system = reading.device, reading.system
    class_ = "nas" if device.role == "nas" else device.class_
    signs = [Sign("snmp", class_)] + ([Sign("name", system.name)] if system.name else [])
    places = {
        row.mac: f"{host} {row.port}" + (f" VLAN {row.vlan}" if row.vlan else "")
        for row in reading.fdb if row.port
    }  # fmt: skip
    arp = [(IPv4Address(row.ip), row.mac) for row in reading.arp if row.ip and ":" not in row.ip]
    return Told(
        host=host,
        address=_address(host),
        own=frozenset(each.mac for each in reading.interfaces if each.mac and is_station(each.mac)),
        signs=tuple(signs),
        arp=tuple((ip, mac) for ip, mac in arp if is_station(mac)),
        places={mac: place for mac, place in places.items() if is_station(mac)},
        cut=next(filter(_is_cut, reading.problems), ""),
    )


def _is_cut(problem: str) -> bool:
    """Rows that come out of order are all there."""
    return any(f"{table}: " in problem for table in TABLES) and "rows out of order" not in problem


def _address(host: str) -> str:
    """The device has just answered under this name; empty where it is IPv6 only or the name has gone meanwhile."""
    try:
        return str(socket.getaddrinfo(host, None, socket.AF_INET)[0][4][0])
    except OSError:
        return ""
