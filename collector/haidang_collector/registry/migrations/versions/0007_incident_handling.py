"""What people do about incidents: where each stands, and its time line."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "incident_handling",
        sa.Column("incident", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("acknowledged_by", sa.String(100), nullable=True),
        sa.Column("assignee", sa.String(100), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_by", sa.String(100), nullable=True),
        sa.ForeignKeyConstraint(["incident"], ["incident.id"], name="fk_incident_handling_incident_incident"),
        sa.PrimaryKeyConstraint("incident", name="pk_incident_handling"),
    )
    op.create_index("ix_incident_handling_assignee", "incident_handling", ["assignee"])
    op.create_table(
        "incident_event",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("incident", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "what IN ('ack', 'note', 'assign', 'close', 'reopen', 'told')", name="ck_incident_event_what"
        ),
        sa.ForeignKeyConstraint(["incident"], ["incident.id"], name="fk_incident_event_incident_incident"),
        sa.PrimaryKeyConstraint("id", name="pk_incident_event"),
    )
    op.create_index("ix_incident_event_incident_id", "incident_event", ["incident", "id"])
