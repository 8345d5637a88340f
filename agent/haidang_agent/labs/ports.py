"""Switch ports as a room's configuration names them: `10.20.0.2 Gi1/0/1-24,Gi1/0/47`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, Self

_NUMBERED = re.compile(r"(.*?)([0-9]{1,9})")
_RANGE = re.compile(r"(.*?)([0-9]{1,9})-([0-9]{1,9})")
_PLACE = re.compile(r"(\S+) (.+?)(?: VLAN ([0-9]{1,4}))?")


class Place(NamedTuple):
    """Where a switch has seen a device: the switch by its `[[snmp]]` host, the interface, and the VLAN if told."""

    host: str
    port: str
    vlan: int | None

    @classmethod
    def read(cls, text: str) -> Self | None:
        """As a sweep tells it, `10.20.0.2 Gi1/0/7 VLAN 20`; None for anything else."""
        told = _PLACE.fullmatch(text)
        return cls(told[1], told[2], int(told[3]) if told[3] else None) if told else None


@dataclass(frozen=True, slots=True)
class Ports:
    """Interfaces of one switch: `name`, and where that ends in a range those numbered `first` to `last` on `stem`.

    A name that only looks like a range (`LAN1-2` of some routers) means both. Upper and lower case are the same.
    """

    host: str
    name: str
    stem: str = ""
    first: int = 1
    last: int = 0

    @classmethod
    def read(cls, text: str) -> tuple[Self, ...]:
        """The host, then names parted by commas. Raises ValueError."""
        host, _, names = text.strip().partition(" ")
        listed = [name.strip().casefold() for name in names.split(",")]
        if not host or not all(listed):
            raise ValueError(f"{text!r} names no port; write as 10.20.0.2 Gi1/0/1-24")
        return tuple(cls._one(host, name) for name in listed)

    @classmethod
    def _one(cls, host: str, name: str) -> Self:
        ranged = _RANGE.fullmatch(name)
        if ranged is None:
            return cls(host, name)
        stem, first, last = ranged[1], int(ranged[2]), int(ranged[3])
        if first > last:
            raise ValueError(f"{name!r} ends before it begins; write the lower number first")
        return cls(host, name, stem, first, last)

    def hold(self, place: Place) -> bool:
        """Whether `place` is one of them."""
        if place.host != self.host:
            return False
        port = place.port.casefold()
        numbered = _NUMBERED.fullmatch(port)
        in_range = numbered is not None and numbered[1] == self.stem and self.first <= int(numbered[2]) <= self.last
        return port == self.name or in_range

    def overlap(self, other: Ports) -> bool:
        """Whether a port is both in these and in `other`."""
        if self.host != other.host:
            return False
        one, two = Place(self.host, self.name, None), Place(other.host, other.name, None)
        ranges = self.stem == other.stem and max(self.first, other.first) <= min(self.last, other.last)
        return ranges or self.hold(two) or other.hold(one)
