"""The index behind the items table: facts, words and kept figures of output items."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSVECTOR

revision = "0011"
down_revision = "0010"

# SQLite: the rows of an external content table, so that no text is kept twice. The words are cut and
# folded before, hence `ascii`, which takes all else than ASCII as it is.
OF_SQLITE = (
    "CREATE VIRTUAL TABLE item_search USING fts5(words, tags, content='item_texts', "
    "content_rowid='key', tokenize='ascii', detail='none', columnsize=0)",
    "CREATE TRIGGER item_texts_added AFTER INSERT ON item_texts BEGIN "
    "INSERT INTO item_search (rowid, words, tags) VALUES (new.key, new.words, new.tags); END",
    "CREATE TRIGGER item_texts_removed AFTER DELETE ON item_texts BEGIN "
    "INSERT INTO item_search (item_search, rowid, words, tags) "
    "VALUES ('delete', old.key, old.words, old.tags); END",
    "CREATE TRIGGER item_texts_changed AFTER UPDATE ON item_texts BEGIN "
    "INSERT INTO item_search (item_search, rowid, words, tags) "
    "VALUES ('delete', old.key, old.words, old.tags); "
    "INSERT INTO item_search (rowid, words, tags) VALUES (new.key, new.words, new.tags); END",
)
OF_POSTGRES = ("CREATE INDEX item_search ON item_texts USING gin (words)",)


def upgrade() -> None:
    """Create the tables, empty: the server fills them from the output items that are there."""
    _create_of_items()
    _create_of_runs()
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for statement in OF_POSTGRES if is_postgres else OF_SQLITE:
        op.execute(statement)


def _key() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("key", number, autoincrement=False, nullable=False)


def _run_seq() -> sa.Column[int]:
    return sa.Column("run_seq", sa.BigInteger(), autoincrement=False, nullable=False)


def _create_of_items() -> None:
    op.create_table(
        "item_facts",
        _key(),
        _run_seq(),
        sa.Column("item_seq", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("verdicts", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Integer()),
        sa.Column("latency_ms", sa.Float()),
        sa.Column("tokens", sa.BigInteger()),
        sa.Column("retries", sa.Integer(), nullable=False),
        sa.Column("scores", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_item_facts")),
    )
    for columns in (("latency_ms", "key"), ("tokens", "key")):
        name = "_".join(("ix_item_facts_run_seq", *columns))
        op.create_index(op.f(name), "item_facts", ["run_seq", *columns])
    op.create_table(
        "item_texts",
        _key(),
        sa.Column("words", sa.Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
        sa.Column("tags", sa.Text()),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_item_texts")),
    )
    op.create_table(
        "item_scores",
        _run_seq(),
        sa.Column("criterion", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("key", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "run_seq", "criterion", "score", "key", name=op.f("pk_item_scores")
        ),
        sqlite_with_rowid=False,
    )


def _create_of_runs() -> None:
    op.create_table(
        "item_index",
        _run_seq(),
        sa.Column("run_id", sa.Text()),
        sa.Column("indexed_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("indexed", sa.Integer(), server_default="0", nullable=False),
        sa.Column("retries", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("gone_to", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("removals", sa.Integer(), server_default="0", nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["runs.id"], name=op.f("fk_item_index_run_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("run_seq", name=op.f("pk_item_index")),
        sa.UniqueConstraint("run_id", name=op.f("uq_item_index_run_id")),
    )
    op.create_table(
        "run_bins",
        _run_seq(),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("criterion", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("bin", sa.Float(), nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_seq", "kind", "criterion", "bin", name=op.f("pk_run_bins")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "run_reasons",
        _run_seq(),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("criterion", sa.Integer()),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run_seq", "number", name=op.f("pk_run_reasons")),
    )
    op.create_index(
        op.f("ix_run_reasons_run_seq_key"), "run_reasons", ["run_seq", "key"], unique=True
    )
