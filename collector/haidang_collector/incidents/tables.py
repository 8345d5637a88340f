"""Tables of what people do about an incident, beside the registry's `incident`, which keeps what Alertmanager tells."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from haidang_collector.registry.models import PERSON_LENGTH, Base

EVENTS = ("ack", "note", "assign", "close", "reopen", "told")


class IncidentHandling(Base):
    """Where an incident stands with people; no row: nobody has touched it. What was undone is None again."""

    __tablename__ = "incident_handling"
    incident: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True, autoincrement=False)
    acknowledged_at: Mapped[datetime | None]
    acknowledged_by: Mapped[str | None] = mapped_column(String(PERSON_LENGTH))
    assignee: Mapped[str | None] = mapped_column(String(PERSON_LENGTH), index=True)
    closed_at: Mapped[datetime | None]
    closed_by: Mapped[str | None] = mapped_column(String(PERSON_LENGTH))


class IncidentEvent(Base):
    """One entry of an incident's time line; rows are added and never changed.

    `text` is the note, the assignee (empty: nobody any more), the incident that came back as `#12`, or the channel.
    """

    __tablename__ = "incident_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    incident: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    what: Mapped[str] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        CheckConstraint(f"what IN ({', '.join(map(repr, EVENTS))})", name="what"),
        Index("ix_incident_event_incident_id", "incident", "id"),
    )
