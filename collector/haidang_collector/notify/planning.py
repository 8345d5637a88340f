"""From news of incidents to what each person is to hear, and when; in the transaction that keeps the news."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select

from haidang_collector.notify.people import People, Person, Place
from haidang_collector.notify.tables import Telling
from haidang_collector.notify.times import due

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from haidang_collector.notify.settings import NotifySettings
    from haidang_collector.registry.incidents import News
    from haidang_collector.registry.models import Incident

TOLD = ("critical", "warning")
"""What is mere information is on the pages."""

log = logging.getLogger(__name__)


class Planner:
    """What `registry.incidents.record` tells its news to."""

    def __init__(self, settings: NotifySettings, time_zone: str) -> None:
        self._settings = settings
        self._zone = ZoneInfo(time_zone)

    def __call__(self, session: Session, news: Sequence[News], heard: datetime) -> None:
        people = People(session, self._settings, heard.astimezone(self._zone).date())
        nobody: defaultdict[str, list[int]] = defaultdict(list)
        for what, incident in news:
            if incident.severity not in TOLD:
                continue
            if what == "ended":
                self._ended(session, incident, heard)
                continue
            levels = people.levels(
                Place(incident.unit, incident.district), incident.category or "", incident.severity or ""
            )
            if not levels:
                nobody[incident.alertname].append(incident.id)
            for person, kind, at in self.schedule(levels, incident.severity or "", heard):
                session.add(_telling(incident.id, _round(session, incident.id, what), person, kind, at))
        for alert, numbers in nobody.items():
            log.warning("nobody can be told of %s (incidents %s…): no address is registered", alert, numbers[:5])

    def schedule(
        self, levels: Sequence[Sequence[Person]], severity: str, heard: datetime
    ) -> list[tuple[Person, str, datetime]]:
        """Who hears when: the first level at once or by the digest, the others of what is critical and not taken on."""
        limits = self._settings.limits
        first = due(severity, heard, self._settings.quiet, self._zone)
        if first == heard:
            first += timedelta(seconds=limits.gather_seconds)
        plan = [(person, "firing", first) for person in (levels[0] if levels else ())]
        if severity == "critical":
            for number, level in enumerate(levels[1:], 1):
                at = heard + timedelta(seconds=number * limits.escalate_seconds)
                plan += [(person, "escalated", at) for person in level]
        return plan

    def _ended(self, session: Session, incident: Incident, heard: datetime) -> None:
        """Only who was told that it fires is told that it is over; who was not yet hears both in one."""
        last = select(func.max(Telling.round)).where(Telling.incident == incident.id).scalar_subquery()
        told = select(Telling).where(Telling.incident == incident.id, Telling.round == last)
        at = due(incident.severity or "", heard, self._settings.quiet, self._zone)
        at += timedelta(seconds=self._settings.limits.gather_seconds)
        heard_of_it = {}
        for telling in session.scalars(told):
            if telling.kind == "resolved":
                return
            if telling.told_at is not None and telling.dropped is None:
                heard_of_it[telling.person] = telling
        for telling in heard_of_it.values():
            person = Person(telling.person, telling.name, "officer")
            session.add(_telling(incident.id, telling.round, person, "resolved", at))


def _round(session: Session, incident: int, what: str) -> int:
    if what == "opened":
        return 0
    known = session.scalar(select(func.max(Telling.round)).where(Telling.incident == incident))
    return 0 if known is None else known + 1


def _telling(incident: int, number: int, person: Person, kind: str, at: datetime) -> Telling:
    return Telling(
        incident=incident, round=number, person=person.email, kind=kind, name=person.name, due_at=at,
        told_at=None, dropped=None,
    )  # fmt: skip
