"""What was set for agents, version by version; what each agent says it runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

IN_FORCE = (
    ("default", "default_config", "''"),
    ("district", "district_config", "district"),
    ("unit", "unit_config", "unit"),
)


def upgrade() -> None:
    op.create_table(
        "config_version",
        sa.Column("layer", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("tables", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("who", sa.String(100), nullable=False),
        sa.Column("after", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("layer", "name", "number", name="pk_config_version"),
    )
    op.create_table(
        "config_layer",
        sa.Column("layer", sa.String(32), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("staged", sa.Integer(), nullable=True),
        sa.Column("percent", sa.Integer(), nullable=True),
        sa.CheckConstraint("(staged IS NULL) = (percent IS NULL)", name=op.f("ck_config_layer_staged")),
        sa.CheckConstraint("percent BETWEEN 1 AND 99", name=op.f("ck_config_layer_percent")),
        sa.PrimaryKeyConstraint("layer", "name", name="pk_config_layer"),
    )
    for layer, table, name in IN_FORCE:
        op.execute(
            "INSERT INTO config_version (layer, name, number, tables, at, who, after)"  # noqa: S608 - names of ours
            f" SELECT '{layer}', {name}, 1, tables, updated_at, '', 0 FROM {table}"
        )
        op.execute(
            "INSERT INTO config_layer (layer, name, number)"  # noqa: S608 - as above
            f" SELECT '{layer}', {name}, 1 FROM {table}"
        )
    op.add_column("agent", sa.Column("config", sa.JSON()))
