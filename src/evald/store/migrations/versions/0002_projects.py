"""Projects, their keys, and the sessions of readers; what is there goes to the default project.

SQLite copies the tables that get a project, and uses them without their foreign keys meanwhile (see
`Database.change_schema`).
"""

import time

import sqlalchemy as sa
from alembic import op
from alembic.operations import BatchOperations

revision = "0002"
down_revision = "0001"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Create the new tables, and give each row its project."""
    _create_projects()
    _create_keys()
    _create_sessions()
    _give_project_to_evals()
    _give_project_to_files()
    _give_project_to_completions()
    _create_tags_again()
    _create_idempotency_keys_again()


def _create_projects() -> None:
    projects = op.create_table(
        "projects",
        sa.Column("id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("name", name=op.f("uq_projects_name")),
        sqlite_autoincrement=True,
    )
    # The first row of a table: its id is 1.
    op.execute(projects.insert().values(name="default", created_at=int(time.time())))


def _create_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("seq", _SEQUENCE, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("hint", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("revoked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_api_keys_project_id")
        ),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
        sa.UniqueConstraint("id", name=op.f("uq_api_keys_id")),
        sqlite_autoincrement=True,
    )


def _create_sessions() -> None:
    op.create_table(
        "sessions",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["key_id"], ["api_keys.id"], name=op.f("fk_sessions_key_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_sessions")),
    )
    op.create_index(op.f("ix_sessions_expires_at"), "sessions", ["expires_at"], unique=False)
    op.create_index(op.f("ix_sessions_key_id"), "sessions", ["key_id"], unique=False)


def _give_project_to_evals() -> None:
    op.drop_index("ix_evals_created_at_seq", "evals")
    op.drop_index("ix_evals_updated_at_seq", "evals")
    _add_default_project("evals")
    with op.batch_alter_table("evals", table_kwargs={"sqlite_autoincrement": True}) as batch:
        _bind_project(batch, "evals")
    for moment in ("created_at", "updated_at"):
        name = op.f(f"ix_evals_project_id_{moment}_seq")
        op.create_index(name, "evals", ["project_id", moment, "seq"], unique=False)


def _give_project_to_files() -> None:
    op.drop_index("ix_files_created_at_seq", "files")
    _add_default_project("files")
    with op.batch_alter_table("files", table_kwargs={"sqlite_autoincrement": True}) as batch:
        _bind_project(batch, "files")
    name = op.f("ix_files_project_id_created_at_seq")
    op.create_index(name, "files", ["project_id", "created_at", "seq"], unique=False)


def _give_project_to_completions() -> None:
    table = "stored_completions"
    op.drop_index("ix_stored_completions_created_at_seq", table)
    _add_default_project(table)
    with op.batch_alter_table(table, table_kwargs={"sqlite_autoincrement": True}) as batch:
        _bind_project(batch, table)
        batch.drop_constraint("uq_stored_completions_id", type_="unique")
        name = op.f("uq_stored_completions_project_id_id")
        batch.create_unique_constraint(name, ["project_id", "id"])
    name = op.f("ix_stored_completions_project_id_created_at_seq")
    op.create_index(name, table, ["project_id", "created_at", "seq"], unique=False)


def _add_default_project(table: str) -> None:
    column = sa.Column("project_id", sa.Integer(), nullable=False, server_default="1")
    op.add_column(table, column)


def _bind_project(batch: BatchOperations, table: str) -> None:
    # From now on whoever adds a row has to say whose it is.
    batch.alter_column(
        "project_id", existing_type=sa.Integer(), existing_nullable=False, server_default=None
    )
    name = op.f(f"fk_{table}_project_id")
    batch.create_foreign_key(name, "projects", ["project_id"], ["id"])


def _create_tags_again() -> None:
    op.execute("CREATE TABLE old_tags AS SELECT * FROM completion_tags")
    op.drop_table("completion_tags")
    op.create_table(
        "completion_tags",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("completion_seq", _SEQUENCE, autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["completion_seq"],
            ["stored_completions.seq"],
            name=op.f("fk_completion_tags_completion_seq"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_completion_tags_project_id")
        ),
        sa.PrimaryKeyConstraint(
            *("project_id", "kind", "name", "value", "created_at", "completion_seq"),
            name=op.f("pk_completion_tags"),
        ),
    )
    name = op.f("ix_completion_tags_completion_seq")
    op.create_index(name, "completion_tags", ["completion_seq"], unique=False)
    columns = "kind, name, value, created_at, completion_seq"
    op.execute(
        f"INSERT INTO completion_tags (project_id, {columns}) SELECT 1, {columns} FROM old_tags"  # noqa: S608
    )
    op.drop_table("old_tags")


def _create_idempotency_keys_again() -> None:
    op.execute("CREATE TABLE old_keys AS SELECT * FROM idempotency_keys")
    op.drop_table("idempotency_keys")
    op.create_table(
        "idempotency_keys",
        sa.Column("project_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("route", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("eval_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["eval_id"], ["evals.id"], name=op.f("fk_idempotency_keys_eval_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_idempotency_keys_project_id")
        ),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_idempotency_keys_run_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "route", "key", name=op.f("pk_idempotency_keys")),
    )
    for column in ("created_at", "eval_id", "run_id"):
        name = op.f(f"ix_idempotency_keys_{column}")
        op.create_index(name, "idempotency_keys", [column], unique=False)
    columns = "route, key, body_hash, answer, created_at, eval_id, run_id"
    op.execute(
        f"INSERT INTO idempotency_keys (project_id, {columns}) SELECT 1, {columns} FROM old_keys"  # noqa: S608
    )
    op.drop_table("old_keys")
