"""Telling people of incidents: what each is to hear, and the messages that say it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("person", sa.String(254), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("channel", sa.String(10), nullable=False),
        sa.Column("address", sa.String(254), nullable=False),
        sa.Column("language", sa.String(2), nullable=False),
        sa.Column("subject", sa.String(300), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(300), nullable=False),
        sa.CheckConstraint("state IN ('queued', 'sending', 'sent', 'failed', 'expired')", name="ck_message_state"),
        sa.CheckConstraint("channel IN ('email', 'apprise')", name="ck_message_channel"),
        sa.PrimaryKeyConstraint("id", name="pk_message"),
        sa.UniqueConstraint("key", name="uq_message_key"),
    )
    op.create_index("ix_message_state_next_at", "message", ["state", "next_at"])
    op.create_index("ix_message_person_made_at", "message", ["person", "made_at"])
    op.create_table(
        "telling",
        sa.Column("incident", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("round", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("person", sa.String(254), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped", sa.String(50), nullable=True),
        sa.CheckConstraint("kind IN ('firing', 'escalated', 'resolved')", name="ck_telling_kind"),
        sa.ForeignKeyConstraint(["incident"], ["incident.id"], name="fk_telling_incident_incident"),
        sa.PrimaryKeyConstraint("incident", "round", "person", "kind", name="pk_telling"),
    )
    op.create_index("ix_telling_told_at_due_at", "telling", ["told_at", "due_at"])
    op.create_index("ix_telling_person_told_at", "telling", ["person", "told_at"])
