"""Imported history in the store: what is kept of it, and that nothing ever carries it out."""

from dataclasses import replace
from functools import partial
from typing import Any

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import ImportedEval
from evald.contract.projects import DEFAULT_PROJECT
from evald.rules.paging import PageRequest
from evald.rules.status import FINAL
from evald.store import evals as eval_store
from evald.store import imported as history_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.imported import ItemPlace, NewImportedRun
from tests.store.records import (
    new_eval,
    new_imported_item,
    new_imported_run,
    saved_eval,
    saved_run,
    started_run,
)

FIRST = PageRequest(None, 20, "asc")


async def kept_run(database: Database, **changes: Any) -> NewImportedRun:
    of_eval = await saved_eval(database)
    new = new_imported_run(of_eval.id, **changes)
    await database.write(partial(history_store.insert_imported_run, new=new))
    return new


async def shown(database: Database, new: NewImportedRun) -> Any:
    run = await database.read(
        lambda connection: run_store.get_run(connection, DEFAULT_PROJECT, new.eval_id, new.id)
    )
    return orjson.loads(run.as_json("http://here"))


async def test_an_imported_run_is_shown_as_it_came_in_lists_too(database: Database) -> None:
    new = await kept_run(database)

    run = await shown(database, new)

    assert run == {
        "id": new.id,
        "shared_with_openai": False,
        "report_url": f"http://here/evaluations/{new.eval_id}?run_id={new.id}",
        "status": "canceled",
        "data_source": {"type": "jsonl", "source": {"type": "file_id", "id": "unknown"}},
        "evald": {
            "rows": None,
            "imported": {"at": 9, "status": "in_progress", "reconstructed": False},
        },
    }
    listed = await database.read(
        lambda connection: run_store.list_runs(connection, new.eval_id, FIRST, "canceled")
    )
    assert [orjson.loads(each.as_json("http://here")) for each in listed.objects] == [run]


async def test_no_imported_run_is_taken_up_or_moved(database: Database) -> None:
    new = await kept_run(database)

    async def moved(connection: AsyncConnection) -> list[bool]:
        return [
            await run_store.move(connection, new.id, event)
            for event in ("start", "complete", "fail", "cancel")
        ]

    assert new.status in FINAL
    assert await database.read(run_store.unfinished_runs) == []
    assert await database.write(moved) == [False] * 4


async def test_runs_that_were_made_here_are_told_from_others(database: Database) -> None:
    imported = await kept_run(database)
    made = await saved_run(database, (await saved_eval(database)).id)

    async def told(connection: AsyncConnection) -> dict[str, bool]:
        places = await history_store.places_of_runs(connection, [imported.id, made, "evalrun_no"])
        return {key: place.is_imported for key, place in places.items()}

    assert await database.read(told) == {imported.id: True, made: False}


async def test_only_what_was_put_together_is_counted_by_its_items(database: Database) -> None:
    told, counted = await kept_run(database), await kept_run(database, reconstructed=True)

    for run in (told, counted):
        for statuses in (["pass", "fail"], ["error", "pass"]):
            await database.write(
                partial(history_store.count_items, run_id=run.id, statuses=statuses)  # type: ignore[arg-type]
            )

    async def counts(run: NewImportedRun) -> tuple[int, int, int]:
        found = await database.read(
            lambda connection: run_store.get_run(connection, DEFAULT_PROJECT, run.eval_id, run.id)
        )
        return found.counts.passed, found.counts.failed, found.counts.errored

    assert [await counts(told), await counts(counted)] == [(5, 0, 0), (2, 1, 1)]


async def test_a_run_that_is_put_together_again_keeps_the_counts_of_its_items(
    database: Database,
) -> None:
    old = await kept_run(database, reconstructed=True)
    await database.write(
        partial(history_store.count_items, run_id=old.id, statuses=["pass", "fail"])
    )
    new = replace(old, passed=7, body='{"more":1}')

    await database.write(partial(history_store.replace_imported_run, new=new))

    run = await shown(database, new)
    assert run["more"] == 1
    assert run["result_counts"] == {"total": 2, "errored": 0, "failed": 1, "passed": 1}
    said = await database.read(partial(history_store.text_of_run, run_id=new.id))
    assert said == new.body


async def test_a_replaced_run_keeps_its_items(database: Database) -> None:
    old = await kept_run(database, reconstructed=True)
    item = new_imported_item(old)
    await database.write(partial(history_store.insert_imported_items, items=[(item, 3)]))
    new = replace(
        new_imported_run(old.eval_id), id=old.id, status="completed", original_status="completed"
    )

    await database.write(partial(history_store.replace_imported_run, new=new))

    run = await shown(database, new)
    assert (run["status"], run["evald"]["imported"]["reconstructed"]) == ("completed", False)
    body = await database.read(lambda connection: item_store.get_item(connection, old.id, item.id))
    assert body == item.body


async def test_the_rows_of_a_run_that_are_taken_are_known(database: Database) -> None:
    run = await kept_run(database)
    items = [(new_imported_item(run), 0), (new_imported_item(run), 7)]

    async def rows(connection: AsyncConnection) -> tuple[set[int], int]:
        taken = await history_store.taken_rows(connection, run.id, {0, 1, 7})
        return taken, await history_store.row_behind_all(connection, run.id)

    assert await database.read(rows) == (set(), 0)
    await database.write(partial(history_store.insert_imported_items, items=items))
    assert await database.read(rows) == ({0, 7}, 8)


async def test_an_imported_eval_keeps_where_it_comes_from_and_what_is_unknown(
    database: Database,
) -> None:
    origin = ImportedEval(at=9, reconstructed=True, extras={"shared_with_openai": True})
    guess, made = replace(new_eval(), imported=origin), await saved_eval(database)
    await database.write(lambda connection: eval_store.insert_eval(connection, guess))
    real = replace(guess, name="Real", imported=replace(origin, reconstructed=False))

    async def found(eval_id: str) -> Any:
        return await database.read(
            lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, eval_id)
        )

    assert [await found(guess.id), (await found(made.id)).imported] == [guess, None]
    shown_eval = guess.as_json()
    assert shown_eval["evald"] == {"imported": {"at": 9, "reconstructed": True}}
    assert {**shown_eval}["shared_with_openai"] is True
    await database.write(partial(history_store.replace_eval, new=real))
    assert await found(guess.id) == real


async def test_ids_of_items_are_known_with_their_runs(database: Database) -> None:
    run, started = await kept_run(database), await started_run(database)
    item = new_imported_item(run)
    await database.write(partial(history_store.insert_imported_items, items=[(item, 0)]))

    ids = [item.id, started.run_id]

    places = await database.read(partial(history_store.places_of_items, ids=ids))
    texts = await database.read(partial(history_store.texts_of_items, ids=ids))

    assert places == {item.id: ItemPlace(run.id, len(item.body))}
    assert texts == {item.id: item.body}
