"""Runs that all workers are asked to stop."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the moment at which the cancel of a run was begun."""
    op.add_column("runs", sa.Column("stop_asked_at", sa.Float(), nullable=True))
