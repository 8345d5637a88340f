"""Faults larger than a school that concern it: its own people get no message of what they explain, but see it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import to_thread

from haidang_collector.incidents.finding import larger_than_a_unit

if TYPE_CHECKING:
    from haidang_collector.incidents.finding import IncidentRow
    from haidang_collector.registry.database import Database
    from haidang_collector.web.lines import Lines


async def larger_of(database: Database, district: str, lines: Lines | None) -> list[IncidentRow]:
    """The centre's, the district's, and those of ISPs that the unit has a line of, or whose lines nobody knows."""
    isps = {line.isp for line in lines.lines if line.isp} | set(lines.egress) if lines else set()
    found = await to_thread.run_sync(larger_than_a_unit, database, district)
    return [incident for incident in found if not isps or incident.labels.get("isp", "") in {"", *isps}]
