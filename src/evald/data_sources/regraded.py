"""Rows made of the output items of another run, to be graded again."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.runs import Regraded
from evald.data_sources.rows import ChunkCutter
from evald.rules.regrade import row_to_regrade
from evald.rules.rows import BadRow, RowCheck
from evald.store import chunks as chunk_store
from evald.store import output_items as item_store
from evald.store.chunks import ROWS_A_CHUNK, PackedChunk, Row
from evald.store.database import Database
from evald.store.output_items import Snapshot

BEFORE_THE_FIRST: Final = -1
"""No row has this number."""


class RegradedCheck(RowCheck):
    """The check of rows that are graded again, which keep what is told of their samples."""

    def checked(self, row: JsonValue, place: str) -> JsonObject:
        """Give the row as `RowCheck` does, and `regraded` with it. Raises BadRow."""
        told = row.get("regraded") if isinstance(row, dict) else None
        return {**super().checked(row, place), "regraded": told}


async def chunks_of_samples(
    source: Regraded, check: RegradedCheck, database: Database
) -> AsyncIterator[tuple[list[PackedChunk], int]]:
    """Give the chunks of a run's samples, each time with the number of rows read so far.

    They come in the order of its rows and are numbered anew. Raises BadRow where one does not fit the
    eval, and when items of the run are removed meanwhile.
    """
    cutter, stretch = ChunkCutter(check), await database.read(Stretch(source).next)
    while stretch.items:
        yield await asyncio.to_thread(cutter.take, stretch.rows()), cutter.row_count
        stretch = await database.read(stretch.next)
    if cutter.row_count != source.items:
        raise BadRow(
            "The run whose samples are to be graded was deleted, or its errored rows were redone, while "
            f"they were read: {source.items - cutter.row_count} of {source.items} items are gone."
        )
    yield cutter.rest(), cutter.row_count


@dataclass(frozen=True)
class Stretch:
    """Some output items of a run behind one another, with the rows that they were made of."""

    source: Regraded
    items: Sequence[tuple[int, str]] = ()
    """Each as the number of its row and its JSON text."""
    given: Mapping[int, Row] = field(default_factory=dict)
    """By number; none of a run that asked a model, or that was carried out elsewhere."""

    async def next(self, connection: AsyncConnection) -> "Stretch":
        """Give the stretch behind this one; it has no items behind the last."""
        run_id = self.source.run_id
        # Those that it had when it was asked for: what is saved later is not among them.
        snapshot = Snapshot(run_id, self.source.last, None)
        last = self.items[-1][0] if self.items else BEFORE_THE_FIRST
        items = await item_store.items_behind(connection, snapshot, last, ROWS_A_CHUNK)
        given: dict[int, Row] = {}
        if items and not self.source.was_sampled:
            rows = await chunk_store.rows_between(connection, run_id, items[0][0], items[-1][0])
            given = {row.index: row for row in rows}
        return Stretch(self.source, items, given)

    def rows(self) -> Iterator[tuple[str, JsonValue]]:
        """Give each item as a row to be graded, with the words that say where it comes from."""
        for number, text in self.items:
            body: JsonObject = orjson.loads(text)
            row = self.given.get(number)
            brought = None if row is None else row.sample
            lacks = not self.source.was_sampled
            yield (
                f"output item {body.get('id')}",
                row_to_regrade(body, brought, may_lack_sample=lacks),
            )
