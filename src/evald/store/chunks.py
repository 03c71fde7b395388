"""The statements on chunks: the rows of a run, some hundred at a time."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject
from evald.rules import json_text
from evald.store.tables import chunks, output_items

ROWS_A_CHUNK = 256
BYTES_A_CHUNK = 8 * 1024 * 1024
"""A chunk ends at whichever of the two comes first."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a run's data source."""

    index: int
    """Its number in the data source, from 0; the `datasource_item_id` of its output item."""
    item: JsonObject
    sample: JsonObject | None
    """The sample that the row brought along, if any."""
    regraded: JsonObject | None = None
    """What else an output item told of a sample that is graded again; None in every other row."""


@dataclass(frozen=True, slots=True)
class PackedChunk:
    """Rows of a run, compressed, ready to be inserted."""

    position: int
    first_row: int
    row_count: int
    rows: bytes


def pack(position: int, first_row: int, rows: Sequence[bytes]) -> PackedChunk:
    """Compress the JSON texts of some rows into a chunk."""
    # Level 1: rows are written once and read once, so time counts more than space.
    return PackedChunk(position, first_row, len(rows), zlib.compress(b"\n".join(rows), 1))


def row_text(row: JsonObject) -> bytes:
    """Give the JSON text of a row. Raises BadJson when it cannot be kept."""
    return json_text.dump_bytes(row)


async def insert_chunk(connection: AsyncConnection, run_id: str, chunk: PackedChunk) -> None:
    """Add a chunk to a run."""
    await connection.execute(
        insert(chunks).values(
            run_id=run_id,
            position=chunk.position,
            first_row=chunk.first_row,
            row_count=chunk.row_count,
            rows=chunk.rows,
        )
    )


async def delete_chunks(connection: AsyncConnection, run_id: str) -> None:
    """Remove all chunks of a run."""
    await connection.execute(delete(chunks).where(chunks.c.run_id == run_id))


async def open_positions(connection: AsyncConnection, run_id: str) -> list[int]:
    """Give the positions of the chunks that have rows without an output item, in order."""
    saved = (
        select(func.count())
        .where(
            output_items.c.run_id == chunks.c.run_id,
            output_items.c.row_index >= chunks.c.first_row,
            output_items.c.row_index < chunks.c.first_row + chunks.c.row_count,
        )
        .scalar_subquery()
    )
    found = await connection.execute(
        select(chunks.c.position)
        .where(chunks.c.run_id == run_id, saved < chunks.c.row_count)
        .order_by(chunks.c.position)
    )
    return list(found.scalars())


async def claim_chunk(connection: AsyncConnection, run_id: str, position: int, claim: str) -> None:
    """Make a chunk ours: from now on no save under another claim is taken."""
    await connection.execute(
        update(chunks)
        .where(chunks.c.run_id == run_id, chunks.c.position == position)
        .values(claim=claim)
    )


async def release_chunks(connection: AsyncConnection, run_id: str) -> None:
    """Take the chunks of a run from whoever had them: no save under an old claim is taken."""
    await connection.execute(
        update(chunks)
        .where(chunks.c.run_id == run_id, chunks.c.claim.is_not(None))
        .values(claim=None)
    )


async def rows_to_do(connection: AsyncConnection, run_id: str, position: int) -> list[Row]:
    """Give the rows of a chunk that have no output item yet, in order; none if it is gone."""
    found = await connection.execute(
        select(chunks.c.first_row, chunks.c.row_count, chunks.c.rows).where(
            chunks.c.run_id == run_id, chunks.c.position == position
        )
    )
    chunk = found.one_or_none()
    if chunk is None:
        return []
    saved = await connection.execute(
        select(output_items.c.row_index).where(
            output_items.c.run_id == run_id,
            output_items.c.row_index >= chunk.first_row,
            output_items.c.row_index < chunk.first_row + chunk.row_count,
        )
    )
    done = set(saved.scalars())
    texts = zlib.decompress(chunk.rows).split(b"\n")
    return [
        _row(index, text)
        for index, text in enumerate(texts, start=chunk.first_row)
        if index not in done
    ]


async def rows_between(
    connection: AsyncConnection, run_id: str, first: int, last: int
) -> list[Row]:
    """Give the rows of a run from one number to another, both included."""
    found = await connection.execute(
        select(chunks.c.first_row, chunks.c.rows)
        .where(
            chunks.c.run_id == run_id,
            chunks.c.first_row <= last,
            chunks.c.first_row + chunks.c.row_count > first,
        )
        .order_by(chunks.c.position)
    )
    return [
        _row(index, text)
        for chunk in found
        for index, text in enumerate(
            zlib.decompress(chunk.rows).split(b"\n"), start=chunk.first_row
        )
        if first <= index <= last
    ]


async def row_texts(connection: AsyncConnection, run_id: str, position: int) -> list[bytes]:
    """Give the JSON texts of the rows of a chunk, in order; none behind the last chunk."""
    found = await connection.execute(
        select(chunks.c.rows).where(chunks.c.run_id == run_id, chunks.c.position == position)
    )
    rows: bytes | None = found.scalar_one_or_none()
    return [] if rows is None else zlib.decompress(rows).split(b"\n")


def _row(index: int, text: bytes) -> Row:
    row = orjson.loads(text)
    return Row(index, row["item"], row.get("sample"), row.get("regraded"))
