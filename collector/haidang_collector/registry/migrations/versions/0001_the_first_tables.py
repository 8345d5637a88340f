"""The first tables: units, enrolment, agents and their configuration, incidents."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _units_and_configuration()
    _agents()
    _incidents()


def _units_and_configuration() -> None:
    op.create_table(
        "unit",
        sa.Column("code", sa.String(32), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("district", sa.String(100), nullable=False),
        sa.Column("level", sa.String(20), nullable=False),
        sa.Column("address", sa.String(300)),
        sa.Column("students", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("code", name="pk_unit"),
    )
    op.create_index("ix_unit_district", "unit", ["district"])
    op.create_table(
        "unit_config",
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_unit_config_unit_unit"),
        sa.PrimaryKeyConstraint("unit", name="pk_unit_config"),
    )
    op.create_table(
        "default_config",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_default_config_one_row")),
        sa.PrimaryKeyConstraint("id", name="pk_default_config"),
    )


def _agents() -> None:
    op.create_table(
        "enrolment_token",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("uses_left >= 0", name=op.f("ck_enrolment_token_uses_left")),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_enrolment_token_unit_unit"),
        sa.PrimaryKeyConstraint("hash", name="pk_enrolment_token"),
    )
    op.create_index("ix_enrolment_token_unit", "enrolment_token", ["unit"])
    op.create_table(
        "agent",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("unit", sa.String(32), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("roles", sa.String(100), nullable=False),
        sa.Column("version", sa.String(50), nullable=False),
        sa.Column("os", sa.String(50), nullable=False),
        sa.Column("enrolled_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen", sa.Double()),
        sa.Column("stopped", sa.Boolean(), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_agent_unit_unit"),
        sa.PrimaryKeyConstraint("id", name="pk_agent"),
    )
    op.create_index("ix_agent_unit", "agent", ["unit"])
    op.create_table(
        "enrolment",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("key_hash", sa.String(64), nullable=False),
        sa.Column("agent", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["agent"], ["agent.id"], name="fk_enrolment_agent_agent"),
        sa.ForeignKeyConstraint(
            ["token_hash"], ["enrolment_token.hash"], name="fk_enrolment_token_hash_enrolment_token"
        ),
        sa.PrimaryKeyConstraint("token_hash", "key_hash", name="pk_enrolment"),
        sa.UniqueConstraint("agent", name="uq_enrolment_agent"),
    )


def _incidents() -> None:
    op.create_table(
        "incident",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True)),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("alertname", sa.String(200), nullable=False),
        sa.Column("unit", sa.String(32)),
        sa.Column("district", sa.String(100)),
        sa.Column("severity", sa.String(50)),
        sa.Column("category", sa.String(50)),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("annotations", sa.JSON(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('firing', 'resolved')", name=op.f("ck_incident_status")),
        sa.PrimaryKeyConstraint("id", name="pk_incident"),
        sa.UniqueConstraint("fingerprint", "starts_at", name="uq_incident_fingerprint"),
    )
    op.create_index("ix_incident_status_starts_at", "incident", ["status", "starts_at"])
    op.create_index("ix_incident_unit_starts_at", "incident", ["unit", "starts_at"])
