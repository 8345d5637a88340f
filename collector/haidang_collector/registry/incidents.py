"""Incidents: what Alertmanager tells, kept from start to end.

An alert is told by fingerprint and start. Notifications may come twice, late, and in the wrong order.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from pydantic import AfterValidator, AwareDatetime, BaseModel, Field
from sqlalchemy import func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from haidang_collector.incidents.handling import comes_back, fires_again
from haidang_collector.registry.models import CODE_LENGTH, DISTRICT_LENGTH, Incident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

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
    """Keep every alert of a notification; see `record_all`."""
    record_all(database, [notification], now, then)


def record_all(
    database: Database,
    notifications: Sequence[Notification],
    now: datetime | None = None,
    then: Callable[[Session, Sequence[News], datetime], None] | None = None,
) -> None:
    """Keep every alert of these, in their order and one transaction; the same one again changes nothing.

    `then` hears, in that transaction, what is new, if anything is.
    """
    heard = now or datetime.now(UTC)
    alerts = [alert for notification in notifications for alert in notification.alerts]
    if not alerts:
        return
    with database.write() as session:
        new = _insert(session, alerts, heard)
        known = _known(session, alerts)
        told = [news for alert in alerts if (news := _take(known[_key(alert)], alert, new, heard)) is not None]
        session.flush()
        told += [News("ended", incident) for incident in _end_superseded(session, known.values(), heard)]
        fires_again(session, (incident for what, incident in told if what == "reopened"), heard)
        comes_back(session, [incident for what, incident in told if what == "opened"], heard)
        if told and then is not None:
            session.flush()
            then(session, told, heard)


def _key(of: Alert) -> tuple[str, datetime]:
    return of.fingerprint, of.startsAt


def _insert(session: Session, alerts: Sequence[Alert], heard: datetime) -> set[int]:
    """Numbers of the incidents that are new; each as the first alert of it says."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    first = {_key(alert): alert for alert in reversed(alerts)}
    # In one order for all, so that no two processes wait for each other.
    rows = [_state(first[key]) | {"received_at": heard, "updated_at": heard} for key in sorted(first)]
    return set(session.scalars(insert(Incident).on_conflict_do_nothing().returning(Incident.id), rows))


def _known(session: Session, alerts: Sequence[Alert]) -> dict[tuple[str, datetime], Incident]:
    """Incidents of these alerts, and what else of the same fingerprints fires, by fingerprint and start; locked."""
    fingerprints, starts = {alert.fingerprint for alert in alerts}, {alert.startsAt for alert in alerts}
    query = (
        select(Incident)
        .where(Incident.fingerprint.in_(fingerprints), or_(Incident.status == "firing", Incident.starts_at.in_(starts)))
        .order_by(Incident.fingerprint, Incident.starts_at)
    )
    found = session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return {(incident.fingerprint, incident.starts_at): incident for incident in found}


def _take(incident: Incident, alert: Alert, new: set[int], heard: datetime) -> News | None:
    """`new` are incidents of which nothing was told yet."""
    if incident.id in new:
        new.remove(incident.id)
        return News("opened" if alert.status == "firing" else "ended", incident)
    overtaken = alert.status == "firing" and incident.status == "resolved"
    if overtaken and heard - incident.updated_at < timedelta(seconds=LATE_SECONDS):
        return None
    state, before = _state(alert), incident.status
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


def _end_superseded(session: Session, known: Iterable[Incident], heard: datetime) -> list[Incident]:
    """One alert fires once at a time: where a later start is known, the end of the earlier one was never told."""
    firing = [incident for incident in known if incident.status == "firing"]
    of_these = Incident.fingerprint.in_({incident.fingerprint for incident in firing})
    last = select(Incident.fingerprint, func.max(Incident.starts_at)).where(of_these).group_by(Incident.fingerprint)
    newest = dict(session.execute(last).all())
    ended = []
    for incident in firing:
        if incident.starts_at < newest[incident.fingerprint]:
            later = (Incident.fingerprint == incident.fingerprint, Incident.starts_at > incident.starts_at)
            incident.status, incident.updated_at = "resolved", heard
            incident.ends_at = session.scalar(select(func.min(Incident.starts_at)).where(*later))
            ended.append(incident)
    return ended
