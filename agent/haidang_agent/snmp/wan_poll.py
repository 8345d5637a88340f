"""What a router tells of its WAN interfaces, look after look: few requests, so that it can be asked every minute.

Which interfaces are meant is said by their names (ifName, ifDescr or ifAlias); of several that carry one WAN, a PPPoE
link and the port below it, the port tells the carrier and the speed, and the first named tells the bytes.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from haidang_agent.snmp import interfaces as mib
from haidang_agent.snmp.columns import texts
from haidang_agent.snmp.counters import Look, counted
from haidang_agent.snmp.if_types import FIBRE, type_name
from haidang_agent.snmp.neighbours import read_neighbours
from haidang_agent.snmp.optics import read_optics
from haidang_agent.snmp.routes import read_default_routes
from haidang_agent.snmp.system import UP_TIME
from haidang_agent.snmp.values import number

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from haidang_agent.snmp.optics import Optic
    from haidang_agent.snmp.routes import DefaultRoute
    from haidang_agent.snmp.session import Session, Value

TYPE = f"{mib.IF_ENTRY}.3"
DISCONTINUITY = f"{mib.IF_X_ENTRY}.19"
NAMES = (("ifName", f"{mib.IF_X_ENTRY}.1"), ("ifDescr", f"{mib.IF_ENTRY}.2"), ("ifAlias", f"{mib.IF_X_ENTRY}.18"))
COLUMNS = (
    TYPE, mib.SPEED, mib.HIGH_SPEED, mib.ADMIN_STATUS, mib.OPER_STATUS, DISCONTINUITY,
    mib.IN_OCTETS, mib.OUT_OCTETS, mib.HC_IN_OCTETS, mib.HC_OUT_OCTETS,
)  # fmt: skip
LOGICAL = frozenset({"other", "ppp", "pppMultilinkBundle", "tunnel", "l2vlan", "l3ipvlan", "propVirtual", "bridge"})
OPTICAL = ("rx_dbm", "tx_dbm", "rx_low_dbm", "temperature_celsius")
NO_LINK_BELOW = ("lowerLayerDown", "notPresent")

Fact = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Port:
    """An interface; `name` as people know it. `logical`: it may be down while the port below it has its link."""

    index: int
    name: str
    logical: bool = False


@dataclass(slots=True)
class Running:
    """The total of one counter, and the look it stands on; plain data, to be kept over a restart."""

    total: int = 0
    last: Look | None = None

    def add(self, now: Look, bytes_per_second: float | None) -> int:
        if self.last is not None:
            self.total += counted(self.last, now, bytes_per_second)
        self.last = now
        return self.total

    def stored(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def restored(cls, stored: Any) -> Running:
        """A fresh one where nothing of use was stored."""
        try:
            return cls(int(stored["total"]), Look(**stored["last"]) if stored["last"] else None)
        except (KeyError, TypeError, ValueError):
            return cls()


@dataclass(slots=True)
class WanPoll:
    """`names` are WANs by the interface's name; `totals` (by WAN and direction) go on between looks."""

    names: Mapping[str, str]
    totals: dict[str, Running] = field(default_factory=dict)
    ports: dict[str, list[Port]] = field(default_factory=dict)
    """By WAN, as the last whole look found them."""
    lit: set[str] = field(default_factory=set)
    """WANs whose light was ever measured: one that sends and no longer receives is `dark`."""

    def carriers(self, session: Session) -> dict[str, bool]:
        """One request: the WANs whose link is known, and whether it is there. Raises SnmpError."""
        indexes = [port.index for ports in self.ports.values() for port in ports]
        told = session.get([f"{mib.OPER_STATUS}.{index}" for index in indexes]) if indexes else {}
        found = {wan: _carrier(ports, told) for wan, ports in self.ports.items()}
        return {wan: link for wan, link in found.items() if link is not None}

    def look(self, session: Session) -> dict[str, Fact]:
        """Everything, by WAN; what the device does not tell is left out. Raises SnmpError.

        Without `names` it only sees whether the device answers.
        """
        if not self.names:
            session.get([UP_TIME])
            return {}
        columns = [texts(session, name, oid) for name, oid in NAMES]
        self._find(session, columns)
        indexes = [port.index for ports in self.ports.values() for port in ports]
        if not indexes:
            return {wan: {} for wan in self.ports}  # what was told of them before is over too
        told = session.get([UP_TIME, *(f"{column}.{index}" for index in indexes for column in COLUMNS)])
        self.ports = {wan: [_judged(port, told) for port in ports] for wan, ports in self.ports.items()}
        optics = read_optics(session, _all_ports(columns))
        routes = _routes(session)
        return {wan: self._fact(wan, ports, told, optics, routes) for wan, ports in self.ports.items()}

    def _find(self, session: Session, columns: Iterable[Mapping[str, str]]) -> None:
        """Indexes may change when a device starts anew, so the names are looked up each time."""
        self.ports = {wan: [] for wan in self.names.values()}
        for wanted, wan in self.names.items():
            indexes = (index for column in columns for index, name in column.items() if name == wanted)
            index = next((index for index in indexes if index.isdecimal()), None)
            if index is None:
                session.problems.append(f"no interface is named {wanted!r}: mend wan_interfaces in agent.toml")
            else:
                self.ports[wan].append(Port(int(index), wanted))

    def _fact(
        self, wan: str, ports: list[Port], told: Mapping[str, Value], optics: list[Optic], routes: list[DefaultRoute]
    ) -> Fact:
        if not ports:
            return {}
        lowest = next((port for port in ports if not port.logical), ports[0])
        admin = [number(told.get(f"{mib.ADMIN_STATUS}.{port.index}")) for port in ports]
        speed = mib.speed(*(number(told.get(f"{column}.{lowest.index}")) for column in (mib.SPEED, mib.HIGH_SPEED)))
        fact: Fact = {
            "carrier": _carrier(ports, told),
            "admin": all(mib.ADMIN.get(state) == "up" for state in admin if state) if any(admin) else None,
            "speed_bps": speed or None,
            "receive_bytes": self._total(f"{wan} receive", ports[0], told, mib.IN_OCTETS, mib.HC_IN_OCTETS, speed),
            "transmit_bytes": self._total(f"{wan} transmit", ports[0], told, mib.OUT_OCTETS, mib.HC_OUT_OCTETS, speed),
            "default_route": _leaves(ports, [port for each in self.ports.values() for port in each], routes),
        }
        optic = next((optic for optic in optics for port in ports if optic.interface == port.name), None)
        if optic is not None:
            fact |= {key: getattr(optic, key) for key in OPTICAL}
            if optic.rx_dbm is not None:
                self.lit.add(wan)
            fact["dark"] = True if wan in self.lit and optic.rx_dbm is None and optic.tx_dbm is not None else None
        kinds = (number(told.get(f"{TYPE}.{port.index}")) for port in ports)
        has_light = fact.get("rx_dbm") is not None or fact.get("tx_dbm") is not None  # a copper module has none
        if has_light or any(type_name(kind) in FIBRE for kind in kinds if kind):
            fact["fibre"] = True
        return {key: value for key, value in fact.items() if value is not None}

    def _total(
        self, name: str, port: Port, told: Mapping[str, Value], narrow: str, wide: str, speed: int | None
    ) -> int | None:
        ticks = number(told.get(UP_TIME))
        low, high = (number(told.get(f"{column}.{port.index}")) for column in (narrow, wide))
        count, bits = (high, 64) if high or not low else (low, 32)
        if ticks is None or count is None:
            return None
        anew = number(told.get(f"{DISCONTINUITY}.{port.index}")) or 0
        # The speed of a logical interface is often made up.
        bytes_per_second = speed / 8 if speed and not port.logical else None
        return self.totals.setdefault(name, Running()).add(Look(count, bits, ticks, anew), bytes_per_second)


def _judged(port: Port, told: Mapping[str, Value]) -> Port:
    kind = number(told.get(f"{TYPE}.{port.index}"))
    return replace(port, logical=kind is None or type_name(kind) in LOGICAL)


def _all_ports(columns: Iterable[Mapping[str, str]]) -> list[Port]:
    names: dict[str, str] = {}
    for column in columns:
        names = {**column, **names}
    return [Port(int(index), name) for index, name in names.items() if index.isdecimal()]


def _carrier(ports: Iterable[Port], told: Mapping[str, Value]) -> bool | None:
    """Of a logical interface only `up`, and that nothing is below it, say something of the link."""
    states = {port: mib.OPER.get(number(told.get(f"{mib.OPER_STATUS}.{port.index}")) or 0) for port in ports}
    physical = [state for port, state in states.items() if not port.logical and state]
    if physical:
        return all(state in ("up", "dormant") for state in physical)
    if "up" in states.values():
        return True
    return False if any(state in NO_LINK_BELOW for state in states.values()) else None


def _routes(session: Session) -> list[DefaultRoute]:
    routes = read_default_routes(session, {})
    if any(route.index is None for route in routes):
        return read_default_routes(session, {}, read_neighbours(session))
    return routes


def _leaves(ports: Iterable[Port], known: Iterable[Port], routes: Iterable[DefaultRoute]) -> bool | None:
    """Whether the default route leaves by one of `ports`; None where it leaves by what is not among the WANs known."""
    leaving = {route.index for route in routes}
    if leaving & {port.index for port in ports}:
        return True
    return False if leaving and leaving <= {port.index for port in known} else None
