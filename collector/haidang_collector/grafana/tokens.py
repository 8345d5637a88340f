"""Tokens of data sources: made for one scope, shown once, taken back at once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sqlalchemy import select

from haidang_collector.access.audit import record
from haidang_collector.access.scopes import parse_scope, scope_text
from haidang_collector.grafana.tables import GrafanaToken
from haidang_collector.registry.credentials import new_token, secret_hash
from haidang_collector.registry.models import Unit

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from haidang_collector.access.visitor import Scope
    from haidang_collector.registry.database import Database

PREFIX = "hdg_"
LONGEST_TOKEN = 100
ID_LENGTH = 12
"""A token is named by the first digits of its hash: enough to tell it, not enough to use it."""


class UnknownScopeError(LookupError):
    """The registry knows no such district or unit."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """`token` is shown here once, and kept nowhere."""

    token: str
    id: str
    scope: str


@dataclass(frozen=True, slots=True)
class TokenFact:
    id: str
    scope: str
    created_at: datetime
    created_by: str
    revoked_at: datetime | None


def create(database: Database, scope: Scope, who: str) -> NewToken:
    """Raises UnknownScopeError: a slip in a name would make a token that sees nothing."""
    token = PREFIX + new_token()
    made = NewToken(token, secret_hash(token)[:ID_LENGTH], scope_text(scope))
    with database.write() as session:
        _check(session, scope)
        session.add(
            GrafanaToken(hash=secret_hash(token), scope=made.scope, created_at=datetime.now(UTC), created_by=who)
        )
        _note(session, who, "grafana.token_created", made.id, scope)
    return made


def scope_of(database: Database, token: str) -> Scope | None:
    """What the token lets its bearer see. None: unknown or revoked."""
    if not token.startswith(PREFIX) or len(token) > LONGEST_TOKEN:
        return None
    query = select(GrafanaToken.scope).where(GrafanaToken.hash == secret_hash(token), GrafanaToken.revoked_at.is_(None))
    with database.read() as connection:
        found = connection.scalar(query)
    return None if found is None else parse_scope(found)


def all_tokens(database: Database) -> list[TokenFact]:
    """All ever made, the newest first."""
    query = select(GrafanaToken.__table__).order_by(GrafanaToken.created_at.desc(), GrafanaToken.hash)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [TokenFact(row.hash[:ID_LENGTH], row.scope, row.created_at, row.created_by, row.revoked_at) for row in rows]


def revoke(database: Database, token_id: str, who: str) -> bool:
    """Nobody asks with it from now on. False: no token has this id."""
    named = select(GrafanaToken).where(GrafanaToken.hash.startswith(token_id, autoescape=True))
    with database.write() as session:
        found = session.scalars(named).all() if len(token_id) >= ID_LENGTH else []
        for token in found:
            if token.revoked_at is None:
                token.revoked_at = datetime.now(UTC)
                _note(session, who, "grafana.token_revoked", token_id, parse_scope(token.scope))
        return bool(found)


def _check(session: Session, scope: Scope) -> None:
    if scope.unit and session.get(Unit, scope.unit) is None:
        raise UnknownScopeError(f"there is no unit {scope.unit!r}; `haidang units list` shows all")
    if scope.district and session.scalar(select(Unit.code).where(Unit.district == scope.district).limit(1)) is None:
        raise UnknownScopeError(f"there is no unit in a district {scope.district!r}; `haidang units list` shows all")


def _note(session: Session, who: str, what: str, token_id: str, scope: Scope) -> None:
    detail = {"scope": scope_text(scope)}
    record(session, who, what, token_id, detail, district=scope.district or None, unit=scope.unit or None)
