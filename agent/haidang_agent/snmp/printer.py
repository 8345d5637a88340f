"""Supplies, trays, pages and faults of a printer (Printer-MIB, RFC 3805; HOST-RESOURCES-MIB, RFC 2790)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from haidang_agent.snmp.session import Session, Value

    State = Literal["level", "some", "full", "unknown"]

PRINTER = "1.3.6.1.2.1.43."
GENERAL_NAME, GENERAL_SERIAL = f"{PRINTER}5.1.1.16.", f"{PRINTER}5.1.1.17."
PAGES_UNIT, PAGES = f"{PRINTER}10.2.1.3.", f"{PRINTER}10.2.1.4."
SUPPLIES, INPUTS, DISPLAY = f"{PRINTER}11.1.1", f"{PRINTER}8.2.1", f"{PRINTER}16.5.1.2"
HR_DESCR, HR_STATUS, HR_ERRORS = "1.3.6.1.2.1.25.3.2.1.3.", "1.3.6.1.2.1.25.3.5.1.1.", "1.3.6.1.2.1.25.3.5.1.2."

STATES: dict[int | None, State] = {-3: "some", -2: "unknown", -1: "full"}
"""Levels that are no amount (prtMarkerSuppliesLevel, prtInputCurrentLevel)."""
PERCENT = 19
"""PrtMarkerSuppliesSupplyUnitTC percent."""
MOST_ROWS = 100
LONGEST_DISPLAY = 255

STATUSES = {1: "other", 2: "unknown", 3: "idle", 4: "printing", 5: "warmup"}
PAGE_UNITS = {5: "hours", 7: "impressions", 8: "sheets", 16: "feet", 17: "metres"}
SUPPLY_TYPES = [
    "other", "unknown", "toner", "waste_toner", "ink", "ink_cartridge", "ink_ribbon", "waste_ink", "opc", "developer",
    "fuser_oil", "solid_wax", "ribbon_wax", "waste_wax", "fuser", "corona_wire", "fuser_oil_wick", "cleaner_unit",
    "fuser_cleaning_pad", "transfer_unit", "toner_cartridge", "fuser_oiler", "water", "waste_water",
    "glue_water_additive", "waste_paper", "binding_supply", "banding_supply", "stitching_wire", "shrink_wrap",
    "paper_wrap", "staples", "inserts", "covers",
]  # fmt: skip
"""PrtMarkerSuppliesTypeTC (IANA-PRINTER-MIB), from 1."""
ERRORS = [
    "low_paper", "no_paper", "low_toner", "no_toner", "door_open", "jammed", "offline", "service_requested",
    "input_tray_missing", "output_tray_missing", "marker_supply_missing", "output_near_full", "output_full",
    "input_tray_empty", "overdue_maintenance",
]  # fmt: skip
"""hrPrinterDetectedErrorState, from the highest bit of the first octet."""


@dataclass(frozen=True, slots=True)
class Supply:
    """A consumable or a tray. `percent` is what remains; of a waste container the space that remains.

    `state`: `level` where `percent` is known; `some` for "more than nothing" and `unknown` are all that many devices
    tell; `full` is "no limit".
    """

    description: str | None
    type: str | None
    percent: int | None
    state: State
    capacity: int | None


@dataclass(frozen=True, slots=True)
class Printer:
    """Field names are the JSON's; None is what the printer does not tell.

    `status` is other, unknown, idle, printing or warmup; `errors` the raised bits of hrPrinterDetectedErrorState;
    `page_count` counts `page_unit` (impressions, sheets, …) over the printer's life.
    """

    model: str | None
    serial: str | None
    status: str | None
    errors: list[str] | None
    display: str | None
    page_count: int | None
    page_unit: str | None
    supplies: list[Supply]
    trays: list[Supply]


def read_printer(session: Session) -> Printer | None:
    """None where the device does not speak the Printer-MIB: a server with print queues is none. Raises SnmpError."""
    supplies = _table(session, SUPPLIES)
    device = next((row.partition(".")[0] for row in supplies), "1")
    general = session.get(
        [
            *(GENERAL_NAME + device, GENERAL_SERIAL + device, f"{PAGES}{device}.1", f"{PAGES_UNIT}{device}.1"),
            *(HR_DESCR + device, HR_STATUS + device, HR_ERRORS + device),
        ]
    )
    if not supplies and not any(oid.startswith(PRINTER) for oid in general):
        return None
    pages = number(general.get(f"{PAGES}{device}.1"))
    unit = number(general.get(f"{PAGES_UNIT}{device}.1"))
    lines = (text(line) for line in list(session.walk(DISPLAY).values())[:MOST_ROWS])
    return Printer(
        model=text(general.get(GENERAL_NAME + device)) or text(general.get(HR_DESCR + device)),
        serial=text(general.get(GENERAL_SERIAL + device)),
        status=STATUSES.get(number(general.get(HR_STATUS + device)) or 0),
        errors=_errors(general.get(HR_ERRORS + device)),
        display=" ".join(line for line in lines if line)[:LONGEST_DISPLAY] or None,
        page_count=pages if pages is not None and pages >= 0 else None,
        page_unit=PAGE_UNITS.get(unit or 0),
        supplies=[_supply(row) for row in supplies.values()],
        trays=[_tray(row) for row in _table(session, INPUTS).values()],
    )


def _table(session: Session, entry: str) -> dict[str, dict[str, Value]]:
    """Rows by index, each with its values by column."""
    rows: dict[str, dict[str, Value]] = defaultdict(dict)
    for place, value in session.walk(entry).items():
        column, _, row = place.partition(".")
        if row in rows or len(rows) < MOST_ROWS:
            rows[row][column] = value
    return dict(rows)


def _supply(row: dict[str, Value]) -> Supply:
    kind = number(row.get("5")) or 0
    named = SUPPLY_TYPES[kind - 1] if 1 <= kind <= len(SUPPLY_TYPES) else None
    return _stock(text(row.get("6")), named, row.get("9"), row.get("8"), row.get("7"))


def _tray(row: dict[str, Value]) -> Supply:
    return _stock(text(row.get("13")) or text(row.get("18")), "input", row.get("10"), row.get("9"), row.get("8"))


def _stock(
    description: str | None, kind: str | None, level: Value | None, capacity: Value | None, unit: Value | None
) -> Supply:
    left, whole = number(level), number(capacity)
    if whole is not None and whole <= 0:
        whole = None
    percent = None
    if left == 0 or (left is not None and left > 0 and number(unit) == PERCENT):
        percent = min(left, 100)
    elif left is not None and left > 0 and whole is not None:
        percent = min(round(100 * left / whole), 100)
    state = "level" if percent is not None else STATES.get(left, "unknown")
    return Supply(description, kind, percent, state, whole)


def _errors(value: Value | None) -> list[str] | None:
    if not isinstance(value, bytes):
        return None
    bits = [(octet >> shift) & 1 for octet in value[:2] for shift in range(7, -1, -1)]
    return [name for name, raised in zip(ERRORS, bits, strict=False) if raised]
