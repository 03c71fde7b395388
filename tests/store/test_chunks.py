"""Chunks: the rows of a run, those that are still to be done, and who does them."""

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject
from evald.store import chunks as chunk_store
from evald.store.chunks import Row, pack, row_text
from evald.store.database import Database
from tests.rules.json_values import JSON_OBJECTS
from tests.store.records import (
    Started,
    new_item,
    packed_rows,
    save_items,
    saved_eval,
    saved_run,
    started_run,
)


async def to_do(database: Database, run_id: str, position: int) -> list[Row]:
    return await database.read(
        lambda connection: chunk_store.rows_to_do(connection, run_id, position)
    )


async def open_positions(database: Database, run_id: str) -> list[int]:
    return await database.read(lambda connection: chunk_store.open_positions(connection, run_id))


@given(st.lists(st.tuples(JSON_OBJECTS, st.none() | JSON_OBJECTS), min_size=1, max_size=5))
async def test_rows_come_back_as_they_were_with_their_numbers(
    database: Database, rows: list[tuple[JsonObject, JsonObject | None]]
) -> None:
    run_id = await saved_run(database, (await saved_eval(database)).id)
    texts = [
        row_text({"item": item} if sample is None else {"item": item, "sample": sample})
        for item, sample in rows
    ]

    await database.write(
        lambda connection: chunk_store.insert_chunk(connection, run_id, pack(3, 700, texts))
    )

    assert repr(await to_do(database, run_id, 3)) == repr(
        [Row(700 + place, item, sample) for place, (item, sample) in enumerate(rows)]
    )


async def run_of_chunks(database: Database, sizes: list[int]) -> Started:
    run = await started_run(database, sizes[0])

    async def add(connection: AsyncConnection) -> None:
        for position, size in enumerate(sizes[1:], start=1):
            chunk = packed_rows(size, position=position, first_row=sum(sizes[:position]))
            await chunk_store.insert_chunk(connection, run.run_id, chunk)

    await database.write(add)
    return run


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.sets(st.integers(0, 15)),
)
async def test_rows_to_do_are_exactly_those_without_an_item(
    database: Database, sizes: list[int], done: set[int]
) -> None:
    run = await run_of_chunks(database, sizes)
    other = await run_of_chunks(database, [sum(sizes)])
    items = [new_item(row) for row in sorted(done) if row < sum(sizes)]
    if items:
        await database.write(lambda connection: save_items(connection, run, items))

    left = [await to_do(database, run.run_id, position) for position in range(len(sizes))]

    assert [row.index for rows in left for row in rows] == [
        row for row in range(sum(sizes)) if row not in done
    ]
    assert await open_positions(database, run.run_id) == [
        position for position, rows in enumerate(left) if rows
    ]
    assert len(await to_do(database, other.run_id, 0)) == sum(sizes)


async def test_a_chunk_that_is_gone_has_nothing_to_do(database: Database) -> None:
    run = await run_of_chunks(database, [2, 2])

    await database.write(lambda connection: chunk_store.delete_chunks(connection, run.run_id))

    assert await to_do(database, run.run_id, 0) == []
    assert await open_positions(database, run.run_id) == []


async def test_a_position_is_taken_once(database: Database) -> None:
    run = await run_of_chunks(database, [2])

    with pytest.raises(IntegrityError):
        await database.write(
            lambda connection: chunk_store.insert_chunk(connection, run.run_id, packed_rows(1))
        )


async def test_a_claim_takes_one_chunk_of_one_run(database: Database) -> None:
    run = await run_of_chunks(database, [1, 1])
    other = await run_of_chunks(database, [1])

    await database.write(
        lambda connection: chunk_store.claim_chunk(connection, run.run_id, 1, "another")
    )

    for held in (run, other):
        await database.write(partial(save_items, run=held, items=[new_item(0)]))
