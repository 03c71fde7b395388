"""Stored responses, and what they are found by."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Create the tables of stored responses."""
    op.create_table(
        "stored_responses",
        sa.Column(
            "seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=True,
            nullable=False,
        ),
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("instructions", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("input", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_stored_responses_project_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_stored_responses")),
        sa.UniqueConstraint("project_id", "id", name=op.f("uq_stored_responses_project_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_stored_responses_id"), "stored_responses", ["id"], unique=False)
    op.create_index(
        op.f("ix_stored_responses_project_id_created_at_seq"),
        "stored_responses",
        ["project_id", "created_at", "seq"],
        unique=False,
    )
    op.create_table(
        "response_tags",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column(
            "response_seq",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            autoincrement=False,
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["response_seq"],
            ["stored_responses.seq"],
            name=op.f("fk_response_tags_response_seq"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_response_tags_project_id")
        ),
        sa.PrimaryKeyConstraint(
            *("project_id", "kind", "name", "value", "created_at", "response_seq"),
            name=op.f("pk_response_tags"),
        ),
    )
    op.create_index(
        op.f("ix_response_tags_response_seq"), "response_tags", ["response_seq"], unique=False
    )
