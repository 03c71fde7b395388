"""The output items that a run has at one moment, read bit by bit while more are saved."""

from dataclasses import replace
from functools import partial

from evald.store import output_items as item_store
from evald.store.database import Database
from evald.store.output_items import LONGEST_STRETCH, Snapshot
from tests.store.records import new_item, save_items, started_run


async def walked(database: Database, snapshot: Snapshot, limit: int) -> list[list[int]]:
    """Give the row numbers of each stretch."""
    stretches: list[list[int]] = []
    row = -1
    while found := await database.read(
        partial(item_store.items_behind, snapshot=snapshot, row=row, limit=limit)
    ):
        row = found[-1][0]
        stretches.append([number for number, _ in found])
    return stretches


async def test_what_is_saved_later_is_not_in_a_snapshot_whatever_its_row(
    database: Database,
) -> None:
    run = await started_run(database)
    await database.write(lambda c: save_items(c, run, [new_item(5), new_item(1), new_item(3)]))
    snapshot = await database.read(lambda c: item_store.snapshot_of(c, run.run_id, None))

    await database.write(lambda c: save_items(c, run, [new_item(0), new_item(4), new_item(7)]))

    assert await walked(database, snapshot, 2) == [[1, 3], [5]]
    now = await database.read(lambda c: item_store.snapshot_of(c, run.run_id, None))
    assert await walked(database, now, 10) == [[0, 1, 3, 4, 5, 7]]


async def test_a_snapshot_of_a_status_has_no_other_items(database: Database) -> None:
    run = await started_run(database)
    items = [new_item(row) for row in range(4)]
    await database.write(lambda c: save_items(c, run, items))
    wanted = items[0].counted.status
    other = next(each for each in ("pass", "fail", "error") if each != wanted)

    assert await walked(database, Snapshot(run.run_id, 2**40, wanted), 3) == [[0, 1, 2], [3]]
    assert await walked(database, Snapshot(run.run_id, 2**40, other), 3) == []  # type: ignore[arg-type]


async def test_a_run_without_items_has_an_empty_snapshot(database: Database) -> None:
    run = await started_run(database)
    snapshot = await database.read(lambda c: item_store.snapshot_of(c, run.run_id, None))

    assert await walked(database, snapshot, 5) == []


async def test_long_items_come_in_short_stretches(database: Database) -> None:
    run = await started_run(database)
    long = "x" * (LONGEST_STRETCH // 2)
    items = [replace(new_item(row), body=f'"{long}"') for row in range(3)]
    items.append(replace(new_item(3), body=f'"{long * 3}"'))
    await database.write(lambda c: save_items(c, run, items))
    snapshot = await database.read(lambda c: item_store.snapshot_of(c, run.run_id, None))

    assert await walked(database, snapshot, 5) == [[0], [1], [2], [3]]
