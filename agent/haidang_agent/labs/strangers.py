"""Computers of which only a switch tells: of rooms in VLANs where nobody could be asked for an address.

Their class then comes from the maker of the network card alone, where nothing is known from before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.discovery.oui import is_local
from haidang_agent.labs.ports import Place

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from haidang_agent.discovery.merging import Found
    from haidang_agent.labs.rooms import Rooms

IN_ALL_VLANS = frozenset({"router", "switch"})
"""What these are by SNMP says nothing of a VLAN: one MAC address may be in each of them."""


def in_rooms(rooms: Rooms, strangers: Mapping[str, Found], known: Collection[Found]) -> list[Found]:
    """Those of `strangers` that count, as they are in a room by port, VLAN or list of machines.

    In a VLAN where `known` devices have an address the others are off: a switch remembers them for five minutes more.
    A switch that does not tell VLANs is one of its own.
    """
    in_sight = {
        _segment(place)
        for found in known
        if not found.evidence.of("role") and IN_ALL_VLANS.isdisjoint(found.evidence.of("snmp"))
        for place in _places(found)
    }
    return [
        found
        for mac, found in strangers.items()
        if not is_local(mac)
        and rooms.may_hold(mac, _places(found))
        and in_sight.isdisjoint(map(_segment, _places(found)))
    ]


def _places(found: Found) -> list[Place]:
    return [place for text in found.places if (place := Place.read(text))]


def _segment(place: Place) -> int | str:
    return place.vlan or place.host
