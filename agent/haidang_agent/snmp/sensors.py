"""Optical power among the sensors of ENTITY-SENSOR-MIB (RFC 3433) and CISCO-ENTITY-SENSOR-MIB.

RFC 3433 knows no dBm: vendors write type `other` with the unit `dBm`, Cisco's type 14, or watts. What a sensor measures
(rx or tx, which lane, of which port) stands in its name and place only.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from haidang_agent.snmp.optics_units import dbm, from_milliwatts, plausible_celsius
from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent.snmp.optics_entities import Entities
    from haidang_agent.snmp.session import Session, Value

STANDARD = "1.3.6.1.2.1.99.1.1.1"
CISCO = "1.3.6.1.4.1.9.9.91.1.1.1.1"
CISCO_THRESHOLDS = "1.3.6.1.4.1.9.9.91.1.2.1.1"
RELATION, THRESHOLD = "3", "4"
BELOW = frozenset({1, 2})
"""lessThan, lessOrEqual."""

OTHER, WATTS, DEGREES, DBM = 1, 6, 8, 14
OK = 1
SMALLEST_SCALE, UNITS_SCALE, LARGEST_SCALE = 1, 9, 17
MOST_DIGITS = 9

RECEIVES = re.compile(r"(?<![a-z])rx|receiv|(?<![a-z])rcv", re.IGNORECASE)
SENDS = re.compile(r"(?<![a-z])tx|transmit", re.IGNORECASE)
LANE = re.compile(r"lane\s*#?(\d{1,2})\b", re.IGNORECASE)
OPTICAL = re.compile(r"optic|laser|transceiver|lane|\bx?q?sfp|\bxfp|\bdom\b", re.IGNORECASE)
RADIO = re.compile(r"radio|rss[il]|\brsl|antenna|modem|wireless|wlan|\blte\b|cellular|\b(?:rf|odu)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Reading:
    """One sensor of a transceiver.

    `place` is the interface's ifIndex, else the part that the sensor sits in, else its words.
    """

    place: int | str
    label: str
    lane: int | None
    rx_dbm: float | None = None
    tx_dbm: float | None = None
    temperature_celsius: float | None = None
    rx_low_dbm: float | None = None


def read_sensors(session: Session, entities: Entities, table: str) -> list[Reading]:
    """`table` is STANDARD or CISCO. Only the type column is read of a device without such sensors. Raises SnmpError."""
    types = {entity: number(value) for entity, value in session.walk(f"{table}.1").items()}
    if not {DBM, OTHER, WATTS} & set(types.values()):
        return []
    sensors = _Sensors(session, table, types)
    powers = list(_powers(sensors, entities))
    places = {reading.place for reading in powers}
    boxes = {entities.parent(entity) for entity, _ in sensors.of({DBM, OTHER, WATTS})} - {None}
    heats = (reading for reading in _heats(sensors, entities, boxes) if reading.place in places)
    return powers + list(heats)


class _Sensors:
    """The columns of one sensor table."""

    def __init__(self, session: Session, table: str, types: dict[str, int | None]) -> None:
        self._session = session
        self._table = table
        self._types = types
        self._scale, self._precision, self._value, self._status = (session.walk(f"{table}.{c}") for c in "2345")
        self._units: dict[str, Value] = session.walk(f"{table}.6") if table == STANDARD else {}

    def of(self, kinds: set[int]) -> list[tuple[str, int]]:
        """Sensors of these types that are not said to be out of order; `other` only where its unit is dBm."""
        return [
            (entity, kind)
            for entity, kind in self._types.items()
            if kind in kinds and self._status.get(entity, OK) == OK and (kind != OTHER or self._says_dbm(entity))
        ]

    def _says_dbm(self, entity: str) -> bool:
        return (text(self._units.get(entity)) or "").lower() == "dbm"

    def scaled(self, entity: str, raw: int | None) -> float | None:
        """`raw` in the sensor's unit, None where scale or precision are outside the MIB."""
        scale, digits = number(self._scale.get(entity)), number(self._precision.get(entity))
        if raw is None or scale is None or not SMALLEST_SCALE <= scale <= LARGEST_SCALE:
            return None
        if digits is None or abs(digits) > MOST_DIGITS:
            return None
        return float(raw * 10.0 ** (3 * (scale - UNITS_SCALE)) / 10.0**digits)

    def measured(self, entity: str) -> float | None:
        return self.scaled(entity, number(self._value.get(entity)))

    def power(self, entity: str, kind: int) -> float | None:
        """In dBm."""
        measured = self.measured(entity)
        if kind == WATTS:
            return from_milliwatts(measured * 1000 if measured is not None else None)
        return dbm(measured)

    def low_alarm(self, entity: str) -> float | None:
        """The lowest of the thresholds that warn of too little; only Cisco's MIB has them."""
        if self._table != CISCO:
            return None
        values = self._session.walk(f"{CISCO_THRESHOLDS}.{THRESHOLD}.{entity}")
        relations = self._session.walk(f"{CISCO_THRESHOLDS}.{RELATION}.{entity}")
        low = (self.scaled(entity, number(values.get(row))) for row, how in relations.items() if how in BELOW)
        return min((known for value in low if (known := dbm(value)) is not None), default=None)


def _powers(sensors: _Sensors, entities: Entities) -> Iterator[Reading]:
    for entity, kind in sensors.of({DBM, OTHER, WATTS}):
        words = entities.words(entity)
        receives, sends = bool(RECEIVES.search(words)), bool(SENDS.search(words))
        if receives == sends or RADIO.search(words) or (kind == WATTS and not OPTICAL.search(words)):
            continue
        power = sensors.power(entity, kind)
        place, label = _place(entities, entity, words)
        lane = int(found.group(1)) if (found := LANE.search(words)) else None
        if receives:
            low = sensors.low_alarm(entity) if kind == DBM else None
            yield Reading(place, label, lane, rx_dbm=power, rx_low_dbm=low)
        else:
            yield Reading(place, label, lane, tx_dbm=power)


def _heats(sensors: _Sensors, entities: Entities, boxes: set[str | None]) -> Iterator[Reading]:
    """Temperatures beside the powers, or with their interface in their name."""
    for entity, _ in sensors.of({DEGREES}):
        words = entities.words(entity)
        if entities.parent(entity) not in boxes and not OPTICAL.search(words):
            continue
        place, label = _place(entities, entity, words)
        yield Reading(place, label, None, temperature_celsius=plausible_celsius(sensors.measured(entity)))


def _place(entities: Entities, entity: str, words: str) -> tuple[int | str, str]:
    index = entities.interface(entity)
    box = entities.parent(entity)
    label = (entities.words(box) if box else "") or words or f"entity {entity}"
    return (index if index is not None else box or label), label
