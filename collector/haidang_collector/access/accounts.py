"""Accounts: who there is, and what administrators do with them. Every change is in the audit log."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from sqlalchemy import delete, or_, select

from haidang_collector.access.audit import record
from haidang_collector.access.tables import Account, LoginSession
from haidang_collector.access.visitor import ROLES, Role, Scope
from haidang_collector.registry.history import difference
from haidang_collector.registry.models import EMAIL_LENGTH, PERSON_LENGTH, Unit
from haidang_collector.registry.unit_words import plain

if TYPE_CHECKING:
    from sqlalchemy import Row
    from sqlalchemy.orm import Session

    from haidang_collector.access.visitor import Visitor
    from haidang_collector.registry.database import Database

LOGIN = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9])?")
EMAIL = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
RESERVED = frozenset({"operator", "oidc", "alertmanager"})
"""Who acts without an account: the machine or the operator's password, the provider's groups, alerts themselves."""
FIRST_PASSWORD_TIME = timedelta(days=7)


class AccountError(ValueError):
    """What was asked cannot be done; `reason` is one of `REASONS`, which says it in words."""

    def __init__(self, reason: str, about: str = "") -> None:
        super().__init__(REASONS[reason].format(about))
        self.reason = reason


REASONS = {
    "login": "a login has 1 to 64 small letters, digits, and . _ - @ between them; {!r} is none",
    "reserved": "{!r} is a name that the log has for who acts without an account; choose another login",
    "taken": "there is an account {!r} already",
    "unknown": "there is no account {!r}",
    "role": "roles are reader, operator and administrator; {!r} is none",
    "scope": "give a district or a unit, not both",
    "district": "no unit lies in the district {!r}",
    "unit": "there is no unit {!r}",
    "email": "{!r} is no e-mail address",
    "email_taken": "{!r} belongs to another account",
    "subject_taken": "{!r} belongs to another account",
    "name": "a name has 1 to 100 characters",
    "foreign": "{!r} is not in your part of the city, or would have more than you have",
    "own": "somebody else has to do this to your own account",
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an account shall be. An empty `name` is the login."""

    role: str
    district: str = ""
    unit: str = ""
    name: str = ""
    email: str = ""
    subject: str = ""


@dataclass(frozen=True, slots=True)
class AccountFact:
    """An account as it is shown: no secrets. `state`: active, first (its password was given), locked or disabled."""

    login: str
    name: str
    email: str | None
    role: Role
    district: str | None
    unit: str | None
    state: str
    has_password: bool
    """False: the person comes by OIDC only."""
    created_at: datetime
    entered_at: datetime | None

    @property
    def scope(self) -> Scope:
        return Scope(self.district or "", self.unit or "")


def is_login(text: str) -> bool:
    """Whether an account may be called so."""
    return LOGIN.fullmatch(text) is not None and text not in RESERVED


def any_account(database: Database) -> bool:
    """Whether there is one, disabled or not: with the first one, pages ask for a login."""
    with database.read() as connection:
        return connection.scalar(select(Account.login).limit(1)) is not None


def accounts(
    database: Database, within: Scope | None = None, text: str = "", *, login: str | None = None
) -> list[AccountFact]:
    """By login; only those `within` a scope, with this `login`, and with `text` in login, name or e-mail address.

    `text` is compared without case and diacritics.
    """
    query = select(Account.__table__).order_by(Account.login)
    if within is not None and within.unit:
        query = query.where(Account.unit == within.unit)
    elif within is not None and within.district:
        theirs = select(Unit.code).where(Unit.district == within.district)
        query = query.where(or_(Account.district == within.district, Account.unit.in_(theirs)))
    if login is not None:
        query = query.where(Account.login == login)
    now = datetime.now(UTC)
    with database.read() as connection:
        rows = connection.execute(query).all()
    return [
        AccountFact(
            row.login, row.name, row.email, row.role, row.district, row.unit, _state(row, now),
            row.password_hash is not None, row.created_at, row.entered_at,
        )
        for row in rows
        if plain(text) in plain(f"{row.login} {row.name} {row.email or ''}")
    ]  # fmt: skip


def districts(database: Database) -> list[str]:
    """Those that units lie in."""
    with database.read() as connection:
        return list(connection.scalars(select(Unit.district).distinct().order_by(Unit.district)))


class Administration:
    """What may be done to accounts, by `by` (a visitor's or an operator's name) from `address`.

    `asking` None: the command line, which may everything. All methods raise AccountError.
    """

    def __init__(self, database: Database, by: str, asking: Visitor | None = None, address: str | None = None) -> None:
        self._database, self._by, self._asking, self._address = database, by, asking, address

    def add(self, login: str, wanted: Wanted, password_hash: str | None, *, first: bool) -> None:
        """`first`: the person did not choose the password, and has to change it within a week."""
        if not is_login(login):
            raise AccountError("reserved" if login in RESERVED else "login", login)
        now = datetime.now(UTC)
        with self._database.write() as session:
            if session.get(Account, login) is not None:
                raise AccountError("taken", login)
            account = Account(login=login, mapped=False, disabled=False, failed=0, created_at=now, changed_at=now)
            self._shape(session, account, wanted)
            account.password_hash = password_hash
            account.first_until = now + FIRST_PASSWORD_TIME if first else None
            session.add(account)
            session.flush()
            self._record(session, "account.added", account, _told(account))

    def change(self, login: str, wanted: Wanted) -> None:
        """Role and scope hold from the next request on."""
        with self._database.write() as session:
            account = self._account(session, login)
            before = _told(account)
            self._shape(session, account, wanted)
            account.mapped, account.changed_at = False, datetime.now(UTC)
            old, new = difference(before, _told(account))
            self._record(session, "account.changed", account, {"before": old, "after": new})

    def disable(self, login: str) -> None:
        """It opens nothing from now on."""
        with self._database.write() as session:
            account = self._account(session, login)
            account.disabled, account.changed_at = True, datetime.now(UTC)
            _end_sessions(session, login)
            self._record(session, "account.disabled", account)

    def enable(self, login: str) -> None:
        """Its password opens it again, also where it was locked for wrong ones."""
        with self._database.write() as session:
            account = self._account(session, login)
            account.disabled, account.failed, account.locked_until = False, 0, None
            account.changed_at = datetime.now(UTC)
            self._record(session, "account.enabled", account)

    def set_password(self, login: str, password_hash: str, *, first: bool) -> None:
        """Ends all its sessions. `first` as in `add`."""
        now = datetime.now(UTC)
        with self._database.write() as session:
            account = self._account(session, login)
            account.password_hash, account.changed_at = password_hash, now
            account.first_until = now + FIRST_PASSWORD_TIME if first else None
            account.failed, account.locked_until = 0, None
            _end_sessions(session, login)
            self._record(session, "account.password_reset", account)

    def _account(self, session: Session, login: str) -> Account:
        account = session.get(Account, login, with_for_update=True)
        if account is None:
            raise AccountError("unknown", login)
        self._check_theirs(session, account)
        if self._asking is not None and self._asking.by == "account" and self._asking.name == login:
            raise AccountError("own")
        return account

    def _shape(self, session: Session, account: Account, wanted: Wanted) -> None:
        """Gives it role, scope and the rest, all of it checked."""
        _check(session, account.login, wanted)
        account.role, account.district, account.unit = wanted.role, wanted.district or None, wanted.unit or None
        account.name, account.email = wanted.name or account.login, wanted.email.casefold() or None
        if wanted.subject:
            account.subject = wanted.subject
        self._check_theirs(session, account)

    def _check_theirs(self, session: Session, account: Account) -> None:
        if self._asking is None:
            return
        district = account.district or ""
        if account.unit:
            district = session.scalar(select(Unit.district).where(Unit.code == account.unit)) or ""
        scope = self._asking.scope
        inside = scope.city or (bool(district) and scope.sees(district=district, unit=account.unit or ""))
        if not (inside and self._asking.may(cast("Role", account.role))):
            raise AccountError("foreign", account.login)

    def _record(self, session: Session, what: str, account: Account, detail: dict[str, object] | None = None) -> None:
        record(
            session, self._by, what, account.login, detail,
            address=self._address, district=account.district, unit=account.unit,
        )  # fmt: skip


def _check(session: Session, login: str, wanted: Wanted) -> None:
    if wanted.role not in ROLES:
        raise AccountError("role", wanted.role)
    if wanted.district and wanted.unit:
        raise AccountError("scope")
    if wanted.unit and session.get(Unit, wanted.unit) is None:
        raise AccountError("unit", wanted.unit)
    if wanted.district and session.scalar(select(Unit.code).where(Unit.district == wanted.district).limit(1)) is None:
        raise AccountError("district", wanted.district)
    if len(wanted.name) > PERSON_LENGTH or not wanted.name.isprintable():
        raise AccountError("name")
    email = wanted.email.casefold()
    if email and (len(email) > EMAIL_LENGTH or not EMAIL.fullmatch(email)):
        raise AccountError("email", wanted.email)
    if email and session.scalar(select(Account.login).where(Account.email == email, Account.login != login)):
        raise AccountError("email_taken", wanted.email)
    subject = wanted.subject
    if subject and session.scalar(select(Account.login).where(Account.subject == subject, Account.login != login)):
        raise AccountError("subject_taken", subject)


def _end_sessions(session: Session, login: str) -> None:
    session.execute(delete(LoginSession).where(LoginSession.login == login))


def _told(account: Account) -> dict[str, object]:
    told = {name: getattr(account, name) for name in ("role", "district", "unit", "name", "email", "subject")}
    return {name: value for name, value in told.items() if value is not None}


def _state(row: Row[Any], now: datetime) -> str:
    if row.disabled:
        return "disabled"
    if row.locked_until is not None and row.locked_until > now:
        return "locked"
    return "first" if row.first_until is not None else "active"
