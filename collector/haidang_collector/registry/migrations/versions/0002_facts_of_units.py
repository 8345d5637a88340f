"""Facts of units beside their name: labs, equipment, people, plans, contracts, portals; and who changed what."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _rooms_and_equipment()
    _people_and_papers()
    _changes()


def _rooms_and_equipment() -> None:
    _facts(
        "lab",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("cidr", sa.String(50)),
        sa.Column("vlan", sa.Integer()),
        sa.Column("computers", sa.Integer()),
        sa.Column("level", sa.String(20)),
        key=("name",),
    )
    _facts(
        "equipment",
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        key=("kind",),
    )
    _facts(
        "subject_group",
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("has_computer", sa.Boolean(), nullable=False),
        key=("name",),
    )


def _people_and_papers() -> None:
    _facts(
        "contact",
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("phone", sa.String(32)),
        sa.Column("email", sa.String(254)),
        key=("role", "name"),
    )
    _facts(
        "plan",
        sa.Column("year", sa.String(9), nullable=False),
        sa.Column("received", sa.Date(), nullable=False),
        key=("year",),
    )
    _facts(
        "contract",
        sa.Column("wan", sa.String(32), nullable=False),
        sa.Column("number", sa.String(100), nullable=False),
        sa.Column("isp", sa.String(100), nullable=False),
        sa.Column("medium", sa.String(20)),
        sa.Column("down", sa.Double()),
        sa.Column("up", sa.Double()),
        sa.Column("starts", sa.Date()),
        sa.Column("ends", sa.Date()),
        key=("wan", "number"),
    )
    _facts("portal", sa.Column("url", sa.String(500)), sa.Column("mail_domain", sa.String(254)), key=())


def _facts(table: str, *columns: sa.Column[object], key: tuple[str, ...]) -> None:
    op.create_table(
        table,
        sa.Column("unit", sa.String(32), nullable=False),
        *columns,
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name=f"fk_{table}_unit_unit"),
        sa.PrimaryKeyConstraint("unit", *key, name=f"pk_{table}"),
    )


def _changes() -> None:
    op.create_table(
        "change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("entry", sa.String(300), nullable=False),
        sa.Column("before", sa.JSON()),
        sa.Column("after", sa.JSON()),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_change_unit_unit"),
        sa.PrimaryKeyConstraint("id", name="pk_change"),
    )
    op.create_index("ix_change_unit_id", "change", ["unit", "id"])
