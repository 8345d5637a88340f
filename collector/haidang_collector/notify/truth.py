"""What is still true of what somebody was to hear: incidents end, are taken on, fire again, or are the centre's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import select

from haidang_collector.registry.models import Incident

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from haidang_collector.incidents.tables import IncidentHandling
    from haidang_collector.notify.tables import Telling

EXPLAINED = ("InternetDown",)
"""Alerts of units that are the centre's fault while it is cut off."""
CENTRE = "CentreCutOff"
"""Of alerts/rules/storms.yml, whose other faults keep those of units from beginning."""
HELD = "held"
"""Not told as long as the centre itself is cut off; it stands in `dropped` of what is not told yet."""


def centre_is_cut_off(connection: Connection) -> bool:
    firing = select(Incident.id).where(Incident.status == "firing", Incident.alertname == CENTRE)
    return connection.execute(firing.limit(1)).first() is not None


def is_taken_on(handling: IncidentHandling | None) -> bool:
    return handling is not None and bool(handling.acknowledged_at or handling.closed_at)


def why_not(telling: Telling, incident: Incident, handling: IncidentHandling | None, *, cut_off: bool) -> str | None:
    """Why it is not told: for good, or, if HELD, not now. None: it is."""
    is_over = incident.status != "firing"
    explained = incident.unit is not None and incident.alertname in EXPLAINED
    if telling.kind == "resolved":
        return None if is_over else "fires again"
    if explained and telling.dropped == HELD and is_over:
        return "the centre was cut off"
    if telling.kind != "firing":
        if is_over:
            return "over"
        if is_taken_on(handling):
            return "taken on"
    return HELD if explained and cut_off else None
