"""The registry's tables. All times are UTC; `last_seen` is Unix seconds, as it is written often and only compared.

A change here needs a migration (`migrations/versions/`); a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    Index,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect

CODE_LENGTH = 32
NAME_LENGTH = 200
DISTRICT_LENGTH = 100
ADDRESS_LENGTH = 300
WORD_LENGTH = 32
PERSON_LENGTH = 100
EMAIL_LENGTH = 254
URL_LENGTH = 500
HASH_LENGTH = 64
"""SHA-256 in hexadecimal digits."""
KEY_LENGTH = 64
"""32 bytes in hexadecimal digits."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, kept in UTC. A naive one is refused: nobody could say which hour it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; use datetime.now(UTC)")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        del dialect
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_name)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, dict[str, int]: JSON, dict[str, str]: JSON}  # noqa: RUF012 - read by DeclarativeBase


class Unit(Base):
    """A school or another unit of the sector."""

    __tablename__ = "unit"
    code: Mapped[str] = mapped_column(String(CODE_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    district: Mapped[str] = mapped_column(String(DISTRICT_LENGTH), index=True)
    level: Mapped[str] = mapped_column(String(20))
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH))
    students: Mapped[dict[str, int]]
    """Number by level word; a level that nobody told is absent."""


class Lab(Base):
    """A computer room. `level` None: shared by all; `computers` as declared.

    `subnets` beside `cidr` and `machines` by MAC address are parted by spaces, `ports` of switches by `; `.
    """

    __tablename__ = "lab"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    name: Mapped[str] = mapped_column(String(PERSON_LENGTH), primary_key=True)
    cidr: Mapped[str | None] = mapped_column(String(50))
    vlan: Mapped[int | None]
    computers: Mapped[int | None]
    level: Mapped[str | None] = mapped_column(String(20))
    subnets: Mapped[str | None] = mapped_column(Text)
    ports: Mapped[str | None] = mapped_column(Text)
    machines: Mapped[str | None] = mapped_column(Text)


class Equipment(Base):
    """How many devices of a kind the unit says it has."""

    __tablename__ = "equipment"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    number: Mapped[int]


class SubjectGroup(Base):
    """A group of teachers, and whether it has a computer of its own."""

    __tablename__ = "subject_group"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    name: Mapped[str] = mapped_column(String(PERSON_LENGTH), primary_key=True)
    has_computer: Mapped[bool]


class Contact(Base):
    """Who answers for ICT at the unit: role `leader` or `officer`."""

    __tablename__ = "contact"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    role: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(PERSON_LENGTH), primary_key=True)
    phone: Mapped[str | None] = mapped_column(String(WORD_LENGTH))
    email: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))


class Plan(Base):
    """The unit's ICT plan of a school year, `2025-2026`, and the day it came in."""

    __tablename__ = "plan"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    year: Mapped[str] = mapped_column(String(9), primary_key=True)
    received: Mapped[date]


class Contract(Base):
    """What an ISP promised for a line. `number` is empty where nobody told it; speeds in Mbit/s, both days included."""

    __tablename__ = "contract"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    wan: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    number: Mapped[str] = mapped_column(String(PERSON_LENGTH), primary_key=True)
    isp: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    medium: Mapped[str | None] = mapped_column(String(20))
    down: Mapped[float | None] = mapped_column(Double)
    up: Mapped[float | None] = mapped_column(Double)
    starts: Mapped[date | None]
    ends: Mapped[date | None]


class Portal(Base):
    """The unit's web portal, and the domain of its e-mail addresses."""

    __tablename__ = "portal"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    url: Mapped[str | None] = mapped_column(String(URL_LENGTH))
    mail_domain: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH))


class PublicService(Base):
    """An online service of the unit for parents.

    `season`: names of the calendar's, parted by spaces; None: the one that `service` begins with, if there is one.
    """

    __tablename__ = "public_service"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    service: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    season: Mapped[str | None] = mapped_column(String(PERSON_LENGTH))


class Change(Base):
    """One change of one fact. `before` None: it was made; `after` None: it was removed; else only what differs.

    `what` is the kind of fact (`units`, `labs` …), `entry` tells which of the unit's (a lab's name).
    """

    __tablename__ = "change"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"))
    what: Mapped[str] = mapped_column(String(WORD_LENGTH))
    entry: Mapped[str] = mapped_column(String(NAME_LENGTH + PERSON_LENGTH))
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    __table_args__ = (Index("ix_change_unit_id", "unit", "id"),)


class EnrolmentToken(Base):
    """What lets `uses_left` more agents into one unit. The token itself is printed once and kept nowhere."""

    __tablename__ = "enrolment_token"
    hash: Mapped[str] = mapped_column(String(HASH_LENGTH), primary_key=True)
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    uses_left: Mapped[int]
    revoked_at: Mapped[datetime | None]
    agent: Mapped[str | None] = mapped_column(String(32))
    """Whom it lets in again, with all that was measured; None: as a new one."""
    __table_args__ = (CheckConstraint("uses_left >= 0", name="uses_left"),)


class Agent(Base):
    """A program that may push. `key_hash` is the SHA-256 of its key."""

    __tablename__ = "agent"
    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), index=True)
    key_hash: Mapped[str] = mapped_column(String(HASH_LENGTH))
    roles: Mapped[str] = mapped_column(String(100))
    """Words parted by spaces."""
    version: Mapped[str] = mapped_column(String(50))
    os: Mapped[str] = mapped_column(String(50))
    enrolled_at: Mapped[datetime]
    last_seen: Mapped[float | None] = mapped_column(Double)
    stopped: Mapped[bool] = mapped_column(default=False)
    revoked_at: Mapped[datetime | None]
    config: Mapped[dict[str, int] | None] = mapped_column(JSON(none_as_null=True))
    """The versions of the configuration that it says it runs, by layer; None: it never said so."""
    next_key_hash: Mapped[str | None] = mapped_column(String(HASH_LENGTH))
    """Of the key that takes the other's place as soon as it is used."""
    next_key_at: Mapped[float | None] = mapped_column(Double)
    """When it was offered."""
    replaced_key_hash: Mapped[str | None] = mapped_column(String(HASH_LENGTH))
    """Of the key before: who still has it runs on a disk of then."""
    put_back_at: Mapped[float | None] = mapped_column(Double)
    """When somebody came with that one, last."""
    new_key_wanted: Mapped[bool] = mapped_column(default=False)
    merged_into: Mapped[str | None] = mapped_column(String(32))
    """The agent that this one counts as: they are one machine."""
    runs: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    """Names of the machine's last runs as it told them, the newest first."""
    doubled_at: Mapped[float | None] = mapped_column(Double)
    """When two machines were last seen to share this identity."""
    isp: Mapped[str | None]
    """By which it was last heard; None where no public address told."""
    scrape_address: Mapped[str | None]
    """Where it offered to be scraped when it was last heard."""


class Enrolment(Base):
    """Which agent a token and a key were answered with, so that a lost answer can be asked for again."""

    __tablename__ = "enrolment"
    token_hash: Mapped[str] = mapped_column(ForeignKey("enrolment_token.hash"), primary_key=True)
    key_hash: Mapped[str] = mapped_column(String(HASH_LENGTH), primary_key=True)
    agent: Mapped[str] = mapped_column(ForeignKey("agent.id"), unique=True)


class UnitKey(Base):
    """What the unit's own agents sign their words to one another with; a secret, 64 hexadecimal digits."""

    __tablename__ = "unit_key"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    key: Mapped[str] = mapped_column(String(KEY_LENGTH))
    made_at: Mapped[datetime]


class UnitConfig(Base):
    """The unit's own tables of the agent's configuration."""

    __tablename__ = "unit_config"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    tables: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class DefaultConfig(Base):
    """The tables that every unit gets; one row."""

    __tablename__ = "default_config"
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    tables: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]
    __table_args__ = (CheckConstraint("id = 1", name="one_row"),)


class DistrictConfig(Base):
    """The tables that every unit of a district gets, over those of all."""

    __tablename__ = "district_config"
    district: Mapped[str] = mapped_column(String(DISTRICT_LENGTH), primary_key=True)
    tables: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


class OutsideConsent(Base):
    """A unit that asked to be looked at from the Internet, but for the ports `excepted`, parted by spaces."""

    __tablename__ = "outside_consent"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    excepted: Mapped[str] = mapped_column(String(100))
    given_at: Mapped[datetime]


class OutsideAddress(Base):
    """An address that such a unit's agents pushed from just now, in Unix seconds. `shared`: other units do so too."""

    __tablename__ = "outside_address"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    address: Mapped[str] = mapped_column(String(45), primary_key=True)
    seen_at: Mapped[float] = mapped_column(Double)
    shared: Mapped[bool]


class OutsidePort(Base):
    """Whether a TCP port of such a unit's line took a connection from the Internet; Unix seconds."""

    __tablename__ = "outside_port"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    port: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    open: Mapped[bool]
    looked_at: Mapped[float] = mapped_column(Double)


class Incident(Base):
    """One alert from its start to its end, as Alertmanager told it. Alerts about no unit have `unit` null."""

    __tablename__ = "incident"
    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(64))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(10))
    alertname: Mapped[str] = mapped_column(String(200))
    unit: Mapped[str | None] = mapped_column(String(CODE_LENGTH))
    district: Mapped[str | None] = mapped_column(String(DISTRICT_LENGTH))
    severity: Mapped[str | None] = mapped_column(String(50))
    category: Mapped[str | None] = mapped_column(String(50))
    labels: Mapped[dict[str, str]]
    annotations: Mapped[dict[str, str]]
    received_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        UniqueConstraint("fingerprint", "starts_at"),
        CheckConstraint("status IN ('firing', 'resolved')", name="status"),
        Index("ix_incident_status_starts_at", "status", "starts_at"),
        Index("ix_incident_unit_starts_at", "unit", "starts_at"),
    )
