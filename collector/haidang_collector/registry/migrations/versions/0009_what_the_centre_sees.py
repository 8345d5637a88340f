"""What the centre sees of portals, the Department's feed and mail domains."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "portal_look",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=False),
        sa.Column("fault", sa.String(32), nullable=True),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.Column("not_after", sa.Double(), nullable=True),
        sa.Column("feed", sa.String(10), nullable=True),
        sa.Column("feed_detail", sa.String(300), nullable=False),
        sa.Column("newest", sa.Double(), nullable=True),
        sa.Column("changed", sa.Double(), nullable=True),
        sa.Column("lag", sa.Double(), nullable=True),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_portal_look_unit_unit"),
        sa.PrimaryKeyConstraint("unit", name="pk_portal_look"),
    )
    op.create_table(
        "portal_memory",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("memory", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_portal_memory_unit_unit"),
        sa.PrimaryKeyConstraint("unit", name="pk_portal_memory"),
    )
    op.create_table(
        "feed_look",
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=False),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.PrimaryKeyConstraint("url", name="pk_feed_look"),
    )
    op.create_table(
        "mail_look",
        sa.Column("domain", sa.String(254), nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=False),
        sa.Column("mx", sa.Boolean(), nullable=True),
        sa.Column("spf", sa.Boolean(), nullable=True),
        sa.Column("dmarc", sa.Boolean(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("domain", name="pk_mail_look"),
    )
