"""Incidents as files for the security report: CSV for a spreadsheet, JSON with time lines and figures."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from haidang_collector.incidents.figures import figures
from haidang_collector.incidents.finding import events, every
from haidang_collector.registry.sheet import csv_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.incidents.finding import IncidentRow, Wanted
    from haidang_collector.registry.database import Database

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for the system's code page."""
COLUMNS = (
    "id", "alertname", "severity", "category", "unit", "unit_name", "district", "state", "summary", "starts_at",
    "received_at", "acknowledged_at", "acknowledged_by", "assignee", "ends_at", "closed_at", "closed_by",
)  # fmt: skip


def as_csv(database: Database, wanted: Wanted, language: str) -> Iterator[str]:
    """One line for an incident, times in UTC (RFC 3339)."""
    heading = BYTE_ORDER_MARK + csv_line(COLUMNS)
    for batch in every(database, wanted):
        known = (_plain(row) | {"summary": row.summary(language)} for row in batch)
        yield heading + "".join(csv_line(_cell(told[column]) for column in COLUMNS) for told in known)
        heading = ""
    yield heading


def as_json(database: Database, wanted: Wanted) -> Iterator[str]:
    """`{"figures": […], "incidents": […]}`, each incident with its `events`."""
    yield f'{{"figures": {json.dumps([asdict(figure) for figure in figures(database, wanted)])}, "incidents": ['
    parting = ""
    for batch in every(database, wanted):
        lines = events(database, [row.id for row in batch])
        for row in batch:
            told = _plain(row) | {"events": [asdict(event) for event in lines.get(row.id, [])]}
            yield parting + json.dumps(told, ensure_ascii=False, default=datetime.isoformat)
            parting = ",\n"
    yield "]}\n"


def _plain(row: IncidentRow) -> dict[str, Any]:
    return asdict(row) | {"state": row.state}


def _cell(value: object) -> str:
    if value is None:
        return ""
    return value.isoformat(timespec="seconds") if isinstance(value, datetime) else str(value)
