"""The optical power of a device's transceivers, from whatever table its vendor publishes it in."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from haidang_agent.snmp.optics_entities import Entities, Ports
from haidang_agent.snmp.optics_tables import ENTERPRISES, TABLES
from haidang_agent.snmp.optics_units import celsius
from haidang_agent.snmp.sensors import CISCO, STANDARD, read_sensors
from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from haidang_agent.snmp.optics_entities import Port
    from haidang_agent.snmp.optics_tables import Table
    from haidang_agent.snmp.optics_units import Unit
    from haidang_agent.snmp.session import Session, Value

Key = tuple[str, int | None]
"""Interface (of an ONU its row) and lane."""

SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
LOST = 1
SHORTEST_PRODUCT = 9
"""Arcs of `1.3.6.1.4.1`, the enterprise and two more: the least that names a product."""


@dataclass(frozen=True, slots=True)
class Optic:
    """One transceiver, or one lane of it; field names are the JSON's.

    `interface` is its name, or the vendor's label where it is no interface of the device (`remote`: an ONU, as its OLT
    tells). `rx_low_dbm` is the module's own low alarm. None: not measured, no module or no light; a transceiver of
    which nothing is known does not appear.
    """

    interface: str
    rx_dbm: float | None = None
    tx_dbm: float | None = None
    temperature_celsius: float | None = None
    rx_low_dbm: float | None = None
    lane: int | None = None
    remote: bool = False


def read_optics(session: Session, interfaces: Sequence[Port]) -> list[Optic]:
    """In the device's order. Tables of other vendors are not asked for. Raises SnmpError."""
    ports = Ports(session, interfaces)
    entities = Entities(session, ports)
    object_id = str(session.get([SYS_OBJECT_ID]).get(SYS_OBJECT_ID, ""))
    found: dict[Key, Optic] = {}
    for table in TABLES:
        if any(_below(object_id, product) for product in table.products):
            _merge(found, _rows(session, table, object_id, ports, entities))
    if not found:
        for sensors in (CISCO, STANDARD) if _below(object_id, "9") else (STANDARD,):
            _merge(found, _from_sensors(session, sensors, ports, entities))
    laned = {optic.interface for optic in found.values() if optic.lane is not None}
    return [
        optic
        for optic in found.values()
        if (optic.lane is not None or optic.interface not in laned)
        and (optic.rx_dbm is not None or optic.tx_dbm is not None or optic.temperature_celsius is not None)
    ]


def _below(object_id: str, product: str) -> bool:
    return f"{object_id}.".startswith(f"{ENTERPRISES}{product}.")


def _merge(found: dict[Key, Optic], optics: Iterable[tuple[Key, Optic]]) -> None:
    """What is known already stays; gaps are filled."""
    for key, optic in optics:
        known = found.get(key, optic)
        found[key] = replace(
            known,
            rx_dbm=optic.rx_dbm if known.rx_dbm is None else known.rx_dbm,
            tx_dbm=optic.tx_dbm if known.tx_dbm is None else known.tx_dbm,
            temperature_celsius=(
                optic.temperature_celsius if known.temperature_celsius is None else known.temperature_celsius
            ),
            rx_low_dbm=optic.rx_low_dbm if known.rx_low_dbm is None else known.rx_low_dbm,
        )


def _rows(
    session: Session, table: Table, object_id: str, ports: Ports, entities: Entities
) -> Iterator[tuple[Key, Optic]]:
    for entry in _entries(table, object_id):
        columns = _Columns(session, entry)
        rx, tx = columns.of(table.rx), columns.of(table.tx)
        if not rx and not tx:
            continue
        unit = table.choose([*rx.values(), *tx.values()]) if table.choose else table.unit
        low_unit = table.rx_low_unit or unit
        heat, low, lost, names = (
            columns.of(column) for column in (table.temperature, table.rx_low, table.lost, table.name)
        )
        rows = dict.fromkeys([*rx, *tx])
        lanes = Counter(row.partition(".")[0] for row in rows)
        for row in rows:
            port, _, lane = row.partition(".")
            whole = port if table.index == "lane" else row
            interface = text(names.get(row)) or _interface(table, row, ports, entities)
            optic = Optic(
                interface,
                rx_dbm=_in(unit, rx.get(row)) if number(lost.get(row)) != LOST else None,
                tx_dbm=_in(unit, tx.get(row)),
                temperature_celsius=celsius(heat[whole], table.temperature_divisor) if whole in heat else None,
                rx_low_dbm=_in(low_unit, low.get(whole)),
                lane=int(lane) if table.index == "lane" and lanes[port] > 1 and lane.isdigit() else None,
                remote=table.remote,
            )
            yield (f"{table.entry} {row}" if table.remote else interface, optic.lane), optic
        return


def _entries(table: Table, object_id: str) -> Iterator[str]:
    """OIDs at which the table may be: below the product's own OID, or below its family's."""
    if "{product}" not in table.entry:
        yield ENTERPRISES + table.entry
        return
    arcs = object_id.split(".")
    for length in range(len(arcs), SHORTEST_PRODUCT - 1, -1):
        yield table.entry.format(product=".".join(arcs[:length]))


class _Columns:
    """The columns of one table, each read once."""

    def __init__(self, session: Session, entry: str) -> None:
        self._session = session
        self._entry = entry
        self._read: dict[str, dict[str, Value]] = {}

    def of(self, column: str) -> dict[str, Value]:
        """By index. `6.*.5`: of column 6 the rows whose index ends in 5, by what stands before it."""
        if not column:
            return {}
        column, _, parameter = column.partition(".*")
        if column not in self._read:
            self._read[column] = self._session.walk(f"{self._entry}.{column}")
        rows = self._read[column]
        return {row.removesuffix(parameter): rows[row] for row in rows if row.endswith(parameter)}


def _in(unit: Unit, value: Value | None) -> float | None:
    return unit(value) if value is not None else None


def _interface(table: Table, row: str, ports: Ports, entities: Entities) -> str:
    if table.index == "own":
        return table.label.format(index=row)
    if table.index == "entity":
        index = entities.interface(row)
        return (ports.name(index) if index is not None else None) or entities.words(row) or f"entity {row}"
    first, _, rest = row.partition(".")
    if table.index == "last":
        first = row.rpartition(".")[2]
    name = ports.name(int(first)) or f"interface {first}"
    return f"{name} ONU {rest}" if table.index == "onu" and rest else name


def _from_sensors(session: Session, table: str, ports: Ports, entities: Entities) -> Iterator[tuple[Key, Optic]]:
    readings = read_sensors(session, entities, table)
    heat = {reading.place: reading.temperature_celsius for reading in readings if reading.temperature_celsius}
    lanes: dict[int | str, set[int | None]] = defaultdict(set)
    for reading in readings:
        lanes[reading.place].add(reading.lane)
    for reading in readings:
        name = ports.name(reading.place) if isinstance(reading.place, int) else None
        optic = Optic(
            name or reading.label,
            rx_dbm=reading.rx_dbm,
            tx_dbm=reading.tx_dbm,
            temperature_celsius=heat.get(reading.place),
            rx_low_dbm=reading.rx_low_dbm,
            lane=reading.lane if len(lanes[reading.place] - {None}) > 1 else None,
        )
        yield (optic.interface, optic.lane), optic
