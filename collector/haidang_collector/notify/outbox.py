"""Messages on their way: who takes one has it for a while, and what the provider said is kept.

A process that is killed loses nothing: what it had is taken again when its time is over. Only such a message can have
reached its reader twice.
"""

from __future__ import annotations

import random
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import delete, func, insert, select, update

from haidang_collector.incidents.tables import IncidentEvent
from haidang_collector.notify.channels import Parcel
from haidang_collector.notify.tables import Message, Telling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.orm import Session

    from haidang_collector.notify.channels import Outcome
    from haidang_collector.notify.settings import Limits
    from haidang_collector.registry.database import Database

FIRST_PAUSE_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 900.0
PRUNED_AT_ONCE = 1_000


class Claimed(NamedTuple):
    """`in_doubt`: how many of the parcels somebody had before, who never said what became of them."""

    parcels: list[Parcel]
    in_doubt: int
    expired: int


class Waiting(NamedTuple):
    """Messages that are not settled, and since when the oldest of them waits."""

    messages: int
    oldest: datetime | None


def claim(database: Database, now: datetime, most: int, limits: Limits) -> Claimed:
    """Up to `most` messages that are due; nobody else gets them until the lease is over. Too old ones expire."""
    expire, lease = timedelta(hours=limits.expire_hours), timedelta(seconds=limits.lease_seconds)
    due = (Message.state.in_(("queued", "sending")), Message.next_at <= now)
    with database.read() as connection:
        if connection.scalar(select(Message.id).where(*due).limit(1)) is None:
            return Claimed([], 0, 0)
    parcels, counted = [], Counter[str]()
    with database.write() as session:
        query = select(Message).where(*due).order_by(Message.next_at, Message.id).limit(most)
        for message in session.scalars(query.with_for_update(skip_locked=True)).all():
            if message.made_at < now - expire:
                message.state = "expired"
                counted["expired"] += 1
                _hasten(session, _incidents(session, message), now)
                continue
            counted["in doubt"] += message.state == "sending"
            message.state, message.attempts, message.next_at = "sending", message.attempts + 1, now + lease
            parcels.append(_parcel(message, _incidents(session, message)))
    return Claimed(parcels, counted["in doubt"], counted["expired"])


def settle(database: Database, parcel: Parcel, outcome: Outcome, now: datetime) -> bool:
    """False where somebody else has the message by now, whose word it is to keep.

    Whoever is killed before this is written tells twice, so as little as can be is done here.
    """
    mine = (Message.id == parcel.id, Message.state == "sending", Message.attempts == parcel.attempt)
    change: dict[str, object] = {"state": outcome.state, "answer": outcome.answer}
    if outcome.state == "later":
        change |= {"state": "queued", "next_at": now + pause(parcel.attempt)}
    elif outcome.state == "sent":
        change["sent_at"] = now
    kept = update(Message).where(*mine).values(change).returning(Message.id)
    with database.write() as session:
        if session.scalar(kept.execution_options(synchronize_session=False)) is None:
            return False
        if outcome.state == "sent":
            _note(session, parcel, now)
        elif outcome.state == "failed":
            _hasten(session, parcel.incidents, now)
    return True


def prune(database: Database, now: datetime, limits: Limits) -> int:
    """Forget up to a thousand messages that were sent so long ago; how many. What was not sent is never forgotten."""
    old = now - timedelta(days=limits.keep_days)
    # Of one that was sent, `next_at` is when its sender would have been given up: minutes after, and in an index.
    some = select(Message.id).where(Message.state == "sent", Message.next_at < old).order_by(Message.next_at)
    with database.read() as connection:
        found = connection.scalars(some.limit(PRUNED_AT_ONCE)).all()
    if found:
        with database.write() as session:
            session.execute(delete(Message).where(Message.id.in_(found)))
    return len(found)


def pause(attempt: int) -> timedelta:
    """Twice as long each time, up to 15 minutes, and between half and all of that, so that not all come at once."""
    longest = min(FIRST_PAUSE_SECONDS * 2 ** min(attempt - 1, 20), LONGEST_PAUSE_SECONDS)
    return timedelta(seconds=longest * random.uniform(0.5, 1))  # noqa: S311 - no secret


def waiting(database: Database) -> Waiting:
    query = select(func.count(Message.id), func.min(Message.made_at)).where(Message.state.in_(("queued", "sending")))
    with database.read() as connection:
        count, oldest = connection.execute(query).one()
    return Waiting(count, oldest)


def _note(session: Session, parcel: Parcel, now: datetime) -> None:
    """An entry in the time line of every incident that the message told of."""
    channel = "e-mail" if parcel.channel == "email" else parcel.address
    entry = {"at": now, "who": parcel.name, "what": "told", "text": channel}
    if parcel.incidents:
        session.execute(insert(IncidentEvent), [entry | {"incident": incident} for incident in parcel.incidents])


def _hasten(session: Session, incidents: Sequence[int], now: datetime) -> None:
    """Who can't be told need not be waited for: the next person hears of it at once."""
    for incident in incidents:
        pending = (Telling.incident == incident, Telling.kind == "escalated", Telling.told_at.is_(None))
        nearest = session.scalar(select(func.min(Telling.due_at)).where(*pending))
        if nearest is not None and nearest > now:
            session.execute(update(Telling).where(*pending, Telling.due_at == nearest).values(due_at=now))


def _incidents(session: Session, message: Message) -> tuple[int, ...]:
    """What it tells of."""
    query = (
        select(Telling.incident)
        .where(Telling.person == message.person, Telling.told_at == message.made_at, Telling.dropped.is_(None))
        .distinct()
        .order_by(Telling.incident)
    )
    return tuple(session.scalars(query))


def _parcel(message: Message, incidents: tuple[int, ...]) -> Parcel:
    return Parcel(
        message.id, message.attempts, message.key, message.name, message.channel, message.address, message.language,
        message.subject, message.body, message.made_at, incidents,
    )  # fmt: skip
