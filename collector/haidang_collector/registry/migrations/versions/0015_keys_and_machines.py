"""New keys, machines that share an identity or came back, and what came on a stick."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("next_key_hash", sa.String(64)),
        sa.Column("replaced_key_hash", sa.String(64)),
        sa.Column("put_back_at", sa.Double()),
        sa.Column("new_key_wanted", sa.Boolean(), nullable=False, server_default=sa.false()),
        sa.Column("merged_into", sa.String(32)),
        sa.Column("runs", sa.JSON()),
        sa.Column("doubled_at", sa.Double()),
    ):
        op.add_column("agent", column)
    op.add_column("enrolment_token", sa.Column("agent", sa.String(32)))
    op.create_table(
        "imported_frame",
        sa.Column("agent", sa.String(32), nullable=False),
        sa.Column("export", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("samples", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agent", "export", "number", name="pk_imported_frame"),
    )
