"""Prepare a run: read the rows that the create request did not wait for, from a large file or a run."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.data_sources.regraded import RegradedCheck, chunks_of_samples
from evald.data_sources.rows import ChunkCutter, LineReader
from evald.rules.rows import BadRow, RowCheck
from evald.store import chunks as chunk_store
from evald.store import files as file_store
from evald.store import runs as run_store
from evald.store.chunks import PackedChunk
from evald.store.database import Database
from evald.store.runs import RunPlan

StillOurs = Callable[[AsyncConnection], Awaitable[None]]
"""Called first in each transaction: raises RunStopped when another process prepares the run by now."""


async def always(connection: AsyncConnection) -> None:
    """Where one process has all runs, they are always its own."""


async def prepare(plan: RunPlan, database: Database, still_ours: StillOurs = always) -> int:
    """Cut the rows of a run's file, or of the run that it regrades, into its chunks; give their number.

    Begun again after a crash it starts from the first row. Raises BadRow for the first row that is
    wrong, and for a file without rows, and what `still_ours` does.
    """
    run_id, row_count = plan.run_id, 0

    async def begin_anew(connection: AsyncConnection) -> None:
        await still_ours(connection)
        await chunk_store.delete_chunks(connection, run_id)

    await database.write(begin_anew)
    async for cut, rows_read in await _chunks(plan, database):
        row_count = rows_read
        await database.write(partial(_insert, run_id=run_id, cut=cut, still_ours=still_ours))
    if row_count == 0:
        raise BadRow("The file has no rows.")

    async def done(connection: AsyncConnection) -> None:
        await still_ours(connection)
        await run_store.set_row_count(connection, run_id, row_count)
        await file_store.purge_files(connection)

    await database.write(done)
    return row_count


async def _chunks(
    plan: RunPlan, database: Database
) -> AsyncIterator[tuple[list[PackedChunk], int]]:
    if plan.regrade_of is not None:
        check = await asyncio.to_thread(RegradedCheck, plan.item_schema)
        return chunks_of_samples(plan.regrade_of, check, database)
    file_id = plan.unread_file_id or ""
    size = await database.read(lambda connection: file_store.size_of(connection, file_id))
    return chunks_of_file(
        file_id, size, await asyncio.to_thread(RowCheck, plan.item_schema), database
    )


async def chunks_of_file(
    file_id: str, size: int, check: RowCheck, database: Database
) -> AsyncIterator[tuple[list[PackedChunk], int]]:
    """Give the chunks of a file of `size` bytes, each time with the number of rows read so far.

    Raises BadRow, naming the line, or when the file is deleted meanwhile.
    """
    lines, cutter = LineReader(), ChunkCutter(check)
    position, left = 0, size
    while (part := await _part(file_id, position, database)) is not None:
        left -= len(part)
        yield await asyncio.to_thread(_chunks_of_part, lines, cutter, part), cutter.row_count
        position += 1
    if left:
        raise BadRow("The file was deleted while its rows were read.")
    yield cutter.take(lines.end()) + cutter.rest(), cutter.row_count


def _chunks_of_part(lines: LineReader, cutter: ChunkCutter, part: bytes) -> list[PackedChunk]:
    return cutter.take(lines.feed(part))


async def _part(file_id: str, position: int, database: Database) -> bytes | None:
    return await database.read(
        lambda connection: file_store.read_part(connection, file_id, position)
    )


async def _insert(
    connection: AsyncConnection, *, run_id: str, cut: list[PackedChunk], still_ours: StillOurs
) -> None:
    await still_ours(connection)
    for chunk in cut:
        await chunk_store.insert_chunk(connection, run_id, chunk)
