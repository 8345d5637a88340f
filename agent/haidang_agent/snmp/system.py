"""What a device says of itself: the system group (RFC 3418)."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import TYPE_CHECKING

from haidang_agent.snmp.session import ObjectId
from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from haidang_agent.snmp.session import Session

DESCR, OBJECT_ID, UP_TIME, NAME, LOCATION, SERVICES = (f"1.3.6.1.2.1.1.{arc}.0" for arc in (1, 2, 3, 5, 6, 7))
TICKS_PER_SECOND = 100
LONGEST_DESCR = 1024


@dataclass(frozen=True, slots=True)
class System:
    """`uptime_seconds` is that of the SNMP agent; `services` are the bits of sysServices."""

    object_id: str | None
    descr: str | None
    name: str | None
    uptime_seconds: float | None
    location: str | None
    services: int | None


def read_system(session: Session) -> System:
    """Raises SnmpError."""
    told = session.get([DESCR, OBJECT_ID, UP_TIME, NAME, LOCATION, SERVICES])
    object_id = told.get(OBJECT_ID)
    if object_id is not None and not isinstance(object_id, ObjectId | IPv4Address):  # an OID of four numbers
        session.problems.append("sysObjectID: is no OBJECT IDENTIFIER")
        object_id = None
    ticks = number(told.get(UP_TIME))
    return System(
        object_id=str(object_id) if object_id is not None else None,
        descr=text(told.get(DESCR), LONGEST_DESCR),
        name=text(told.get(NAME)),
        uptime_seconds=ticks / TICKS_PER_SECOND if ticks is not None else None,
        location=text(told.get(LOCATION)),
        services=number(told.get(SERVICES)),
    )
