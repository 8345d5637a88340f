"""From news of incidents to what each person is to hear, and when; in the transaction that keeps the news."""

from __future__ import annotations

import logging
from collections import defaultdict
from datetime import timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import select

from haidang_collector.notify.people import People, Person, Place
from haidang_collector.notify.tables import Telling
from haidang_collector.notify.times import due, is_quiet

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
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
        concerning = [each for each in news if each.incident.severity in TOLD]
        if not concerning:
            return
        people = self.people(session, {_place(incident) for _, incident in concerning}, heard)
        told = _told(session, [incident.id for what, incident in concerning if what != "opened"])
        nobody: defaultdict[str, list[int]] = defaultdict(list)
        for what, incident in concerning:
            known = told[incident.id]
            if what == "ended":
                new = self._ended(incident, known, heard)
            else:
                levels = people.levels(_place(incident), incident.category or "", incident.severity or "")
                if not levels:
                    nobody[incident.alertname].append(incident.id)
                for telling in known:
                    _give_up_reminder(telling, heard)
                number = max((telling.round + 1 for telling in known), default=0)
                plan = self.schedule(levels, incident.severity or "", heard, is_larger=incident.unit is None)
                new = [_telling(incident.id, number, person, kind, at) for person, kind, at in plan]
            known += new
            session.add_all(new)
        for alert, numbers in nobody.items():
            log.warning("nobody can be told of %s (incidents %s…): no address is registered", alert, numbers[:5])

    def people(self, session: Session, places: Iterable[Place], now: datetime) -> People:
        """Who is in charge at that moment."""
        here = now.astimezone(self._zone)
        return People(session, self._settings, places, here.date(), quiet=is_quiet(here, self._settings.quiet))

    def schedule(
        self, levels: Sequence[Sequence[Person]], severity: str, heard: datetime, *, is_larger: bool
    ) -> list[tuple[Person, str, datetime]]:
        """Who hears when: the first level at once or by the digest, the others of what is critical and not taken on.

        What `is_larger` than a unit is one alert already, and not gathered with others.
        """
        limits = self._settings.limits
        first = due(severity, heard, self._settings.quiet, self._zone)
        if first == heard and not is_larger:
            first += timedelta(seconds=limits.gather_seconds)
        plan = [(person, "firing", first) for person in (levels[0] if levels else ())]
        if severity == "critical":
            for number, level in enumerate(levels[1:], 1):
                at = heard + timedelta(seconds=number * limits.escalate_seconds)
                plan += [(person, "escalated", at) for person in level]
        return plan

    def _ended(self, incident: Incident, known: Sequence[Telling], heard: datetime) -> list[Telling]:
        """Only who was told that it fires is told that it is over; who was not yet hears both in one."""
        last = max((telling.round for telling in known), default=0)
        of_last = [telling for telling in known if telling.round == last]
        if any(telling.kind == "resolved" for telling in of_last):
            return []
        at = due(incident.severity or "", heard, self._settings.quiet, self._zone)
        at += timedelta(seconds=self._settings.limits.gather_seconds)
        names = {each.person: each.name for each in of_last if each.told_at is not None and each.dropped is None}
        return [
            _telling(incident.id, last, Person(email, name, "officer"), "resolved", at) for email, name in names.items()
        ]


def _give_up_reminder(telling: Telling, now: datetime) -> None:
    """Of an incident that is told anew, with reminders of its own."""
    if telling.kind == "reminder" and telling.told_at is None:
        telling.told_at, telling.dropped = now, "told anew"


def _place(incident: Incident) -> Place:
    return Place(incident.unit, incident.district)


def _told(session: Session, incidents: Sequence[int]) -> defaultdict[int, list[Telling]]:
    """What people are, or were, to hear of these."""
    found: defaultdict[int, list[Telling]] = defaultdict(list)
    if incidents:
        for telling in session.scalars(select(Telling).where(Telling.incident.in_(incidents))):
            found[telling.incident].append(telling)
    return found


def _telling(incident: int, number: int, person: Person, kind: str, at: datetime) -> Telling:
    return Telling(
        incident=incident, round=number, person=person.email, kind=kind, name=person.name, due_at=at,
        number=0, told_at=None, dropped=None,
    )  # fmt: skip
