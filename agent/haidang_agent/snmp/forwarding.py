"""Behind which port a switch has seen which MAC address: Q-BRIDGE-MIB (RFC 4363) and BRIDGE-MIB (RFC 4188).

Cisco's IOS keeps a table a VLAN and shows each by a community of its own, `community@VLAN`; which VLANs there are
stands in vtpVlanState (CISCO-VTP-MIB).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.snmp.columns import as_mac, numbers
from haidang_agent.snmp.session import SnmpError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from haidang_agent.snmp.session import Session

TP_FDB_PORT = "1.3.6.1.2.1.17.4.3.1.2"
Q_TP_FDB_PORT = "1.3.6.1.2.1.17.7.1.2.2.1.2"
VLAN_FDB_ID = "1.3.6.1.2.1.17.7.1.4.2.1.3"
BASE_PORT_IF_INDEX = "1.3.6.1.2.1.17.1.4.1.2"
VTP_VLAN_STATE = "1.3.6.1.4.1.9.9.46.1.3.1.1.2"
OPERATIONAL = 1
NOT_ASKED = (1, *range(1002, 1006))
"""VLAN 1 is what the plain community shows; the others VTP keeps for FDDI and Token Ring."""
MOST_VLANS = 128
MOST_SILENT_VLANS = 3


@dataclass(frozen=True, slots=True)
class Forwarding:
    """`port` is an interface's name, else the bridge port's number; None for the switch's own addresses (port 0)."""

    mac: str
    port: str | None
    vlan: int | None


def read_forwarding(
    session: Session, labels: Mapping[int, str], of_vlan: Callable[[int], Session] | None = None
) -> list[Forwarding]:
    """`labels` are interface names by ifIndex; `of_vlan` asks as `community@VLAN`. Raises SnmpError."""
    ports = _ports(session, labels)
    rows = _by_vlan(session, ports)
    seen = {row.mac for row in rows}
    rows += [row for row in _plain(session, ports, None) if row.mac not in seen]
    if not rows and of_vlan:
        rows += _vlan_by_vlan(session, labels, of_vlan)
    return rows


def _vlan_by_vlan(
    session: Session, labels: Mapping[int, str], of_vlan: Callable[[int], Session]
) -> Iterator[Forwarding]:
    silent = 0
    for vlan in _vlans(session):
        asked = of_vlan(vlan)
        try:
            yield from _plain(asked, _ports(asked, labels), vlan)
        except SnmpError:
            session.problems.append(f"VLAN {vlan}: no answer to the community with @{vlan} behind it")
            silent += 1
        session.problems += [f"VLAN {vlan}: {problem}" for problem in asked.problems]
        if silent > MOST_SILENT_VLANS:
            session.problems.append("FDB: the other VLANs were not asked")
            return


def _ports(session: Session, labels: Mapping[int, str]) -> dict[int, str]:
    indexes = numbers(session, "dot1dBasePortIfIndex", BASE_PORT_IF_INDEX)
    return {int(port): labels[index] for port, index in indexes.items() if port.isdecimal() and index in labels}


def _plain(session: Session, ports: Mapping[int, str], vlan: int | None) -> list[Forwarding]:
    rows = numbers(session, "dot1dTpFdbPort", TP_FDB_PORT)
    return _table(session, "dot1dTpFdbPort", ((mac, port, vlan) for mac, port in rows.items()), ports)


def _by_vlan(session: Session, ports: Mapping[int, str]) -> list[Forwarding]:
    rows = numbers(session, "dot1qTpFdbPort", Q_TP_FDB_PORT)
    # dot1qVlanCurrentTable is indexed by time mark and VLAN. Where a device has no such map, both numbers are the same.
    vlans: dict[str, int] = {}
    if rows:
        for index, fdb in numbers(session, "dot1qVlanFdbId", VLAN_FDB_ID).items():
            vlans.setdefault(str(fdb), int(index.rpartition(".")[2]))
    parted = ((index.partition("."), port) for index, port in rows.items())
    told = ((mac, port, vlans.get(fdb, int(fdb))) for (fdb, _, mac), port in parted)
    return _table(session, "dot1qTpFdbPort", told, ports)


def _table(
    session: Session, name: str, rows: Iterable[tuple[str, int, int | None]], ports: Mapping[int, str]
) -> list[Forwarding]:
    found, wrong = [], []
    for index, port, vlan in rows:
        try:
            found.append(Forwarding(as_mac(index), ports.get(port, str(port)) if port else None, vlan))
        except ValueError:
            wrong.append(index)
    if wrong:
        session.problems.append(f"{name}: {len(wrong)} rows have an index without a MAC address, as {wrong[0]}")
    return found


def _vlans(session: Session) -> list[int]:
    """Those in operation; vtpVlanTable is indexed by management domain and VLAN."""
    rows = numbers(session, "vtpVlanState", VTP_VLAN_STATE)
    known = sorted({int(index.rpartition(".")[2]) for index, state in rows.items() if state == OPERATIONAL})
    vlans = [vlan for vlan in known if vlan not in NOT_ASKED]
    if len(vlans) > MOST_VLANS:
        session.problems.append(f"vtpVlanState: {len(vlans)} VLANs; addresses of the first {MOST_VLANS} were read")
    return vlans[:MOST_VLANS]
