"""Units that asked to be looked at from the Internet: their consent, their addresses now, and what was found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "outside_consent",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("excepted", sa.String(100), nullable=False),
        sa.Column("given_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_outside_consent_unit_unit"),
        sa.PrimaryKeyConstraint("unit", name="pk_outside_consent"),
    )
    op.create_table(
        "outside_address",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("address", sa.String(45), nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_outside_address_unit_unit"),
        sa.PrimaryKeyConstraint("unit", "address", name="pk_outside_address"),
    )
    op.create_table(
        "outside_port",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("open", sa.Boolean(), nullable=False),
        sa.Column("looked_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_outside_port_unit_unit"),
        sa.PrimaryKeyConstraint("unit", "port", name="pk_outside_port"),
    )
