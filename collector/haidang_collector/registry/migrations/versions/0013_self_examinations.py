"""The newest self-examination of each agent."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "doctor_report",
        sa.Column("agent", sa.String(32), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("checks", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["agent.id"], name="fk_doctor_report_agent_agent", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("agent", name="pk_doctor_report"),
    )
