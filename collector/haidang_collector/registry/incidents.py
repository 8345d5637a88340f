"""Incidents: what Alertmanager tells, kept from start to end.

An alert is told by fingerprint and start. Notifications may come twice, late, and in the wrong order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from haidang_collector.incidents.handling import comes_back, fires_again
from haidang_collector.registry.models import CODE_LENGTH, DISTRICT_LENGTH, Incident

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

LATE_SECONDS = 60
"""A firing so soon after the resolved one overtook it; later than that the alert fires again.

Alertmanager resolves on its own what Prometheus did not repeat for minutes, and then may tell the same start again.
"""
MAX_ALERTS = 10_000
_COLUMN_LENGTHS = {"alertname": 200, "unit": CODE_LENGTH, "district": DISTRICT_LENGTH, "severity": 50, "category": 50}


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("holds the character U+0000, which no database keeps")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("is out of the calendar") from None


def _fitting(labels: dict[str, str]) -> dict[str, str]:
    for name, longest in _COLUMN_LENGTHS.items():
        if len(labels.get(name, "")) > longest:
            raise ValueError(f"{name} is longer than {longest} characters")
    if not labels.get("alertname"):
        raise ValueError("alertname is missing")
    return labels


Text = Annotated[str, AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class Alert(BaseModel):
    """One alert of a notification. `endsAt` of one that fires means nothing (it is year 1)."""

    status: Literal["firing", "resolved"]
    labels: Annotated[dict[Text, Text], AfterValidator(_fitting)]
    annotations: dict[Text, Text] = {}
    startsAt: Moment  # noqa: N815 - Alertmanager's names
    endsAt: Moment  # noqa: N815
    fingerprint: Annotated[Text, Field(min_length=1, max_length=64)]


class Notification(BaseModel):
    """Body of Alertmanager's webhook, version 4 (prometheus.io, alerting configuration, webhook_config)."""

    version: Literal["4"]
    alerts: Annotated[list[Alert], Field(max_length=MAX_ALERTS)]


class News(NamedTuple):
    """What a notification changed. `ended` may be all that is ever heard of an incident."""

    what: Literal["opened", "reopened", "ended"]
    incident: Incident


def record(
    database: Database,
    notification: Notification,
    now: datetime | None = None,
    then: Callable[[Session, Sequence[News], datetime], None] | None = None,
) -> None:
    """Keep every alert of a notification, in one transaction; the same one again changes nothing.

    `then` hears, in that transaction, what is new, if anything is.
    """
    heard = now or datetime.now(UTC)
    alerts = sorted(notification.alerts, key=lambda alert: (alert.fingerprint, alert.startsAt))
    with database.write() as session:
        told = [news for alert in alerts if (news := _record_one(session, alert, heard)) is not None]
        session.flush()
        for fingerprint in sorted({alert.fingerprint for alert in alerts}):
            told += [News("ended", incident) for incident in _end_superseded(session, fingerprint, heard)]
        fires_again(session, (incident for what, incident in told if what == "reopened"), heard)
        comes_back(session, (incident for what, incident in told if what == "opened"), heard)
        if told and then is not None:
            session.flush()
            then(session, told, heard)


def _record_one(session: Session, alert: Alert, heard: datetime) -> News | None:
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    state = _state(alert)
    first = insert(Incident).values(**state, received_at=heard, updated_at=heard).on_conflict_do_nothing()
    is_new = session.scalar(first.returning(Incident.id)) is not None
    same = (Incident.fingerprint == alert.fingerprint, Incident.starts_at == alert.startsAt)
    incident = session.scalars(select(Incident).where(*same).with_for_update()).one()
    if is_new:
        return News("opened" if alert.status == "firing" else "ended", incident)
    overtaken = alert.status == "firing" and incident.status == "resolved"
    if overtaken and heard - incident.updated_at < timedelta(seconds=LATE_SECONDS):
        return None
    before = incident.status
    if {name: getattr(incident, name) for name in state} != state:
        for name, value in state.items():
            setattr(incident, name, value)
        incident.updated_at = heard
    if alert.status == before:
        return None
    return News("reopened" if alert.status == "firing" else "ended", incident)


def _state(alert: Alert) -> dict[str, object]:
    copied = {name: alert.labels.get(name) for name in _COLUMN_LENGTHS}
    return {
        **copied,
        "fingerprint": alert.fingerprint,
        "starts_at": alert.startsAt,
        "ends_at": max(alert.endsAt, alert.startsAt) if alert.status == "resolved" else None,
        "status": alert.status,
        "labels": alert.labels,
        "annotations": alert.annotations,
    }


def _end_superseded(session: Session, fingerprint: str, heard: datetime) -> list[Incident]:
    """One alert fires once at a time: where a later start is known, the end of the earlier one was never told."""
    every = select(Incident).where(Incident.fingerprint == fingerprint).order_by(Incident.starts_at)
    ended = []
    for earlier, later in pairwise(session.scalars(every.with_for_update()).all()):
        if earlier.status == "firing":
            earlier.status = "resolved"
            earlier.ends_at = later.starts_at
            earlier.updated_at = heard
            ended.append(earlier)
    return ended
