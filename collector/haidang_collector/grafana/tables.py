"""The tokens of Grafana's data sources."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - read by SQLAlchemy

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from haidang_collector.registry.models import HASH_LENGTH, PERSON_LENGTH, Base

SCOPE_LENGTH = 120


class GrafanaToken(Base):
    """Lets a data source ask for a scope, until it is revoked. The token is kept as its SHA-256 only."""

    __tablename__ = "grafana_token"
    hash: Mapped[str] = mapped_column(String(HASH_LENGTH), primary_key=True)
    scope: Mapped[str] = mapped_column(String(SCOPE_LENGTH))
    """`city`, `district:NAME` or `unit:CODE`."""
    created_at: Mapped[datetime]
    created_by: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    revoked_at: Mapped[datetime | None]
