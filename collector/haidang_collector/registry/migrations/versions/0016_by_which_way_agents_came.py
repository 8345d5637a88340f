"""By whose network agents were heard, and where they can be scraped: known to every process of the collector."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("agent", sa.Column("isp", sa.String()))
    op.add_column("agent", sa.Column("scrape_address", sa.String()))
