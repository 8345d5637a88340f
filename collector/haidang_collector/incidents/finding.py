"""Incidents as pages, exports and figures see them: filtered, within the scope of who asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from sqlalchemy import and_, case, func, or_, select

from haidang_collector.access.tables import Account
from haidang_collector.access.visitor import Scope
from haidang_collector.incidents.tables import IncidentEvent, IncidentHandling
from haidang_collector.registry.models import Contact, Incident, Unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Row, Select

    from haidang_collector.registry.database import Database

View = Literal["now", "open", "acknowledged", "mine", "over", "closed", "all"]
VIEWS: tuple[View, ...] = get_args(View)
State = Literal["open", "acknowledged", "over", "closed"]
SEVERITIES = ("critical", "warning", "info")
CATEGORIES = ("link", "equipment", "security", "service", "platform")

BATCH = 500
NEWEST_EVENTS = 500
EARLIER = 10
MOST_PEOPLE = 200
LARGER = ("CentreCutOff", "PowerOutage", "IspOutage")
"""Of alerts/rules/storms.yml: the faults that explain those of units."""
MOST_LARGER = 20

_DISTRICT = func.coalesce(Unit.district, Incident.district)
"""Where the unit is now; the label of the alert for units that the registry does not know."""
_FIRES = Incident.status == "firing"
_ACKNOWLEDGED = IncidentHandling.acknowledged_at.is_not(None)
_CLOSED = IncidentHandling.closed_at.is_not(None)
_COLUMNS = (
    Incident.id, Incident.alertname, Incident.severity, Incident.category, Incident.unit, Unit.name.label("unit_name"),
    _DISTRICT.label("district"), Incident.status, Incident.starts_at, Incident.received_at, Incident.ends_at,
    IncidentHandling.acknowledged_at, IncidentHandling.acknowledged_by, IncidentHandling.assignee,
    IncidentHandling.closed_at, IncidentHandling.closed_by, Incident.labels, Incident.annotations,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An incident and where it stands with people. What the alert does not tell is None."""

    id: int
    alertname: str
    severity: str | None
    category: str | None
    unit: str | None
    unit_name: str | None
    district: str | None
    status: str
    starts_at: datetime
    received_at: datetime
    ends_at: datetime | None
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    assignee: str | None
    closed_at: datetime | None
    closed_by: str | None
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def state(self) -> State:
        """`over`: the alert ended, and nobody has closed the incident."""
        if self.closed_at is not None:
            return "closed"
        if self.status != "firing":
            return "over"
        return "open" if self.acknowledged_at is None else "acknowledged"

    def summary(self, language: str) -> str:
        return self.annotations.get("summary" if language == "vi" else "summary_en") or self.alertname


@dataclass(frozen=True, slots=True)
class EventRow:
    """See `tables.IncidentEvent`."""

    at: datetime
    who: str
    what: str
    text: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which incidents; an empty word means all. `mine` are those that are assigned to `me` and not closed."""

    scope: Scope = field(default_factory=Scope)
    view: View = "all"
    severity: str = ""
    category: str = ""
    district: str = ""
    unit: str = ""
    me: str = ""
    since: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        equal = (
            (Incident.unit, self.scope.unit), (_DISTRICT, "" if self.scope.unit else self.scope.district),
            (Incident.severity, self.severity), (Incident.category, self.category),
            (_DISTRICT, self.district), (Incident.unit, self.unit),
        )  # fmt: skip
        found = [column == value for column, value in equal if value]
        if self.since is not None:
            found.append(Incident.starts_at >= self.since)
        return [*found, *_views(self.me)[self.view]]


def _views(me: str) -> dict[View, list[ColumnElement[bool]]]:
    return {
        "now": [_FIRES, ~_CLOSED],
        "open": [_FIRES, ~_CLOSED, ~_ACKNOWLEDGED],
        "acknowledged": [_FIRES, ~_CLOSED, _ACKNOWLEDGED],
        "mine": [IncidentHandling.assignee == me, ~_CLOSED],
        "over": [~_FIRES, ~_CLOSED],
        "closed": [_CLOSED],
        "all": [],
    }


def find(database: Database, wanted: Wanted, offset: int, limit: int) -> list[IncidentRow]:
    """The gravest first, of those the newest first."""
    gravity = case({word: rank for rank, word in enumerate(SEVERITIES)}, value=Incident.severity, else_=len(SEVERITIES))
    query = _selected(wanted).order_by(gravity, Incident.starts_at.desc(), Incident.id.desc())
    with database.read() as connection:
        return [_row(row) for row in connection.execute(query.offset(offset).limit(limit))]


def count(database: Database, wanted: Wanted) -> int:
    """How many `find` would tell."""
    query = joined(select(func.count(Incident.id))).where(*wanted.conditions())
    with database.read() as connection:
        return connection.scalar(query) or 0


def every(database: Database, wanted: Wanted) -> Iterator[list[IncidentRow]]:
    """All of them, the newest first, some at a time: whoever reads slowly holds no transaction open."""
    after: ColumnElement[bool] | None = None
    while True:
        query = _selected(wanted).order_by(Incident.starts_at.desc(), Incident.id.desc()).limit(BATCH)
        with database.read() as connection:
            rows = [_row(row) for row in connection.execute(query if after is None else query.where(after))]
        if rows:
            yield rows
        if len(rows) < BATCH:
            return
        last = rows[-1]
        same_start = and_(Incident.starts_at == last.starts_at, Incident.id < last.id)
        after = or_(Incident.starts_at < last.starts_at, same_start)


def one(database: Database, number: int) -> IncidentRow | None:
    """In whatever scope; who asks must be asked."""
    with database.read() as connection:
        row = connection.execute(joined(select(*_COLUMNS)).where(Incident.id == number)).one_or_none()
    return None if row is None else _row(row)


def larger_than_a_unit(database: Database, district: str) -> list[IncidentRow]:
    """What goes on in the district, or everywhere, and keeps alerts of units from beginning; the oldest first."""
    where = or_(Incident.district.is_(None), Incident.district == district)
    query = joined(select(*_COLUMNS)).where(_FIRES, Incident.alertname.in_(LARGER), Incident.unit.is_(None), where)
    with database.read() as connection:
        return [_row(row) for row in connection.execute(query.order_by(Incident.starts_at).limit(MOST_LARGER))]


def earlier(database: Database, incident: int) -> list[IncidentRow]:
    """Of the same alert, the newest first."""
    fingerprint = select(Incident.fingerprint).where(Incident.id == incident).scalar_subquery()
    query = joined(select(*_COLUMNS)).where(Incident.fingerprint == fingerprint, Incident.id != incident)
    with database.read() as connection:
        return [_row(row) for row in connection.execute(query.order_by(Incident.starts_at.desc()).limit(EARLIER))]


def events(database: Database, incidents: Sequence[int]) -> dict[int, list[EventRow]]:
    """Time lines by incident, from the first entry on; of a very long one the newest entries."""
    columns = (IncidentEvent.incident, IncidentEvent.at, IncidentEvent.who, IncidentEvent.what, IncidentEvent.text)
    place = func.row_number().over(partition_by=IncidentEvent.incident, order_by=IncidentEvent.id.desc())
    numbered = (
        select(*columns, IncidentEvent.id, place.label("place")).where(IncidentEvent.incident.in_(incidents)).subquery()
    )
    query = select(numbered).where(numbered.c.place <= NEWEST_EVENTS).order_by(numbered.c.id)
    found: dict[int, list[EventRow]] = {}
    with database.read() as connection:
        for row in connection.execute(query):
            found.setdefault(row.incident, []).append(EventRow(row.at, row.who, row.what, row.text))
    return found


def in_charge(database: Database, incident: IncidentRow) -> list[str]:
    """Whom it can be given to: logins of accounts that may handle it, and names of the unit's contacts."""
    everywhere = and_(Account.district.is_(None), Account.unit.is_(None))
    theirs = or_(everywhere, Account.district == incident.district, Account.unit == incident.unit)
    logins = select(Account.login).where(Account.disabled.is_(False), Account.role != "reader", theirs)
    names = select(Contact.name).where(Contact.unit == incident.unit).distinct()
    with database.read() as connection:
        found = [connection.scalars(query.limit(MOST_PEOPLE)).all() for query in (logins, names)]
    return sorted({name for several in found for name in several})


def joined(query: Select[*tuple[Any, ...]]) -> Select[*tuple[Any, ...]]:
    """With where incidents stand and their units, which conditions of `Wanted` ask for."""
    handled = query.select_from(Incident).outerjoin(IncidentHandling, IncidentHandling.incident == Incident.id)
    return handled.outerjoin(Unit, Unit.code == Incident.unit)


def _selected(wanted: Wanted) -> Select[*tuple[Any, ...]]:
    return joined(select(*_COLUMNS)).where(*wanted.conditions())


def _row(row: Row[*tuple[Any, ...]]) -> IncidentRow:
    return IncidentRow(**row._mapping)  # noqa: SLF001 - SQLAlchemy's public way to the names
