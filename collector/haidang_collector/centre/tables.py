"""The centre's tables. Moments are Unix seconds, as in `outside`; what is not known is null."""

from __future__ import annotations

from sqlalchemy import Double, ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from haidang_collector.registry.models import EMAIL_LENGTH, URL_LENGTH, WORD_LENGTH, Base

REASON_LENGTH = 300
SERVICE_LENGTH = 40


class PortalLook(Base):
    """The last look at a unit's portal. `fault` null: the page came; `feed`: valid, broken or none."""

    __tablename__ = "portal_look"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    looked_at: Mapped[float] = mapped_column(Double)
    fault: Mapped[str | None] = mapped_column(String(WORD_LENGTH))
    detail: Mapped[str] = mapped_column(String(REASON_LENGTH))
    not_after: Mapped[float | None] = mapped_column(Double)
    feed: Mapped[str | None] = mapped_column(String(10))
    feed_detail: Mapped[str] = mapped_column(String(REASON_LENGTH))
    newest: Mapped[float | None] = mapped_column(Double)
    changed: Mapped[float | None] = mapped_column(Double)
    lag: Mapped[float | None] = mapped_column(Double)


class PortalMemory(Base):
    """What a portal showed before, as `haidang_reach.content.Memory` has it in JSON: hashes of texts."""

    __tablename__ = "portal_memory"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    memory: Mapped[str] = mapped_column(Text)


class ServiceLook(Base):
    """The last look at a unit's service for parents. `fault` null: it is usable."""

    __tablename__ = "service_look"
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"), primary_key=True)
    service: Mapped[str] = mapped_column(String(SERVICE_LENGTH), primary_key=True)
    url: Mapped[str] = mapped_column(String(URL_LENGTH))
    looked_at: Mapped[float] = mapped_column(Double)
    fault: Mapped[str | None] = mapped_column(String(WORD_LENGTH))
    detail: Mapped[str] = mapped_column(String(REASON_LENGTH))


class FeedLook(Base):
    """The last look at the Department's feed. `detail` is empty where it could be read."""

    __tablename__ = "feed_look"
    url: Mapped[str] = mapped_column(String(URL_LENGTH), primary_key=True)
    looked_at: Mapped[float] = mapped_column(Double)
    detail: Mapped[str] = mapped_column(String(REASON_LENGTH))


class MailLook(Base):
    """What the DNS said of a mail domain. `problems` by check."""

    __tablename__ = "mail_look"
    domain: Mapped[str] = mapped_column(String(EMAIL_LENGTH), primary_key=True)
    looked_at: Mapped[float] = mapped_column(Double)
    mx: Mapped[bool | None]
    spf: Mapped[bool | None]
    dmarc: Mapped[bool | None]
    problems: Mapped[dict[str, str]]
