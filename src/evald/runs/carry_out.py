"""Carry out one chunk of a run: its rows, many at a time, each becoming an output item."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import NotBegun
from evald.ids import new_id
from evald.rules.tally import tally
from evald.runs.gate import Gate
from evald.runs.grader_tools import MOST_PROGRAMS
from evald.runs.one_item import one_item
from evald.runs.recipe import Recipe
from evald.runs.saving import ItemSaver, patiently
from evald.runs.tools import Tools
from evald.store import chunks as chunk_store
from evald.store import counters as counter_store
from evald.store import output_items as item_store
from evald.store.chunks import Row
from evald.store.output_items import NewItem

LOCKED_AT_MOST: Final = "1s"
"""How long a save or a claim waits for others of its run before it looks whether one of them hangs."""


@dataclass(frozen=True)
class OwnChunk:
    """A chunk that is ours: no save of its rows is taken under another claim."""

    position: int
    claim: str
    rows: Sequence[Row]
    """Those that have no output item yet."""


MayClaim = Callable[[AsyncConnection], Awaitable[None]]
"""Looks in the claim's own transaction whether the chunk may be claimed. Raises RunStopped."""


async def open_chunk(
    recipe: Recipe, position: int, tools: Tools, may_claim: MayClaim | None = None
) -> OwnChunk:
    """Make a chunk ours and read its rows. Raises what `may_claim` does."""
    claim = new_id("claim")

    async def claimed(connection: AsyncConnection) -> list[Row]:
        # The chunk before the run, as saves lock them; and the run last, since saves wait for that lock.
        await chunk_store.claim_chunk(connection, recipe.run_id, position, claim)
        rows = await chunk_store.rows_to_do(connection, recipe.run_id, position)
        if may_claim is not None:
            await may_claim(connection)
        return rows

    # Not given up while the store fails: that would end the chunks beside it, with their unsaved items.
    rows = await patiently(lambda: tools.database.write_soon(claimed, LOCKED_AT_MOST))
    return OwnChunk(position, claim, rows)


async def carry_out(
    chunk: OwnChunk, recipe: Recipe, tools: Tools, all_begun: Callable[[], None]
) -> bool:
    """Carry out the rows of a chunk, and say whether all have their item now.

    They have not when the process leaves. `all_begun` is called when the last row
    has begun, so that the next chunk can start while the slow rows of this one end. Cancelled, it
    closes the calls in flight and saves what is finished. Raises RunStopped, in a group, when the run
    may not be written to any more.
    """
    rows = _Rows(chunk.rows, tools.gate, all_begun)

    async def save(batch: Sequence[NewItem]) -> None:
        await _save(batch, recipe, chunk, tools)

    saver = ItemSaver(save)
    try:
        async with asyncio.TaskGroup() as group:
            saving = group.create_task(saver.save_as_they_come())
            await _all_rows(rows, recipe, tools, saver)
            await patiently(saver.flush)
            saving.cancel()
    finally:
        all_begun()
        await saver.flush()
    return rows.left == 0


class _Rows:
    """The rows of a chunk, each given out once to those that work on it."""

    def __init__(self, rows: Sequence[Row], gate: Gate, all_begun: Callable[[], None]) -> None:
        self.left = len(rows)
        """Rows that have no item yet."""
        self._rows = iter(rows)
        self._gate = gate
        self._all_begun = all_begun

    async def next(self) -> Row | None:
        """Give the next row, or None when there is none. Raises NotBegun when none may begin."""
        if not self._gate.is_open():
            await self._gate.opened()
        row = next(self._rows, None)
        if row is None:
            self._all_begun()
        return row


async def _all_rows(rows: _Rows, recipe: Recipe, tools: Tools, saver: ItemSaver) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(min(_rows_at_once(recipe, tools), rows.left)):
            group.create_task(_row_after_row(rows, recipe, tools, saver))


def _rows_at_once(recipe: Recipe, tools: Tools) -> int:
    # Rows that wait for nothing gain nothing from company, and each is a turn that requests wait for;
    # a sandbox takes several one after the other, without the server between.
    of_models = tools.rows_at_once if recipe.asks_models else 1
    return max(of_models, MOST_PROGRAMS) if recipe.runs_code else of_models


async def _row_after_row(rows: _Rows, recipe: Recipe, tools: Tools, saver: ItemSaver) -> None:
    with suppress(NotBegun):
        while (row := await rows.next()) is not None:
            saver.add(await one_item(row, recipe, tools))
            rows.left -= 1
            await saver.room()


async def _save(batch: Sequence[NewItem], recipe: Recipe, chunk: OwnChunk, tools: Tools) -> None:
    """Save items together with what they add to the counters, or neither."""
    added = tally([item.counted for item in batch], len(recipe.criteria))

    async def save(connection: AsyncConnection) -> None:
        await counter_store.add_to_counters(
            connection, recipe.run_id, chunk.position, chunk.claim, added
        )
        await item_store.insert_items(connection, recipe.run_id, batch)

    try:
        await tools.database.write_soon(save, LOCKED_AT_MOST)
    except IntegrityError:
        rest = await _not_there(batch, tools)
        if len(rest) == len(batch):
            raise
        # An earlier try failed and yet was taken: its answer was lost.
        if rest:
            await _save(rest, recipe, chunk, tools)


async def _not_there(batch: Sequence[NewItem], tools: Tools) -> list[NewItem]:
    ids = [item.id for item in batch]
    there = await tools.database.read(lambda connection: item_store.ids_there(connection, ids))
    return [item for item in batch if item.id not in there]
