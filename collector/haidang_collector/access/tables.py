"""The tables of who may in: accounts, their sessions, and what they did."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - read by DeclarativeBase
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from haidang_collector.access.visitor import ROLES
from haidang_collector.registry.models import (
    CODE_LENGTH,
    DISTRICT_LENGTH,
    EMAIL_LENGTH,
    HASH_LENGTH,
    NAME_LENGTH,
    PERSON_LENGTH,
    WORD_LENGTH,
    Base,
)

LOGIN_LENGTH = 64
PASSWORD_HASH_LENGTH = 200
SECRET_LENGTH = 64
SUBJECT_LENGTH = 255
"""Of a person at the OIDC provider: OpenID Connect Core 1.0, section 2, allows 255 ASCII characters."""
ADDRESS_LENGTH = 45


class Account(Base):
    """A person. Without `unit` and `district` theirs is the city; `password_hash` None: they come by OIDC only.

    `first_until`: the password was given by somebody else; it has to be changed, and opens nothing after that time.
    """

    __tablename__ = "account"
    login: Mapped[str] = mapped_column(String(LOGIN_LENGTH), primary_key=True)
    name: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    email: Mapped[str | None] = mapped_column(String(EMAIL_LENGTH), unique=True)
    subject: Mapped[str | None] = mapped_column(String(SUBJECT_LENGTH), unique=True)
    """Who this is at the OIDC provider."""
    role: Mapped[str] = mapped_column(String(WORD_LENGTH))
    district: Mapped[str | None] = mapped_column(String(DISTRICT_LENGTH), index=True)
    unit: Mapped[str | None] = mapped_column(ForeignKey("unit.code"))
    password_hash: Mapped[str | None] = mapped_column(String(PASSWORD_HASH_LENGTH))
    first_until: Mapped[datetime | None]
    mapped: Mapped[bool]
    """Role and scope follow what the OIDC provider says at each login."""
    disabled: Mapped[bool]
    failed: Mapped[int]
    """Wrong passwords since the last right one."""
    locked_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    entered_at: Mapped[datetime | None]
    __table_args__ = (
        CheckConstraint(f"role IN ({', '.join(map(repr, ROLES))})", name="role"),
        CheckConstraint("district IS NULL OR unit IS NULL", name="scope"),
    )


class LoginSession(Base):
    """A browser that is logged in. `hash` is the SHA-256 of what its cookie holds."""

    __tablename__ = "session"
    hash: Mapped[str] = mapped_column(String(HASH_LENGTH), primary_key=True)
    login: Mapped[str] = mapped_column(ForeignKey("account.login"), index=True)
    csrf: Mapped[str] = mapped_column(String(SECRET_LENGTH))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class AuditEntry(Base):
    """Something that somebody did. `district` and `unit` tell whose administrators may see it; neither: the city's."""

    __tablename__ = "audit"
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    who: Mapped[str] = mapped_column(String(PERSON_LENGTH), index=True)
    address: Mapped[str | None] = mapped_column(String(ADDRESS_LENGTH))
    what: Mapped[str] = mapped_column(String(WORD_LENGTH))
    subject: Mapped[str] = mapped_column(String(NAME_LENGTH))
    district: Mapped[str | None] = mapped_column(String(DISTRICT_LENGTH))
    unit: Mapped[str | None] = mapped_column(String(CODE_LENGTH))
    detail: Mapped[dict[str, Any]]
    __table_args__ = (Index("ix_audit_at", "at"),)
