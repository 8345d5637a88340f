"""What stands at the other end of a port: LLDP neighbours (LLDP-MIB, IEEE 802.1AB-2005)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.snmp.columns import mac, texts
from haidang_agent.snmp.values import text

if TYPE_CHECKING:
    from haidang_agent.snmp.session import Session, Value

REM_ENTRY = "1.0.8802.1.1.2.1.4.1.1"
LOC_PORT_DESC = "1.0.8802.1.1.2.1.3.7.1.4"
INDEX_ARCS = 3


@dataclass(frozen=True, slots=True)
class LldpNeighbour:
    """`port` is our device's, `remote_port` the neighbour's; `chassis` is mostly a MAC address."""

    port: str
    chassis: str | None
    remote_port: str | None
    name: str | None


def read_lldp(session: Session) -> list[LldpNeighbour]:
    """Index of lldpRemTable: time mark, local port, number. Raises SnmpError."""
    chassis = session.walk(f"{REM_ENTRY}.5")
    if not chassis:
        return []
    ports = session.walk(f"{REM_ENTRY}.7")
    names = texts(session, "lldpRemSysName", f"{REM_ENTRY}.9")
    labels = texts(session, "lldpLocPortDesc", LOC_PORT_DESC)
    found = []
    for index, told in chassis.items():
        arcs = index.split(".")
        if len(arcs) == INDEX_ARCS:
            local = arcs[1]
            found.append(LldpNeighbour(labels.get(local, local), _id(told), _id(ports.get(index)), names.get(index)))
    return found


def _id(value: Value | None) -> str | None:
    """A MAC address where the bytes are no text, else the text."""
    if isinstance(value, bytes) and not all(octet in range(0x20, 0x7F) for octet in value):
        return mac(value) or text(value)
    return text(value)
