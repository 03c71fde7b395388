"""Runs that went on after their end, and runs that grade the samples of another one."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the columns that tell of resumes, and of the run whose samples are graded again."""
    op.add_column("runs", sa.Column("resumes", sa.Integer(), nullable=False, server_default="0"))
    op.add_column(
        "runs", sa.Column("seconds_before", sa.Float(), nullable=False, server_default="0")
    )
    op.add_column("runs", sa.Column("regrade_of", sa.Text(), nullable=True))
