"""The newest self-examination of each agent."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - read by DeclarativeBase
from typing import Any

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from haidang_collector.registry.models import Base

VERSION_LENGTH = 50


class DoctorReport(Base):
    """`checks`: `{"check", "state", "case", "probe"}` of each, ids of `haidang_advice.doctor`; never what was found."""

    __tablename__ = "doctor_report"
    agent: Mapped[str] = mapped_column(ForeignKey("agent.id", ondelete="CASCADE"), primary_key=True)
    received_at: Mapped[datetime]
    version: Mapped[str] = mapped_column(String(VERSION_LENGTH))
    checks: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
