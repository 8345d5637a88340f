"""Facts of units as metrics, for rules to join with measurements. Unknown is absent; what was told may be 0."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select

from haidang_collector.registry.contracts import in_force
from haidang_collector.registry.fact_words import ROLES
from haidang_collector.registry.mail_domains import domain_word
from haidang_collector.registry.models import Change, Contact, Equipment, Lab, Plan, Portal, SubjectGroup, Unit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from prometheus_client.metrics_core import Metric
    from sqlalchemy import Connection

    from haidang_collector.registry.database import Database

BYTES_PER_MBIT = 125_000
VIETNAM = timezone(timedelta(hours=7))
"""Indochina Time, all year round."""
FIRST_MONTH = 7
"""A school year begins on 1 July."""
_OF_UNIT = ("unit", "district")


def fact_metrics(database: Database) -> Iterator[Metric]:
    """Every family, also those without a sample. They change with the facts, and contracts with the day (UTC)."""
    with database.read() as connection:
        yield _students(connection)
        yield _equipment(connection)
        yield _labs(connection)
        yield _lab_info(connection)
        yield _subject_groups(connection)
        yield _contacts(connection)
        yield _contact_mail(connection)
        yield _portals(connection)
        yield _mail_domains(connection)
        yield _plans(connection)
        yield _contracts(connection)
        yield _told(connection)


def school_year(now: datetime) -> Metric:
    """The school year at a time of Vietnam's clock, named as plans are."""
    begins = now.year - (now.month < FIRST_MONTH)
    family = GaugeMetricFamily(
        "school_year_start_timestamp_seconds",
        "When the current school year began: 1 July, 0:00 in Vietnam; year as 2026-2027.",
        labels=("year",),
    )
    family.add_metric((f"{begins}-{begins + 1}",), datetime(begins, FIRST_MONTH, 1, tzinfo=VIETNAM).timestamp())
    return family


def _students(connection: Connection) -> Metric:
    rows = connection.execute(select(Unit.code, Unit.district, Unit.students).order_by(Unit.code))
    told = (
        ((unit, district, level), number)
        for unit, district, students in rows
        for level, number in sorted(students.items())
    )
    return _family("school_students", "Students of a unit by level, as declared.", ("level",), told)


def _equipment(connection: Connection) -> Metric:
    query = select(Equipment.unit, Unit.district, Equipment.kind, Equipment.number).join(Unit)
    told = (((unit, district, kind), number) for unit, district, kind, number in connection.execute(query))
    return _family("school_declared_equipment", "Devices of a kind that the unit says it has.", ("kind",), told)


def _labs(connection: Connection) -> Metric:
    query = select(Lab.unit, Unit.district, Lab.name, Lab.level, Lab.computers).join(Unit)
    told = (
        ((unit, district, lab, level or ""), number)
        for unit, district, lab, level, number in connection.execute(query)
        if number is not None
    )
    text = "Computers of a room as declared; level is empty where all levels share it."
    return _family("school_declared_lab_computers", text, ("lab", "level"), told)


def _lab_info(connection: Connection) -> Metric:
    rows = connection.execute(select(Lab.unit, Unit.district, Lab.name, Lab.level).join(Unit))
    told = (((unit, district, lab, level or ""), 1) for unit, district, lab, level in rows)
    text = "Each registered room; always 1. Level is empty where all levels share it."
    return _family("school_lab_info", text, ("lab", "level"), told)


def _subject_groups(connection: Connection) -> Metric:
    query = select(SubjectGroup.unit, Unit.district, SubjectGroup.has_computer, func.count())
    rows = connection.execute(query.join(Unit).group_by(SubjectGroup.unit, Unit.district, SubjectGroup.has_computer))
    numbers = (((unit, district), "with" if has else "without", number) for unit, district, has, number in rows)
    text = "Subject groups with and without a computer of their own; absent where none was told."
    return _family("school_subject_groups", text, ("state",), _all_of(("with", "without"), numbers))


def _contacts(connection: Connection) -> Metric:
    query = select(Contact.unit, Unit.district, Contact.role, func.count())
    rows = connection.execute(query.join(Unit).group_by(Contact.unit, Unit.district, Contact.role))
    numbers = (((unit, district), role, number) for unit, district, role, number in rows)
    text = "Registered contacts, role leader or officer; absent where none was told."
    return _family("school_contacts", text, ("role",), _all_of(tuple(ROLES), numbers))


def _contact_mail(connection: Connection) -> Metric:
    query = select(Contact.unit, Unit.district, Contact.role, Contact.email).join(Unit)
    numbers = Counter(
        (unit, district, role, domain_word(email.rpartition("@")[2]))
        for unit, district, role, email in connection.execute(query)
        if email is not None
    )
    text = "E-mail addresses of registered contacts, by whether their domain is of education: education or other."
    return _family("school_contact_mail", text, ("role", "domain"), numbers.items())


def _portals(connection: Connection) -> Metric:
    query = select(Portal.unit, Unit.district).join(Unit).where(Portal.url.is_not(None))
    text = "1 where a portal of the unit is registered; absent where none was told."
    return _family("school_portal_declared", text, (), ((tuple(row), 1) for row in connection.execute(query)))


def _mail_domains(connection: Connection) -> Metric:
    query = select(Portal.unit, Unit.district, Portal.mail_domain).join(Unit)
    told = (
        ((unit, district, domain_word(domain)), 1)
        for unit, district, domain in connection.execute(query)
        if domain is not None
    )
    text = "1 where the unit's mail domain is registered; domain is education or other; absent where none was told."
    return _family("school_mail_domain_declared", text, ("domain",), told)


def _plans(connection: Connection) -> Metric:
    rows = connection.execute(select(Plan.unit, Unit.district, Plan.year, Plan.received).join(Unit))
    told = (
        ((unit, district, year), datetime.combine(day, time(), UTC).timestamp()) for unit, district, year, day in rows
    )
    text = "The day (UTC) that the unit's ICT plan of a school year came in."
    return _family("school_plan_received_timestamp_seconds", text, ("year",), told)


def _contracts(connection: Connection) -> Metric:
    told = (
        ((line.unit, line.district, line.wan, line.isp, direction), speed * BYTES_PER_MBIT)
        for line in in_force(connection, datetime.now(UTC).date())
        for direction, speed in (("receive", line.down), ("transmit", line.up))
        if speed is not None
    )
    text = "Speed of a line by the contract in force; direction receive or transmit."
    return _family("school_contract_bytes_per_second", text, ("wan", "isp", "direction"), told)


def _told(connection: Connection) -> Metric:
    query = select(Change.unit, Unit.district, Change.what, func.max(Change.at)).join(Unit)
    rows = connection.execute(query.group_by(Change.unit, Unit.district, Change.what))
    newest = (((unit, district, what), at.timestamp()) for unit, district, what, at in rows)
    text = "When facts of a kind (units, labs, equipment ...) of the unit last changed; absent where none ever did."
    return _family("school_fact_told_timestamp_seconds", text, ("what",), newest)


def _all_of(
    words: Sequence[str], numbers: Iterable[tuple[tuple[str, str], str, int]]
) -> Iterator[tuple[tuple[str, ...], int]]:
    """A unit that told of one word has none of the others."""
    by_unit: dict[tuple[str, str], dict[str, int]] = {}
    for unit, word, number in numbers:
        by_unit.setdefault(unit, dict.fromkeys(words, 0))[word] = number
    for unit, told in by_unit.items():
        for word, number in told.items():
            yield (*unit, word), number


def _family(
    name: str, text: str, labels: tuple[str, ...], told: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=(*_OF_UNIT, *labels))
    for values, number in told:
        family.add_metric(values, number)
    return family
