"""Reminders of what nobody has taken on: `telling.number` counts them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

CHECK, KEY = "ck_telling_kind", "pk_telling"
KINDS = "kind IN ('firing', 'escalated', 'reminder', 'resolved')"
KEY_COLUMNS = ["incident", "round", "person", "kind", "number"]


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _made_anew()
        return
    op.add_column("telling", sa.Column("number", sa.Integer(), nullable=False, server_default="0"))
    op.alter_column("telling", "number", server_default=None)
    op.drop_constraint(CHECK, "telling", type_="check")
    op.drop_constraint(KEY, "telling", type_="primary")
    op.create_check_constraint(CHECK, "telling", KINDS)
    op.create_primary_key(KEY, "telling", KEY_COLUMNS)


def _made_anew() -> None:
    """SQLite changes neither a key nor a constraint of a table that is there."""
    op.rename_table("telling", "telling_before")
    op.create_table(
        "telling",
        sa.Column("incident", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("round", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("person", sa.String(254), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dropped", sa.String(50), nullable=True),
        sa.CheckConstraint(KINDS, name=CHECK),
        sa.ForeignKeyConstraint(["incident"], ["incident.id"], name="fk_telling_incident_incident"),
        sa.PrimaryKeyConstraint(*KEY_COLUMNS, name=KEY),
    )
    op.execute(
        "INSERT INTO telling (incident, round, person, kind, number, name, due_at, told_at, dropped) "
        "SELECT incident, round, person, kind, 0, name, due_at, told_at, dropped FROM telling_before"
    )
    op.drop_table("telling_before")
    op.create_index("ix_telling_told_at_due_at", "telling", ["told_at", "due_at"])
    op.create_index("ix_telling_person_told_at", "telling", ["person", "told_at"])
