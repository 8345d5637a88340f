"""From what people are to hear to messages: all that is due for a person is one message, by each of their channels.

Whoever had `per_hour` messages within an hour gets the rest in one when there is room again: nothing is left out.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import groupby, islice
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
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import ColumnElement, Row
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

    _Due = tuple[Telling, Incident, IncidentHandling | None]

PEOPLE_AT_ONCE, PEOPLE_TOGETHER = 50, 10
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
        waiting = select(Telling.person).where(*_waits(now))
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
                self._compose_for(session, people[first : first + PEOPLE_TOGETHER], now, cut_off=cut_off)
        return len(people) == PEOPLE_AT_ONCE

    def _compose_for(self, session: Session, people: Sequence[str], now: datetime, *, cut_off: bool) -> None:
        rooms = self._rooms(session, people, now)
        for person, room in rooms.items():
            if room > now:
                session.execute(update(Telling).where(*_waits(now), Telling.person == person).values(due_at=room))
        free = [person for person in people if rooms.get(person, now) <= now]
        told = [true for waiting in _due_for(session, free, now) if (true := _true(waiting, now, cut_off=cut_off))]
        session.add_all(reminder for of_one in told for reminder in self._reminders(of_one, now))
        session.flush()
        known_by = _known_by(session, {incident.id for of_one in told for _, incident, _ in of_one}, now)
        for of_one in told:
            to = of_one[0][0]
            items = [_item(telling, incident, _others(known_by[incident.id], to)) for telling, incident, _ in of_one]
            session.add_all(self._messages(to, items, _key([telling for telling, *_ in of_one]), now))

    def _rooms(self, session: Session, people: Sequence[str], now: datetime) -> dict[str, datetime]:
        """When each may have a message again, of those who had some lately."""
        limits = self._settings.limits
        lately = (
            select(Message.person, Message.made_at)
            .where(Message.person.in_(people), Message.made_at > now - HOUR)
            .distinct()
            .order_by(Message.made_at.desc())
        )
        made: defaultdict[str, list[datetime]] = defaultdict(list)
        for person, at in session.execute(lately):
            made[person].append(at)
        return {
            person: max(
                times[0] + timedelta(seconds=limits.spacing_seconds),
                times[limits.per_hour - 1] + HOUR if len(times) >= limits.per_hour else now,
            )
            for person, times in made.items()
        }

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


def _waits(now: datetime) -> tuple[ColumnElement[bool], ...]:
    return Telling.told_at.is_(None), Telling.due_at <= now


def _due_for(session: Session, people: Sequence[str], now: datetime) -> Iterator[Sequence[Row[*_Due]]]:
    """What each of them is to hear, a message's worth."""
    query = (
        select(Telling, Incident, IncidentHandling)
        .join(Incident, Incident.id == Telling.incident)
        .outerjoin(IncidentHandling, IncidentHandling.incident == Incident.id)
        .where(*_waits(now), Telling.person.in_(people))
        .order_by(Telling.person, Incident.severity, Telling.due_at, Telling.incident, Telling.kind)
        .limit(MOST_ITEMS * len(people))
    )
    for _, waiting in groupby(session.execute(query), key=lambda row: row[0].person):
        yield list(islice(waiting, MOST_ITEMS))


def _known_by(session: Session, incidents: Iterable[int], now: datetime) -> defaultdict[int, list[tuple[str, str]]]:
    """Name and address of who was told of each, or is at this moment."""
    query = (
        select(Telling.incident, Telling.name, Telling.person)
        .where(Telling.incident.in_(incidents), Telling.dropped.is_(None), Telling.due_at <= now)
        .distinct()
        .order_by(Telling.incident, Telling.name)
    )
    found: defaultdict[int, list[tuple[str, str]]] = defaultdict(list)
    for incident, name, person in session.execute(query):
        found[incident].append((name, person))
    return found


def _others(known_by: Iterable[tuple[str, str]], to: Telling) -> list[str]:
    """Their names, each once."""
    return list(dict.fromkeys(name for name, person in known_by if person != to.person))
