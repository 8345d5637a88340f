"""Which run of the store took a part of an export; of those of before it is taken to keep them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imported_frame", sa.Column("store_since", sa.String(32), nullable=False, server_default=""))
