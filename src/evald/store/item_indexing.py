"""The statements that put items into the index behind the items table, and take them out of it.

The index of a run is written in the order of saving. How far it is, what it holds and what it counts
are changed in one transaction, and only if nobody else did it meanwhile and no item was removed.
"""

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import ColumnElement, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.item_facts import ItemFacts
from evald.rules.item_keys import key_of, keys_of
from evald.rules.item_tags import reason_tag, status_tag
from evald.rules.words import Term
from evald.store.index_tables import (
    item_facts,
    item_index,
    item_scores,
    item_texts,
    run_bins,
    run_reasons,
)
from evald.store.item_counts import (
    CountedReason,
    Facts,
    add_to_bins,
    bins_of,
    count_reasons,
    score_rows,
    take_from_bins,
    take_from_reasons,
)
from evald.store.item_matches import Matches
from evald.store.item_pending import Batch


async def add_to_index(
    connection: AsyncConnection, batch: Batch, facts: Sequence[ItemFacts]
) -> bool:
    """Put a batch into the index, unless that has changed since it was read; say whether it was done."""
    run_seq = batch.run.seq
    went_on = await connection.execute(
        update(item_index)
        .where(
            item_index.c.run_seq == run_seq,
            item_index.c.run_id == batch.run.id,
            item_index.c.indexed_to == batch.indexed_to,
            item_index.c.removals == batch.removals,
        )
        .values(
            indexed_to=batch.items[-1].seq,
            indexed=item_index.c.indexed + len(batch.items),
            retries=item_index.c.retries + sum(each.retries for each in facts),
        )
    )
    if went_on.rowcount != 1:
        return False
    reasons = await count_reasons(connection, run_seq, [each.reason for each in facts])
    rows = [
        _row(key_of(run_seq, item.row), run_seq, item.seq, each, reason)
        for item, each, reason in zip(batch.items, facts, reasons, strict=True)
    ]
    await connection.execute(insert(item_facts), rows)
    await _add_texts(connection, run_seq, rows, facts, reasons)
    if scores := score_rows(rows):
        await connection.execute(insert(item_scores), scores)
    await add_to_bins(connection, run_seq, bins_of(rows))
    return True


def _row(
    key: int, run_seq: int, item_seq: int, facts: ItemFacts, reason: CountedReason | None
) -> dict[str, Any]:
    return {
        "key": key,
        "run_seq": run_seq,
        "item_seq": item_seq,
        "status": facts.status,
        "verdicts": facts.verdicts,
        "reason": reason and reason.number,
        "latency_ms": facts.latency_ms,
        "tokens": facts.tokens,
        "retries": facts.retries,
        "scores": orjson.dumps(facts.scores).decode(),
    }


async def _add_texts(
    connection: AsyncConnection,
    run_seq: int,
    rows: Sequence[Facts],
    facts: Sequence[ItemFacts],
    reasons: Sequence[CountedReason | None],
) -> None:
    texts = []
    for row, each, reason in zip(rows, facts, reasons, strict=True):
        tags = [*each.tags, *([reason_tag(run_seq, reason.key)] if reason else [])]
        texts.append({"key": row["key"], "words": each.words, "tags": " ".join(tags)})
    if connection.dialect.name == "postgresql":
        found = [
            {"of_key": text["key"], "all": f"{text['words']} {text['tags']}"} for text in texts
        ]
        await connection.execute(_ADD_LEXEMES, found)
    else:
        await connection.execute(insert(item_texts), texts)


# One array, so that Postgres makes the document without a parser of its own.
_ADD_LEXEMES = insert(item_texts).values(
    key=bindparam("of_key"),
    words=func.array_to_tsvector(func.string_to_array(bindparam("all"), " ")),
)


async def take_back(connection: AsyncConnection, batch: Batch, limit: int) -> None:
    """Take some of the errored items that are gone out of the index, and note it when none is left."""
    of_run = (item_index.c.run_seq == batch.run.seq, item_index.c.run_id == batch.run.id)
    held = await connection.execute(
        update(item_index)
        .where(*of_run, item_index.c.removals == batch.removals)
        .values(removals=batch.removals)
    )
    if held.rowcount != 1:  # more of them are gone by now
        return
    errored = Term(status_tag(batch.run.seq, "error"))
    matches = Matches(connection.dialect.name, batch.run.seq, [errored])
    found = await connection.execute(
        select(item_facts).where(
            item_facts.c.key.in_(matches.keys().limit(limit)),
            item_facts.c.item_seq <= batch.gone_to,
        )
    )
    if rows := [row._asdict() for row in found]:
        await _remove(connection, rows)
        await _uncount(connection, batch.run.seq, rows)
    else:
        await connection.execute(update(item_index).where(*of_run).values(gone_to=0))


async def drop_some(connection: AsyncConnection, run_seq: int, limit: int) -> int:
    """Remove some of the index of a run that is deleted, and give how many items; 0 at its end."""
    first, last = keys_of(run_seq)
    found = await connection.execute(
        select(item_facts)
        .where(item_facts.c.key >= first, item_facts.c.key <= last)
        .order_by(item_facts.c.key)
        .limit(limit)
    )
    rows = [row._asdict() for row in found]
    await _remove(connection, rows)
    if not rows:
        for table in (run_bins, run_reasons, item_index):
            await connection.execute(delete(table).where(table.c.run_seq == run_seq))
    return len(rows)


async def _remove(connection: AsyncConnection, rows: Sequence[Facts]) -> None:
    keys = [row["key"] for row in rows]
    if not keys:
        return
    if scores := score_rows(rows):
        await connection.execute(
            _REMOVE_SCORES,
            [{f"of_{name}": value for name, value in each.items()} for each in scores],
        )
    for table in (item_texts, item_facts):
        await connection.execute(delete(table).where(table.c.key.in_(keys)))


def _is(name: str) -> ColumnElement[bool]:
    return item_scores.c[name] == bindparam(f"of_{name}")


_REMOVE_SCORES = delete(item_scores).where(
    _is("run_seq"), _is("criterion"), _is("score"), _is("key")
)


async def _uncount(connection: AsyncConnection, run_seq: int, rows: Sequence[Facts]) -> None:
    """Take items out of the figures of their run."""
    await connection.execute(
        update(item_index)
        .where(item_index.c.run_seq == run_seq)
        .values(
            indexed=item_index.c.indexed - len(rows),
            retries=item_index.c.retries - sum(row["retries"] for row in rows),
        )
    )
    await take_from_bins(connection, run_seq, bins_of(rows))
    numbers = [row["reason"] for row in rows if row["reason"] is not None]
    await take_from_reasons(connection, run_seq, numbers)
