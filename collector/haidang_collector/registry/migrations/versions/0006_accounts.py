"""Who may in: accounts, their sessions, and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    _accounts()
    _sessions()
    _audit()


def _accounts() -> None:
    op.create_table(
        "account",
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("email", sa.String(254)),
        sa.Column("subject", sa.String(255)),
        sa.Column("role", sa.String(32), nullable=False),
        sa.Column("district", sa.String(100)),
        sa.Column("unit", sa.String(32)),
        sa.Column("password_hash", sa.String(200)),
        sa.Column("first_until", MOMENT),
        sa.Column("mapped", sa.Boolean(), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("locked_until", MOMENT),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("changed_at", MOMENT, nullable=False),
        sa.Column("entered_at", MOMENT),
        sa.CheckConstraint("role IN ('reader', 'operator', 'administrator')", name="ck_account_role"),
        sa.CheckConstraint("district IS NULL OR unit IS NULL", name="ck_account_scope"),
        sa.ForeignKeyConstraint(["unit"], ["unit.code"], name="fk_account_unit_unit"),
        sa.PrimaryKeyConstraint("login", name="pk_account"),
        sa.UniqueConstraint("email", name="uq_account_email"),
        sa.UniqueConstraint("subject", name="uq_account_subject"),
    )
    op.create_index("ix_account_district", "account", ["district"])


def _sessions() -> None:
    op.create_table(
        "session",
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("csrf", sa.String(64), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=False),
        sa.ForeignKeyConstraint(["login"], ["account.login"], name="fk_session_login_account"),
        sa.PrimaryKeyConstraint("hash", name="pk_session"),
    )
    op.create_index("ix_session_login", "session", ["login"])


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("address", sa.String(45)),
        sa.Column("what", sa.String(32), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("district", sa.String(100)),
        sa.Column("unit", sa.String(32)),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"])
    op.create_index("ix_audit_who", "audit", ["who"])
