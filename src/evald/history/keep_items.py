"""Keep the output items of a batch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.history.keep_evals import other_stays, taken
from evald.history.keep_runs import PARENT_MISSING
from evald.history.outcome import Fate, Outcome
from evald.history.reading import LineError, ReadItem
from evald.rules import json_text
from evald.store import imported as history_store
from evald.store import output_items as item_store
from evald.store.imported import ItemPlace, NewImportedItem, RunPlace

NOT_IMPORTED: Final = "run_not_imported"
COMPARED_AT_ONCE: Final = 16 * 1024 * 1024
"""Characters of known items that are read at once."""
LAST_WANTED_ROW: Final = 2**30
"""Row numbers beyond it are not taken over, so that there is always one behind all others."""


async def keep_items(
    connection: AsyncConnection,
    read: Sequence[ReadItem],
    project_id: ProjectId,
    outcome: Outcome,
    *,
    orphans: bool,
) -> None:
    """Keep output items that are not here yet, and say what became of each.

    With `orphans` those whose run is not here are told as if it were, and not kept.
    """
    runs = await history_store.places_of_runs(connection, {each.new.run_id for each in read})
    known = await _known_items(connection, read)
    fresh: dict[str, NewImportedItem] = {}
    for each in read:
        new, place = each.new, runs.get(each.new.run_id)
        is_orphan = orphans and place is None
        error = None if is_orphan else _misplaced(each, place, project_id)
        if error is None:
            error = _not_taken_in(each, place, known.run_of(new.id))
        if error is not None:
            outcome.fail(error)
            continue
        fate = _fate(new, await known.text_of(new.id))
        if fate == "imported":
            known.add(new)
            fresh[new.id] = new
        outcome.count("output_items", fate)
        if fate == "different":
            outcome.tell(other_stays(each.line, new.id, "output item"))
    await _insert(connection, [each for each in fresh.values() if each.run_id in runs])


@dataclass(frozen=True)
class _KnownItems:
    """The output items that have an id of the batch."""

    connection: AsyncConnection
    places: dict[str, ItemPlace]
    texts: dict[str, str]
    """Those that were read at once; others are read when they are asked for."""

    def run_of(self, item_id: str) -> str | None:
        place = self.places.get(item_id)
        return None if place is None else place.run_id

    async def text_of(self, item_id: str) -> str | None:
        if item_id not in self.places or item_id in self.texts:
            return self.texts.get(item_id)
        run_id = self.places[item_id].run_id
        return await item_store.get_item(self.connection, run_id, item_id)

    def add(self, new: NewImportedItem) -> None:
        self.places[new.id] = ItemPlace(new.run_id, len(new.body))
        self.texts[new.id] = new.body


async def _known_items(connection: AsyncConnection, read: Sequence[ReadItem]) -> _KnownItems:
    places = await history_store.places_of_items(connection, {each.new.id for each in read})
    size = sum(place.length for place in places.values())
    fit = places if size <= COMPARED_AT_ONCE else {}
    texts = await history_store.texts_of_items(connection, fit)
    return _KnownItems(connection, places, texts)


def _misplaced(read: ReadItem, place: RunPlace | None, project_id: ProjectId) -> LineError | None:
    """Give what is wrong with where an output item says that it belongs."""
    new = read.new
    if place is None or place.project_id != project_id:
        message = f"Its run '{new.run_id}' is not here. Send it before its output items."
        return LineError(read.line, new.id, PARENT_MISSING, message)
    if place.eval_id != new.eval_id:
        message = f"Its run '{new.run_id}' is none of the eval '{new.eval_id}'."
        return LineError(read.line, new.id, "wrong_parent", message)
    return None


def _not_taken_in(
    read: ReadItem, place: RunPlace | None, known_run_id: str | None
) -> LineError | None:
    """Give why an output item is not taken into its run."""
    new = read.new
    if known_run_id is not None and known_run_id != new.run_id:
        return taken(read.line, new.id, "output item")
    if known_run_id is None and place is not None and not place.is_imported:
        message = (
            f"The run '{new.run_id}' was made on this server and has its own output items; only "
            "imported runs take others in."
        )
        return LineError(read.line, new.id, NOT_IMPORTED, message)
    return None


def _fate(new: NewImportedItem, known: str | None) -> Fate:
    if known is None:
        return "imported"
    is_same = known == new.body or _is_same(orjson.loads(known), new)
    return "existing" if is_same else "different"


def _is_same(said: JsonObject, new: NewImportedItem) -> bool:
    says: JsonObject = orjson.loads(new.body)
    # One that came without a row number has got one since.
    ignored = {"evald"} if new.wanted_row is not None else {"evald", "datasource_item_id"}
    return all(said.get(key) == says.get(key) for key in {*said, *says} - ignored)


async def _insert(connection: AsyncConnection, items: Sequence[NewImportedItem]) -> None:
    """Keep output items in the order in which they came, and count them."""
    rows: dict[str, int] = {}
    by_run: dict[str, list[NewImportedItem]] = {}
    for item in items:
        by_run.setdefault(item.run_id, []).append(item)
    for run_id, of_run in by_run.items():
        rows |= await _rows_for(connection, run_id, of_run)
        statuses = [item.status for item in of_run]
        await history_store.count_items(connection, run_id, statuses)
    if items:
        placed = [(_numbered(item, rows[item.id]), rows[item.id]) for item in items]
        await history_store.insert_imported_items(connection, placed)


async def _rows_for(
    connection: AsyncConnection, run_id: str, items: Sequence[NewImportedItem]
) -> dict[str, int]:
    """Give each item of a run its row: the one that it names where that is free, else the next one."""
    wanted = {each.wanted_row for each in items if each.wanted_row is not None}
    usable = {row for row in wanted if 0 <= row <= LAST_WANTED_ROW}
    taken_rows = await history_store.taken_rows(connection, run_id, usable)
    behind = await history_store.row_behind_all(connection, run_id)
    rows: dict[str, int] = {}
    for item in items:
        row = item.wanted_row
        if row is None or row not in usable or row in taken_rows:
            row = behind
        rows[item.id] = row
        taken_rows.add(row)
        behind = max(behind, row + 1)
    return rows


def _numbered(item: NewImportedItem, row: int) -> NewImportedItem:
    """Give the item with a row number of its own, where it came without one."""
    if item.wanted_row is not None:
        return item
    body: JsonObject = orjson.loads(item.body)
    body["datasource_item_id"] = row
    return NewImportedItem(
        id=item.id,
        run_id=item.run_id,
        eval_id=item.eval_id,
        wanted_row=row,
        status=item.status,
        error_message=item.error_message,
        body=json_text.dump(body),
    )
