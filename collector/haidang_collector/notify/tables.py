"""Tables of telling people: what each is to hear (`telling`), and the messages that say it (`message`)."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from haidang_collector.registry.models import EMAIL_LENGTH, HASH_LENGTH, PERSON_LENGTH, Base

SUBJECT_LENGTH = 300
KINDS = ("firing", "escalated", "reminder", "resolved")
STATES = ("queued", "sending", "sent", "failed", "expired")


class Message(Base):
    """What goes to one person by one channel, written before it is sent.

    `key` tells it from every other, and goes with it, so that who gets it twice can know. `address` is an e-mail
    address, or the name of a channel of the settings, whose URL is a secret. `answer` is the provider's word.
    """

    __tablename__ = "message"
    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(HASH_LENGTH), unique=True)
    person: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    name: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    channel: Mapped[str] = mapped_column(String(10))
    address: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    language: Mapped[str] = mapped_column(String(2))
    subject: Mapped[str] = mapped_column(String(SUBJECT_LENGTH))
    body: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(String(10))
    attempts: Mapped[int]
    made_at: Mapped[datetime]
    next_at: Mapped[datetime]
    """When it is to be tried; while it is being sent, when whoever sends it is given up."""
    sent_at: Mapped[datetime | None]
    answer: Mapped[str] = mapped_column(String(SUBJECT_LENGTH))
    __table_args__ = (
        CheckConstraint(f"state IN ({', '.join(map(repr, STATES))})", name="state"),
        CheckConstraint("channel IN ('email', 'apprise')", name="channel"),
        Index("ix_message_state_next_at", "state", "next_at"),
        Index("ix_message_person_made_at", "person", "made_at"),
    )


class Telling(Base):
    """Something that a person (by e-mail address) is to hear of an incident from `due_at` on.

    `round` counts how often the incident was reopened, `number` reminders from 1 (0: it is none). `told_at` is when it
    was put into messages (those of one moment and person say the same), or dropped, for the reason in `dropped`: only
    what is no longer true is.
    """

    __tablename__ = "telling"
    incident: Mapped[int] = mapped_column(ForeignKey("incident.id"), primary_key=True, autoincrement=False)
    round: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    person: Mapped[str] = mapped_column(String(EMAIL_LENGTH), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(PERSON_LENGTH))
    due_at: Mapped[datetime]
    told_at: Mapped[datetime | None]
    dropped: Mapped[str | None] = mapped_column(String(50))
    __table_args__ = (
        CheckConstraint(f"kind IN ({', '.join(map(repr, KINDS))})", name="kind"),
        Index("ix_telling_told_at_due_at", "told_at", "due_at"),
        Index("ix_telling_person_told_at", "person", "told_at"),
    )
