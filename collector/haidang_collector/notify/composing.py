"""From what people are to hear to messages: all that is due for a person is one message, by each of their channels.

Whoever had `per_hour` messages within an hour gets the rest in one when there is room again: nothing is left out.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from sqlalchemy import func, select, text, update

from haidang_collector.incidents.tables import IncidentHandling
from haidang_collector.notify.settings import EMAIL, NotifySettings
from haidang_collector.notify.tables import Message, Telling
from haidang_collector.notify.times import due
from haidang_collector.notify.truth import HELD, centre_is_cut_off, is_taken_on, why_not
from haidang_collector.notify.words import Item, Writer
from haidang_collector.registry.models import Incident

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

    _Due = tuple[Telling, Incident, IncidentHandling | None]

PEOPLE_AT_ONCE, PEOPLE_TOGETHER = 50, 5
"""How many are looked for, and how many are in a transaction, which on SQLite lets nobody else write."""
MOST_ITEMS = 500
HOUR = timedelta(hours=1)
HOLD = timedelta(seconds=30)
ONE_AT_A_TIME = 0x48414E4F
"""Any fixed number: PostgreSQL's advisory lock under which one process at a time composes."""


class Composer:
    """Makes messages of what is due."""

    def __init__(self, database: Database, settings: NotifySettings, time_zone: str) -> None:
        self._database = database
        self._settings = settings
        self._time_zone = time_zone
        self._zone = ZoneInfo(time_zone)

    def compose(self, now: datetime) -> bool:
        """Whether more people may wait. What another process composes at this moment is left to it."""
        waiting = select(Telling.person).where(Telling.told_at.is_(None), Telling.due_at <= now)
        oldest = waiting.group_by(Telling.person).order_by(func.min(Telling.due_at)).limit(PEOPLE_AT_ONCE)
        with self._database.read() as connection:
            people = connection.scalars(oldest).all()
            cut_off = bool(people) and centre_is_cut_off(connection)
        for first in range(0, len(people), PEOPLE_TOGETHER):
            with self._database.write() as session:
                if not self._database.is_sqlite:
                    lock = text("SELECT pg_try_advisory_xact_lock(:number)")
                    if not session.scalar(lock, {"number": ONE_AT_A_TIME}):
                        return False
                for person in people[first : first + PEOPLE_TOGETHER]:
                    self._compose_for(session, person, now, cut_off=cut_off)
        return len(people) == PEOPLE_AT_ONCE

    def _compose_for(self, session: Session, person: str, now: datetime, *, cut_off: bool) -> None:
        mine = (Telling.person == person, Telling.told_at.is_(None), Telling.due_at <= now)
        if (room := self._room(session, person, now)) > now:
            session.execute(update(Telling).where(*mine).values(due_at=room))
            return
        query = (
            select(Telling, Incident, IncidentHandling)
            .join(Incident, Incident.id == Telling.incident)
            .outerjoin(IncidentHandling, IncidentHandling.incident == Incident.id)
            .where(*mine)
            .order_by(Incident.severity, Telling.due_at, Telling.incident, Telling.kind)
            .limit(MOST_ITEMS)
        )
        told = _true(session.execute(query).all(), now, cut_off=cut_off)
        if not told:
            return
        session.add_all(self._reminders(told, now))
        session.flush()
        others = _others(session, person, [incident.id for _, incident, _ in told], now)
        items = [_item(telling, incident, others[incident.id]) for telling, incident, _ in told]
        session.add_all(self._messages(told[0][0], items, _key([telling for telling, *_ in told]), now))

    def _room(self, session: Session, person: str, now: datetime) -> datetime:
        """When the person may have a message again."""
        limits = self._settings.limits
        lately = (
            select(Message.made_at)
            .where(Message.person == person, Message.made_at > now - HOUR)
            .distinct()
            .order_by(Message.made_at.desc())
            .limit(limits.per_hour)
        )
        made = session.scalars(lately).all()
        if not made:
            return now
        spaced = made[0] + timedelta(seconds=limits.spacing_seconds)
        return max(spaced, made[-1] + HOUR) if len(made) == limits.per_hour else spaced

    def _reminders(self, told: Sequence[_Due], now: datetime) -> Iterator[Telling]:
        """Who hears of something critical hears of it again while it goes on and nobody takes it on; not at night."""
        if not self._settings.limits.remind_hours:
            return
        later = now + timedelta(hours=self._settings.limits.remind_hours)
        at = due("warning", later, self._settings.quiet, self._zone)
        for telling, incident, handling in told:
            if incident.severity == "critical" and incident.status == "firing" and not is_taken_on(handling):
                yield Telling(
                    incident=telling.incident, round=telling.round, person=telling.person, kind="reminder",
                    number=telling.number + 1, name=telling.name, due_at=at, told_at=None, dropped=None,
                )  # fmt: skip

    def _messages(self, to: Telling, items: Sequence[Item], key: str, now: datetime) -> list[Message]:
        wish = self._settings.wish(to.person)
        writer = Writer(wish.language, self._time_zone, self._settings.pages)
        subject = writer.subject(items)
        made = []
        for channel in wish.channels:
            is_mail = channel == EMAIL
            address = to.person if is_mail else channel
            made.append(
                Message(
                    key=hashlib.sha256(f"{key} {address}".encode()).hexdigest(),
                    person=to.person,
                    name=to.name,
                    channel=EMAIL if is_mail else "apprise",
                    address=address,
                    language=wish.language,
                    subject=subject,
                    body=writer.body(items) if is_mail else writer.brief(items),
                    state="queued",
                    attempts=0,
                    made_at=now,
                    next_at=now,
                    sent_at=None,
                    answer="",
                )
            )
        return made


def _true(waiting: Sequence[Row[*_Due]], now: datetime, *, cut_off: bool) -> list[_Due]:
    """What is to be told of it; the rest is dropped, or held."""
    newest = dict(sorted((telling.incident, telling.round) for telling, *_ in waiting))
    told = []
    for telling, incident, handling in waiting:
        is_old = telling.round < newest[telling.incident]
        telling.dropped = "told anew" if is_old else why_not(telling, incident, handling, cut_off=cut_off)
        if telling.dropped == HELD:
            telling.due_at = now + HOLD
            continue
        telling.told_at = now
        if telling.dropped is None:
            told.append((telling, incident, handling))
    return told


def _item(telling: Telling, incident: Incident, others: Sequence[str]) -> Item:
    return Item(
        incident.id, telling.kind, incident.severity or "", incident.alertname, incident.annotations,
        incident.starts_at, incident.ends_at, others,
    )  # fmt: skip


def _key(tellings: Sequence[Telling]) -> str:
    """Of these facts to this person: the same again would be the same key."""
    facts = sorted((telling.incident, telling.round, telling.kind, telling.number) for telling in tellings)
    return f"{tellings[0].person} {facts}"


def _others(session: Session, person: str, incidents: Sequence[int], now: datetime) -> dict[int, list[str]]:
    """Names of who else was told of each, or is at this moment."""
    query = (
        select(Telling.incident, Telling.name)
        .where(
            Telling.incident.in_(incidents),
            Telling.person != person,
            Telling.dropped.is_(None),
            Telling.due_at <= now,
        )
        .distinct()
        .order_by(Telling.incident, Telling.name)
    )
    found: defaultdict[int, list[str]] = defaultdict(list)
    for incident, name in session.execute(query):
        found[incident].append(name)
    return found
