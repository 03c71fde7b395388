"""The tables of the index behind the items table (decision 0020), and all tables together.

What stands here follows from the output items, and is made from them again when it is lost. Nothing
here refers to a run by a foreign key but one row for each run: to delete a run of a million items is to
stay quick, and what is left of its index is removed bit by bit.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
)
from sqlalchemy.dialects.postgresql import TSVECTOR

from evald.store.tables import Sequence, metadata

__all__ = [
    "SEARCH",
    "item_facts",
    "item_index",
    "item_scores",
    "item_texts",
    "metadata",
    "run_bins",
    "run_reasons",
]

SEARCH: Final = "item_search"
"""What finds words: on SQLite a virtual table over `item_texts`, with the triggers that keep it; on
Postgres an index of its words. Only the migration knows how it is made."""


def _run_seq(*, primary_key: bool = True) -> Column[int]:
    return Column(
        "run_seq", BigInteger, nullable=False, primary_key=primary_key, autoincrement=False
    )


def _key() -> Column[int]:
    """The run and the row of an item in one number: the order of the rows within a run."""
    return Column("key", Sequence, primary_key=True, autoincrement=False)


# How far the index of a run is.
item_index = Table(
    "item_index",
    metadata,
    _run_seq(),
    # Null when the run is deleted: then the rest is removed.
    Column("run_id", Text, ForeignKey("runs.id", ondelete="SET NULL"), unique=True),
    # Up to where in the order of saving its items are in the index.
    Column("indexed_to", BigInteger, nullable=False, server_default="0"),
    Column("indexed", Integer, nullable=False, server_default="0"),
    # Calls that were made again for the items that are in it.
    Column("retries", BigInteger, nullable=False, server_default="0"),
    # Errored items saved up to here were removed from the run, and are to leave the index.
    Column("gone_to", BigInteger, nullable=False, server_default="0"),
    # How often items were removed: what was read before that is not put into the index any more.
    Column("removals", Integer, nullable=False, server_default="0"),
    # Which version of evald's rules made it; an older one is made anew.
    Column("version", Integer, nullable=False),
)

# What items are sorted and filtered by. Its rows are short, so that many of them are read at once.
item_facts = Table(
    "item_facts",
    metadata,
    _key(),
    _run_seq(primary_key=False),
    # The `seq` of the output item.
    Column("item_seq", BigInteger, nullable=False),
    Column("status", Text, nullable=False),
    # Two bits for each of the first criteria: 0 no result, 1 passed, 2 failed, 3 errored.
    Column("verdicts", BigInteger, nullable=False),
    # The number of its reason in `run_reasons`.
    Column("reason", Integer),
    Column("latency_ms", Float),
    Column("tokens", BigInteger),
    # Calls that were made again for it.
    Column("retries", Integer, nullable=False),
    # By criterion a number or null, a JSON array.
    Column("scores", Text, nullable=False),
    Index(None, "run_seq", "latency_ms", "key"),
    Index(None, "run_seq", "tokens", "key"),
)

# What items are found by. On Postgres `words` has the tags too, and `tags` is null.
item_texts = Table(
    "item_texts",
    metadata,
    _key(),
    Column("words", Text().with_variant(TSVECTOR(), "postgresql"), nullable=False),
    Column("tags", Text),
)

item_scores = Table(
    "item_scores",
    metadata,
    _run_seq(),
    Column("criterion", Integer, primary_key=True, autoincrement=False),
    Column("score", Float, primary_key=True),
    Column("key", BigInteger, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)

# How often a rounded latency, number of tokens or score occurs in a run.
run_bins = Table(
    "run_bins",
    metadata,
    _run_seq(),
    # latency, tokens or score
    Column("kind", Text, primary_key=True),
    # The position of the criterion for scores, else 0.
    Column("criterion", Integer, primary_key=True, autoincrement=False),
    Column("bin", Float, primary_key=True),
    Column("count", Integer, nullable=False),
    sqlite_with_rowid=False,
)

# Why items of a run failed or errored.
run_reasons = Table(
    "run_reasons",
    metadata,
    _run_seq(),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("criterion", Integer),
    Column("count", Integer, nullable=False),
    Index(None, "run_seq", "key", unique=True),
)
