"""What makes a computer room beside one network and a VLAN: further networks, switch ports, listed machines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("subnets", "ports", "machines"):
        op.add_column("lab", sa.Column(name, sa.Text()))
