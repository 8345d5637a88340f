"""Logging in with a password: what opens, what locks, and for how long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from haidang_collector.access import passwords
from haidang_collector.access.attempts import ADDRESS_FAILURES
from haidang_collector.access.audit import record
from haidang_collector.access.sessions import Opened, end_others, end_session, open_session
from haidang_collector.access.tables import Account
from haidang_collector.registry.credentials import secret_hash

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from haidang_collector.access.visitor import Visitor
    from haidang_collector.registry.database import Database

FREE_FAILURES = 5
"""Wrong passwords in a row before an account locks."""
FIRST_LOCK = timedelta(seconds=30)
LONGEST_LOCK = timedelta(minutes=15)
"""Each further failure doubles the time; it ends by itself, or anybody could lock out a city for good."""
MOST_DOUBLINGS = 10


def enter(database: Database, login: str, password: str, address: str) -> Opened | None:
    """A session for the right password. None, after the same time, for a wrong one, an unknown or a locked account."""
    with database.read() as connection:
        kept = connection.scalar(_password_of(login))
    right = passwords.matches(password, kept)
    renewed = passwords.hashed(password) if right and kept is not None and passwords.is_outdated(kept) else None
    now = datetime.now(UTC)
    with database.write() as session:
        account = session.get(Account, login, with_for_update=True)
        if account is None or account.password_hash != kept or _is_closed(account, now):
            return None
        if not right:
            _count_failure(session, account, address, now)
            return None
        account.password_hash = renewed or account.password_hash
        return admit(session, account, address, now, by="password")


def admit(session: Session, account: Account, address: str, now: datetime, *, by: str) -> Opened:
    """Opens a session for somebody who is known to be the account's, and notes it."""
    account.failed, account.locked_until, account.entered_at = 0, None, now
    _note(session, account, "login", address, {"by": by})
    return open_session(session, account.login, now)


def leave(database: Database, visitor: Visitor, address: str) -> None:
    """Ends the visitor's session."""
    with database.write() as session:
        end_session(session, visitor.session)
        _note(session, session.get_one(Account, visitor.name), "logout", address)


def forget(database: Database, token: str) -> None:
    """Ends the session of a cookie that a browser brought to a new login."""
    with database.write() as session:
        end_session(session, secret_hash(token))


def change_password(database: Database, visitor: Visitor, old: str, new: str, address: str) -> bool:
    """False: `old` is wrong. The account's other sessions end. Raises BadPasswordError."""
    passwords.check(new, visitor.name)
    with database.read() as connection:
        kept = connection.scalar(_password_of(visitor.name))
    right, renewed, now = passwords.matches(old, kept), passwords.hashed(new), datetime.now(UTC)
    with database.write() as session:
        account = session.get_one(Account, visitor.name, with_for_update=True)
        if account.password_hash != kept or _is_closed(account, now):
            return False
        if not right:
            _count_failure(session, account, address, now)
            return False
        account.password_hash, account.first_until, account.changed_at, account.failed = renewed, None, now, 0
        ended = end_others(session, account.login, visitor.session)
        _note(session, account, "account.password_changed", address, {"sessions_ended": ended})
        return True


def note_closed(database: Database, address: str) -> None:
    """An address made so many failures that it is not listened to for a while."""
    with database.write() as session:
        record(session, "", "login.closed", address, {"failures": ADDRESS_FAILURES}, address=address)


def _password_of(login: str) -> Select[str | None]:
    return select(Account.password_hash).where(Account.login == login)


def _is_closed(account: Account, now: datetime) -> bool:
    late = account.first_until is not None and account.first_until <= now
    return account.disabled or late or (account.locked_until is not None and account.locked_until > now)


def _count_failure(session: Session, account: Account, address: str, now: datetime) -> None:
    """The first and those that lock go to the log: a flood of guesses must not flood it."""
    account.failed += 1
    surplus = account.failed - FREE_FAILURES
    if surplus >= 0:
        account.locked_until = now + min(FIRST_LOCK * 2 ** min(surplus, MOST_DOUBLINGS), LONGEST_LOCK)
    if surplus >= 0 or account.failed == 1:
        detail: dict[str, object] = {"failures": account.failed, "locked": surplus >= 0}
        _note(session, account, "login.failed", address, detail, who="")


def _note(
    session: Session,
    account: Account,
    what: str,
    address: str,
    detail: dict[str, object] | None = None,
    who: str | None = None,
) -> None:
    """`who` empty: nobody knows."""
    record(
        session, account.login if who is None else who, what, account.login, detail,
        address=address, district=account.district, unit=account.unit,
    )  # fmt: skip
