"""Sessions of browsers that are logged in: 8 hours without use end one, and 7 days in any case."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import CursorResult, delete, func, select, update

from haidang_collector.access.tables import Account, LoginSession
from haidang_collector.access.visitor import Role, Scope, Visitor
from haidang_collector.registry.credentials import secret_hash

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from haidang_collector.registry.database import Database

IDLE = timedelta(hours=8)
LONGEST = timedelta(days=7)
NOTED_EVERY = timedelta(minutes=1)
"""How often a use is written down; each page would else be a write."""
MOST = 20
"""Of one account; the one unused for longest goes first."""
SECRET_BYTES = 32
LONGEST_TOKEN = 100


@dataclass(frozen=True, slots=True)
class Opened:
    """`token` goes into the cookie, and is kept nowhere."""

    token: str
    login: str


def open_session(session: Session, login: str, now: datetime) -> Opened:
    """A new one for an account, always with a new token; sessions that are over are cleared away."""
    token = secrets.token_urlsafe(SECRET_BYTES)
    _clear(session, login, now)
    session.add(
        LoginSession(
            hash=secret_hash(token),
            login=login,
            csrf=secrets.token_urlsafe(SECRET_BYTES),
            created_at=now,
            used_at=now,
            expires_at=now + LONGEST,
        )
    )
    return Opened(token, login)


def visitor_of(database: Database, token: str, now: datetime | None = None) -> Visitor | None:
    """Whose session that is, with the role and the scope of this moment. None: nobody's, over, or disabled."""
    if not token or len(token) > LONGEST_TOKEN:
        return None
    now = now or datetime.now(UTC)
    digest = secret_hash(token)
    query = select(LoginSession, Account).join(Account, Account.login == LoginSession.login)
    with database.read() as connection:
        row = connection.execute(
            query.with_only_columns(
                Account.login, Account.role, Account.district, Account.unit, Account.first_until,
                LoginSession.csrf, LoginSession.used_at,
            ).where(
                LoginSession.hash == digest, LoginSession.expires_at > now, LoginSession.used_at > now - IDLE,
                Account.disabled.is_(False),
            )
        ).one_or_none()  # fmt: skip
    if row is None:
        return None
    if row.used_at < now - NOTED_EVERY:
        with database.write() as session:
            session.execute(update(LoginSession).where(LoginSession.hash == digest).values(used_at=now))
    scope = Scope(row.district or "", row.unit or "")
    role = cast("Role", row.role)
    return Visitor(row.login, role, scope, row.csrf, session=digest, first=row.first_until is not None)


def end_session(session: Session, digest: str) -> None:
    """That one only; `digest` is `Visitor.session`."""
    session.execute(delete(LoginSession).where(LoginSession.hash == digest))


def end_others(session: Session, login: str, digest: str) -> int:
    """All of an account but that one; says how many there were."""
    others = delete(LoginSession).where(LoginSession.login == login, LoginSession.hash != digest)
    return cast("CursorResult[Any]", session.execute(others)).rowcount


def count(database: Database, login: str) -> int:
    """How many browsers are logged in as `login` now."""
    now = datetime.now(UTC)
    live = (LoginSession.expires_at > now, LoginSession.used_at > now - IDLE)
    with database.read() as connection:
        return connection.scalar(select(func.count()).where(LoginSession.login == login, *live)) or 0


def _clear(session: Session, login: str, now: datetime) -> None:
    over = (LoginSession.expires_at <= now) | (LoginSession.used_at <= now - IDLE)
    session.execute(delete(LoginSession).where(over))
    mine = select(LoginSession.hash).where(LoginSession.login == login).order_by(LoginSession.used_at.desc())
    surplus = session.scalars(mine.offset(MOST - 1)).all()
    session.execute(delete(LoginSession).where(LoginSession.hash.in_(surplus)))
