"""Which account a person has whom the OIDC provider vouches for."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from haidang_collector.access.accounts import is_login
from haidang_collector.access.audit import record
from haidang_collector.access.grants import Grant, grant_of
from haidang_collector.access.login import admit
from haidang_collector.access.tables import LOGIN_LENGTH, Account
from haidang_collector.registry.models import EMAIL_LENGTH, PERSON_LENGTH, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from haidang_collector.access.sessions import Opened
    from haidang_collector.registry.database import Database

BY = "oidc"
MOST_GROUPS = 1000


def enter_as(
    database: Database, claims: Mapping[str, Any], grants: Mapping[str, Grant], role_claim: str, address: str
) -> Opened | None:
    """A session for whom the claims of a checked ID token name. None: somebody whom nobody gave an account.

    Known is who came before (`sub`), or whose verified e-mail address an account has. Others get an account only
    where a group of theirs is worth a role, and lose their way in with that group. A first password that nobody used
    opens nothing any more.
    """
    subject, now = str(claims["sub"]), datetime.now(UTC)
    grant = grant_of(_groups(claims.get(role_claim)), grants)
    with database.write() as session:
        account = _known(session, subject, _email(claims))
        if account is None and grant is not None:
            account = _new(session, subject, claims, grant, now)
        if account is None or account.disabled:
            return None
        if account.mapped:
            if grant is None or not _exists(session, grant):
                return None
            _follow(session, account, grant)
        account.subject = subject
        if account.first_until is not None:
            account.password_hash, account.first_until = None, None
        return admit(session, account, address, now, by=BY)


def _known(session: Session, subject: str, email: str | None) -> Account | None:
    known = session.scalar(select(Account).where(Account.subject == subject).with_for_update())
    if known is None and email is not None:
        by_email = select(Account).where(Account.email == email, Account.subject.is_(None))
        known = session.scalar(by_email.with_for_update())
    return known


def _new(session: Session, subject: str, claims: Mapping[str, Any], grant: Grant, now: datetime) -> Account | None:
    if not _exists(session, grant):
        return None
    email = _email(claims)
    if email is not None and session.scalar(select(Account.login).where(Account.email == email)):
        email = None
    login = email if email is not None and is_login(email) else None
    if login is None or session.get(Account, login) is not None:
        login = f"{BY}-{hashlib.sha256(subject.encode()).hexdigest()[: LOGIN_LENGTH // 2]}"
    account = Account(
        login=login, name=_name(claims) or login, email=email, subject=subject, role=grant.role,
        district=grant.scope.district or None, unit=grant.scope.unit or None, mapped=True, disabled=False, failed=0,
        created_at=now, changed_at=now,
    )  # fmt: skip
    session.add(account)
    session.flush()
    record(session, BY, "account.added", login, _told(grant), district=account.district, unit=account.unit)
    return account


def _follow(session: Session, account: Account, grant: Grant) -> None:
    wanted = (grant.role, grant.scope.district or None, grant.scope.unit or None)
    if (account.role, account.district, account.unit) == wanted:
        return
    account.role, account.district, account.unit = wanted
    account.changed_at = datetime.now(UTC)
    record(
        session, BY, "account.changed", account.login, _told(grant), district=account.district, unit=account.unit
    )  # fmt: skip


def _exists(session: Session, grant: Grant) -> bool:
    return not grant.scope.unit or session.get(Unit, grant.scope.unit) is not None


def _told(grant: Grant) -> dict[str, object]:
    return {"role": grant.role, "district": grant.scope.district, "unit": grant.scope.unit}


def _email(claims: Mapping[str, Any]) -> str | None:
    """Only one that the provider has verified says who somebody is."""
    email = claims.get("email")
    if claims.get("email_verified") is not True or not isinstance(email, str) or len(email) > EMAIL_LENGTH:
        return None
    return email.casefold() or None


def _name(claims: Mapping[str, Any]) -> str:
    name = claims.get("name")
    return "".join(c for c in name if c.isprintable())[:PERSON_LENGTH] if isinstance(name, str) else ""


def _groups(claim: object) -> list[str]:
    """A claim may be one word or a list of them."""
    found = claim if isinstance(claim, list) else [claim]
    return [group for group in found[:MOST_GROUPS] if isinstance(group, str)]
