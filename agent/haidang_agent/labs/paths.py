"""Which rooms have the way to the Internet that this machine has: for those where nobody stands who could try."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from ipaddress import IPv4Address

    from haidang_agent.discovery.device import Device
    from haidang_agent.labs.rooms import Network, Room


def on_our_path(
    rooms: Iterable[Room],
    present: Mapping[str, Collection[str]],
    devices: Sequence[Device],
    swept: Collection[Network],
    gateways: Iterable[IPv4Address],
) -> list[str]:
    """Rooms with a device here now whose subnet we stand in, or our own default gateway is a neighbour of.

    `present` has who is placed in each room, by MAC address; who has an address in a room's subnet tells of it as well.
    That the gateway is a neighbour is known where it answers by SNMP, and has the device in its ARP table: its
    interface to that subnet is up.
    """
    routers = {str(gateway) for gateway in gateways}
    tables = {
        f"ARP table of {way.removeprefix('SNMP of ')}"
        for device in devices
        if routers & set(device.ips)
        for way in device.seen_by
        if way.startswith("SNMP of ")
    }
    near = [
        (device.mac, address)
        for device in devices
        for address in (ip_address(ip.partition("%")[0]) for ip in device.ips)
        if tables & set(device.seen_by) or any(address in network for network in swept)
    ]
    return [
        room.name
        for room in rooms
        for mine in (present.get(room.name, ()),)
        if any(mac in mine or any(address in network for network in room.networks) for mac, address in near)
    ]
