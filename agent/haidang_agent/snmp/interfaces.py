"""Interfaces of a device: IF-MIB's ifTable and ifXTable (RFC 2863)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.snmp.columns import addresses, numbers, texts
from haidang_agent.snmp.if_types import type_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from haidang_agent.snmp.session import Session

IF_ENTRY = "1.3.6.1.2.1.2.2.1"
IF_X_ENTRY = "1.3.6.1.2.1.31.1.1.1"
IN_OCTETS, OUT_OCTETS = f"{IF_ENTRY}.10", f"{IF_ENTRY}.16"
HC_IN_OCTETS, HC_OUT_OCTETS = f"{IF_X_ENTRY}.6", f"{IF_X_ENTRY}.10"
ADMIN_STATUS, OPER_STATUS = f"{IF_ENTRY}.7", f"{IF_ENTRY}.8"
SPEED, HIGH_SPEED = f"{IF_ENTRY}.5", f"{IF_X_ENTRY}.15"

ADMIN = {1: "up", 2: "down", 3: "testing"}
OPER = {
    1: "up", 2: "down", 3: "testing", 4: "unknown", 5: "dormant", 6: "notPresent", 7: "lowerLayerDown",
}  # fmt: skip
NO_MAC = "00:00:00:00:00:00"
FULL_GAUGE = (1 << 32) - 1
"""An ifSpeed that says no more than `at least`; ifHighSpeed knows."""


@dataclass(frozen=True, slots=True)
class Interface:
    """`type` is IANA's name; `speed_bps` 0 as the device says it: without link, or where speed has no meaning.

    `in_octets` and `out_octets` are the 64-bit counters where the device has them (`bits` 64), else the 32-bit ones.
    """

    index: int
    name: str | None
    alias: str | None
    descr: str | None
    type: str | None
    speed_bps: int | None
    mac: str | None
    admin: str | None
    oper: str | None
    in_octets: int | None
    out_octets: int | None
    bits: int | None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or self.descr or str(self.index)


class Counted(NamedTuple):
    """A counter of octets by interface index, and the width of each one's counters."""

    octets: dict[str, int]
    bits: dict[str, int]


def read_interfaces(session: Session) -> list[Interface]:
    """All interfaces in the device's order. Raises SnmpError."""
    descrs = texts(session, "ifDescr", f"{IF_ENTRY}.2")
    types = numbers(session, "ifType", f"{IF_ENTRY}.3")
    macs = addresses(session, "ifPhysAddress", f"{IF_ENTRY}.6")
    admins = states(session, "ifAdminStatus", numbers(session, "ifAdminStatus", ADMIN_STATUS), ADMIN)
    opers = states(session, "ifOperStatus", numbers(session, "ifOperStatus", OPER_STATUS), OPER)
    names = texts(session, "ifName", f"{IF_X_ENTRY}.1")
    aliases = texts(session, "ifAlias", f"{IF_X_ENTRY}.18")
    speeds = _speeds(session)
    received = _octets(session, "ifInOctets", IN_OCTETS, "ifHCInOctets", HC_IN_OCTETS)
    sent = _octets(session, "ifOutOctets", OUT_OCTETS, "ifHCOutOctets", HC_OUT_OCTETS)
    indexes = _indexes(session, (numbers(session, "ifIndex", f"{IF_ENTRY}.1", least=1), descrs, types, opers, names))
    for name, column in (("ifType", types), ("ifAdminStatus", admins), ("ifOperStatus", opers)):
        if missing := [index for index in indexes if index not in column]:
            session.problems.append(f"{name}: {len(missing)} of {len(indexes)} interfaces lack it, as {missing[0]}")
    return [
        Interface(
            index=int(index),
            name=names.get(index) or descrs.get(index),
            alias=aliases.get(index),
            descr=descrs.get(index),
            type=type_name(types[index]) if index in types else None,
            speed_bps=speeds.get(index),
            mac=macs.get(index) if macs.get(index) != NO_MAC else None,
            admin=admins.get(index),
            oper=opers.get(index),
            in_octets=received.octets.get(index),
            out_octets=sent.octets.get(index),
            bits=received.bits.get(index),
        )
        for index in indexes
    ]


def states(session: Session, name: str, told: Mapping[str, int], known: Mapping[int, str]) -> dict[str, str | None]:
    """States by their names in the MIB; None for a number that is not in it, which is a problem."""
    if strange := [index for index, number in told.items() if number not in known]:
        numbers_told = ", ".join(map(str, sorted({told[index] for index in strange})))
        session.problems.append(
            f"{name}: {len(strange)} of {len(told)} interfaces say {numbers_told}, which the MIB does not have, "
            f"as {strange[0]}"
        )
    return {index: known.get(number) for index, number in told.items()}


def speed(low: int | None, high: int | None) -> int | None:
    """Bits per second from ifSpeed and ifHighSpeed (millions), which alone holds more than 4.29 Gbit/s."""
    precise = low if low and low < FULL_GAUGE else None
    rounded = high * 1_000_000 if high else None
    # Above what ifSpeed can hold it is full, or has wrapped.
    return rounded if rounded and rounded > FULL_GAUGE else precise or rounded or low


def _speeds(session: Session) -> dict[str, int | None]:
    low, high = numbers(session, "ifSpeed", SPEED), numbers(session, "ifHighSpeed", HIGH_SPEED)
    return {index: speed(low.get(index), high.get(index)) for index in low.keys() | high.keys()}


def _octets(session: Session, name: str, oid: str, wide_name: str, wide_oid: str) -> Counted:
    narrow, wide = numbers(session, name, oid), numbers(session, wide_name, wide_oid)
    # Some devices have the 64-bit column and leave it at 0.
    wide = {index: count for index, count in wide.items() if count or not narrow.get(index)}
    return Counted(narrow | wide, dict.fromkeys(narrow, 32) | dict.fromkeys(wide, 64))


def _indexes(session: Session, columns: Iterable[Mapping[str, object]]) -> list[str]:
    found = dict.fromkeys(index for column in columns for index in column)
    odd = [index for index in found if not index.isdecimal()]
    if odd:
        session.problems.append(f"ifTable: {len(odd)} rows have an index of several numbers, as {odd[0]}")
    return [index for index in found if index.isdecimal()]
