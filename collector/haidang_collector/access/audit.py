"""The audit log: who did what to what, and when. Code only ever adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, String, cast, func, literal, null, select, union_all

from haidang_collector.access.tables import AuditEntry
from haidang_collector.registry.models import NAME_LENGTH, PERSON_LENGTH, Change, Unit

if TYPE_CHECKING:
    from sqlalchemy import Select
    from sqlalchemy.orm import Session

    from haidang_collector.access.visitor import Scope
    from haidang_collector.registry.database import Database

PAGE_ENTRIES = 100
FACTS = "facts."
"""Before the kind of a fact that was changed: `facts.labs`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the log. `before` and `after` are of changed facts; all else is in `detail`."""

    at: datetime
    who: str
    address: str | None
    what: str
    subject: str
    detail: dict[str, Any] | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None


def record(
    session: Session,
    who: str,
    what: str,
    subject: str,
    detail: dict[str, Any] | None = None,
    *,
    address: str | None = None,
    district: str | None = None,
    unit: str | None = None,
) -> None:
    """Adds to the log in the transaction of the deed itself, so that there is neither without the other.

    `who` is the visitor's name, `what` a word as `account.disabled`, `detail` JSON without secrets. `district` and
    `unit` are whose administrators may see it too; that of a unit is looked up. Facts of units have
    `registry.history` for this.
    """
    if unit and not district:
        district = session.scalar(select(Unit.district).where(Unit.code == unit))
    session.add(
        AuditEntry(
            at=datetime.now(UTC),
            who=who[:PERSON_LENGTH],
            address=address,
            what=what,
            subject=subject[:NAME_LENGTH],
            district=district or None,
            unit=unit or None,
            detail=detail or {},
        )
    )


def entries(
    database: Database, scope: Scope, *, who: str = "", subject: str = "", page: int = 1
) -> tuple[list[Entry], bool]:
    """What lies in `scope`, the newest first, a page of 100; and whether older ones follow. Facts' changes are in it.

    `who` is a whole name; `subject` any part of one, in either case.
    """
    log = union_all(_deeds(scope), _changes(scope)).subquery()
    query = select(*[column for column in log.c if column.name != "number"])
    if who:
        query = query.where(log.c.who == who)
    if subject:
        query = query.where(func.lower(log.c.subject).contains(subject.lower(), autoescape=True))
    query = query.order_by(log.c.at.desc(), log.c.number.desc())
    with database.read() as connection:
        rows = connection.execute(query.offset((page - 1) * PAGE_ENTRIES).limit(PAGE_ENTRIES + 1)).all()
    return [Entry(*row) for row in rows[:PAGE_ENTRIES]], len(rows) > PAGE_ENTRIES


def _deeds(scope: Scope) -> Select[Any]:
    nothing = cast(null(), JSON)
    query = select(
        AuditEntry.at,
        AuditEntry.who,
        AuditEntry.address,
        AuditEntry.what,
        AuditEntry.subject,
        AuditEntry.detail,
        nothing.label("before"),
        nothing.label("after"),
        AuditEntry.id.label("number"),
    )
    if scope.unit:
        return query.where(AuditEntry.unit == scope.unit)
    return query.where(AuditEntry.district == scope.district) if scope.district else query


def _changes(scope: Scope) -> Select[Any]:
    query = select(
        Change.at,
        Change.who,
        cast(null(), String),
        (literal(FACTS) + Change.what).label("what"),
        (Change.unit + literal(" ") + Change.entry).label("subject"),
        cast(null(), JSON),
        Change.before,
        Change.after,
        Change.id.label("number"),
    )
    if scope.unit:
        return query.where(Change.unit == scope.unit)
    if scope.district:
        return query.join(Unit, Unit.code == Change.unit).where(Unit.district == scope.district)
    return query
