"""What every reader of MIBs asks through, whichever library speaks SNMP below."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


class ObjectId(str):
    """An OBJECT IDENTIFIER as a value: dotted decimal without a leading dot."""

    __slots__ = ()


Value = int | bytes | ObjectId | IPv4Address
"""INTEGER, Counter, Gauge, TimeTicks; OCTET STRING, Opaque; OBJECT IDENTIFIER; IpAddress (RFC 2578, section 7.1)."""


class SnmpError(Exception):
    """The device gave no answer at all, or refused the credentials. The text holds no secret."""


class NoLibraryError(SnmpError):
    """No device can be asked so: what this machine needs for it is not installed. The text says what to install."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much of one device is waited for and kept.

    `answer_seconds` is the wait for the first of `tries`, doubled for each later one; `total_seconds` is for everything
    asked through the session; `rows` for one walk; `value_bytes` for one value.
    """

    answer_seconds: float = 1.0
    tries: int = 3
    total_seconds: float = 120.0
    rows: int = 100_000
    value_bytes: int = 4096


class Session(Protocol):
    """One device. OIDs are dotted decimal without a leading dot; what a device does not have is left out."""

    problems: list[str]
    """What the device told wrongly or not to its end; each thing once."""

    def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """Values by OID. Raises SnmpError."""

    def walk(self, oid: str) -> dict[str, Value]:
        """What lies below `oid`, in the device's order; keys are the rest of the OID behind it. Raises SnmpError.

        Bounded in rows and time; a device that goes in circles or falls silent midway leaves what came until then, and
        a line in `problems`.
        """
