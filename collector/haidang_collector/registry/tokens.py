"""Enrolment: tokens let agents into one unit, and an agent that lost the answer may ask for it again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select

from haidang_collector.registry.credentials import new_agent_id, new_token, secret_hash
from haidang_collector.registry.models import Agent, Enrolment, EnrolmentToken, Unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

TOKEN_ID_LENGTH = 12
"""A token is named by the first digits of its hash: enough to tell it, not enough to use it."""


class UnknownUnitError(LookupError):
    """There is no unit of this code."""

    def __init__(self, unit: str) -> None:
        super().__init__(f"there is no unit {unit!r}; `haidang units list` shows all, `haidang units import` adds some")


@dataclass(frozen=True, slots=True)
class NewToken:
    """`token` is shown here once, and kept nowhere."""

    token: str
    id: str
    unit: str
    expires_at: datetime
    uses: int


@dataclass(frozen=True, slots=True)
class TokenFact:
    """`state`: usable, used (up), expired or revoked."""

    id: str
    unit: str
    created_at: datetime
    expires_at: datetime
    uses_left: int
    state: str


@dataclass(frozen=True, slots=True)
class Applicant:
    """An agent that asks to be let in; the key is its own, made before it asked."""

    token: str
    key: str
    roles: tuple[str, ...]
    version: str
    os: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """`again`: this token and key had been answered before, and this is the same answer."""

    agent: str
    unit: str
    again: bool


def create_token(
    database: Database,
    unit: str,
    *,
    uses: int,
    lifetime: timedelta,
    agent: str | None = None,
    also: Callable[[Session, NewToken], None] | None = None,
) -> NewToken:
    """With `agent`, which must be of the unit, it lets that one in again, by a new key and with its history.

    `also` writes what belongs to it in the same transaction. Raises UnknownUnitError.
    """
    token = new_token()
    digest = secret_hash(token)
    now = datetime.now(UTC)
    with database.write() as session:
        if session.get(Unit, unit) is None:
            raise UnknownUnitError(unit)
        session.add(
            EnrolmentToken(
                hash=digest, unit=unit, created_at=now, expires_at=now + lifetime, uses_left=uses, agent=agent
            )
        )
        made = NewToken(token, digest[:TOKEN_ID_LENGTH], unit, now + lifetime, uses)
        if also:
            also(session, made)
    return made


def list_tokens(database: Database) -> list[TokenFact]:
    """All tokens ever made, the newest first."""
    now = datetime.now(UTC)
    query = select(EnrolmentToken.__table__).order_by(EnrolmentToken.created_at.desc())
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [
        TokenFact(row.hash[:TOKEN_ID_LENGTH], row.unit, row.created_at, row.expires_at, row.uses_left, _state(row, now))
        for row in rows
    ]


def revoke_token(database: Database, token_id: str, also: Callable[[Session], None] | None = None) -> bool:
    """Nobody else gets in with it; who is in stays in. False: no token has this id. `also` as of `create_token`."""
    named = select(EnrolmentToken).where(EnrolmentToken.hash.startswith(token_id, autoescape=True))
    with database.write() as session:
        found = session.scalars(named).all() if len(token_id) >= TOKEN_ID_LENGTH else []
        for token in found:
            token.revoked_at = token.revoked_at or datetime.now(UTC)
        if found and also:
            also(session)
        return bool(found)


def enrol(database: Database, applicant: Applicant) -> Enrolled | None:
    """Let an agent in, once a token and key however often it asks. None: the token lets nobody in (any more).

    The token's row is locked first, so of two agents that race for the last use one wins. A token that nobody made is
    only read for: a flood of them does not keep others from writing.
    """
    token_hash, key_hash = secret_hash(applicant.token), secret_hash(applicant.key)
    now = datetime.now(UTC)
    with database.read() as connection:
        if connection.scalar(select(EnrolmentToken.hash).where(EnrolmentToken.hash == token_hash)) is None:
            return None
    with database.write() as session:
        token = session.get(EnrolmentToken, token_hash, with_for_update=True)
        if token is None:
            return None
        earlier = session.get(Enrolment, (token_hash, key_hash))
        if earlier is not None:
            return _answer_again(session, earlier)
        if _state(token, now) != "usable":
            return None
        token.uses_left -= 1
        agent = _readmitted(session, token.agent) if token.agent else Agent(id=new_agent_id(), enrolled_at=now)
        agent.unit, agent.key_hash, agent.stopped = token.unit, key_hash, False
        agent.roles, agent.version, agent.os = _words(applicant.roles), applicant.version, applicant.os
        session.add(agent)
        session.flush()
        session.add(Enrolment(token_hash=token_hash, key_hash=key_hash, agent=agent.id))
        return Enrolled(agent.id, agent.unit, again=False)


def _readmitted(session: Session, agent: str) -> Agent:
    """The agent as it was, without a key and without what was told of the machine or disk before."""
    found = session.get_one(Agent, agent)
    session.execute(delete(Enrolment).where(Enrolment.agent == agent))
    found.replaced_key_hash, found.next_key_hash, found.new_key_wanted = found.key_hash, None, False
    found.revoked_at = found.merged_into = found.put_back_at = found.doubled_at = found.runs = None
    return found


def _answer_again(session: Session, earlier: Enrolment) -> Enrolled | None:
    agent = session.get_one(Agent, earlier.agent)
    return None if agent.revoked_at else Enrolled(agent.id, agent.unit, again=True)


def _state(token: EnrolmentToken | Row[*tuple[Any, ...]], now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    if token.expires_at <= now:
        return "expired"
    return "usable" if token.uses_left > 0 else "used"


def _words(roles: Iterable[str]) -> str:
    return " ".join(dict.fromkeys(roles))
