"""Units' services for parents, what the centre sees of them, and what is told to the units of a district."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "public_service",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("service", sa.String(32), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("season", sa.String(100), nullable=True),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_public_service_unit_unit"),
        sa.PrimaryKeyConstraint("unit", "service", name="pk_public_service"),
    )
    op.create_table(
        "service_look",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("service", sa.String(40), nullable=False),
        sa.Column("url", sa.String(500), nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=False),
        sa.Column("fault", sa.String(32), nullable=True),
        sa.Column("detail", sa.String(300), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_service_look_unit_unit"),
        sa.PrimaryKeyConstraint("unit", "service", name="pk_service_look"),
    )
    op.create_table(
        "district_config",
        sa.Column("district", sa.String(100), nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("district", name="pk_district_config"),
    )
