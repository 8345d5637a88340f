"""Acknowledge, note, assign, close, open again: each is one transaction and one entry of the time line."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from sqlalchemy import select

from haidang_collector.incidents.tables import IncidentEvent, IncidentHandling
from haidang_collector.registry.models import PERSON_LENGTH, Incident

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

Action = Literal["ack", "note", "assign", "close", "reopen"]
ALERTING = "Alertmanager"
"""Who opens a closed incident again when its alert fires again."""
AGAIN = timedelta(days=1)
"""An alert that fires again so soon after somebody closed its incident is that incident come back."""
LONGEST_TEXT = 2_000


class UnknownIncidentError(LookupError):
    """There is no incident of this number."""


class EmptyTextError(ValueError):
    """A note without a word."""


def act(database: Database, incident: int, what: Action, who: str, text: str = "") -> bool:
    """What `who` does to an incident; `text` is a note, or the person to assign it to (empty: nobody).

    False where it stood so already, and then nothing is written. Raises UnknownIncidentError and EmptyTextError.
    """
    text = "".join(c for c in text if c.isprintable() or c in "\n\t").strip()[:LONGEST_TEXT]
    if what == "note" and not text:
        raise EmptyTextError
    with database.write() as session:
        # The incident's own row is locked, so that two who act at once do so one after the other.
        if session.scalar(select(Incident.id).where(Incident.id == incident).with_for_update()) is None:
            raise UnknownIncidentError(incident)
        handling = _handling(session, incident)
        now = datetime.now(UTC)
        if not _change(handling, what, who, text[:PERSON_LENGTH], now):
            return False
        session.add(IncidentEvent(incident=incident, at=now, who=who[:PERSON_LENGTH], what=what, text=text))
    return True


def fires_again(session: Session, incidents: Iterable[Incident], heard: datetime) -> None:
    """The same alert goes on after what was taken for its end: the incident is nobody's business any more, but new."""
    for incident in incidents:
        _change(_handling(session, incident.id), "reopen", ALERTING, "", heard)
        session.add(IncidentEvent(incident=incident.id, at=heard, who=ALERTING, what="reopen", text=""))


def comes_back(session: Session, incidents: Sequence[Incident], heard: datetime) -> None:
    """New incidents whose alert had one that somebody closed within a day: they say so, and go to the same person."""
    closed = (
        select(Incident.fingerprint, Incident.id, IncidentHandling.assignee)
        .join(IncidentHandling, IncidentHandling.incident == Incident.id)
        .where(
            Incident.fingerprint.in_([incident.fingerprint for incident in incidents]),
            IncidentHandling.closed_at >= heard - AGAIN,
        )
        .order_by(Incident.starts_at)
    )
    newest = {fingerprint: (number, assignee) for fingerprint, number, assignee in session.execute(closed)}
    for incident in incidents:
        if incident.fingerprint in newest:
            earlier, assignee = newest[incident.fingerprint]
            _handling(session, incident.id).assignee = assignee
            text = f"#{earlier}"
            session.add(IncidentEvent(incident=incident.id, at=heard, who=ALERTING, what="reopen", text=text))


def _handling(session: Session, incident: int) -> IncidentHandling:
    handling = session.get(IncidentHandling, incident)
    if handling is None:
        handling = IncidentHandling(incident=incident)
        session.add(handling)
    return handling


def _change(handling: IncidentHandling, what: Action, who: str, text: str, now: datetime) -> bool:
    """False where it stands so already."""
    if what == "ack":
        if handling.acknowledged_at is not None:
            return False
        handling.acknowledged_at, handling.acknowledged_by = now, who
    elif what == "assign":
        if (handling.assignee or "") == text:
            return False
        handling.assignee = text or None
    elif what == "close":
        if handling.closed_at is not None:
            return False
        handling.closed_at, handling.closed_by = now, who
    elif what == "reopen":
        if handling.closed_at is None and handling.acknowledged_at is None:
            return False
        handling.closed_at = handling.closed_by = handling.acknowledged_at = handling.acknowledged_by = None
    return True
