"""How SQLite carries out the statements on imported history: by an index, never through a table."""

from collections.abc import Callable
from functools import partial

import pytest

from evald.contract.projects import DEFAULT_PROJECT
from evald.store import imported as history_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.imported import NewImportedRun
from tests.store.plans import Statements, check_plan, plans
from tests.store.records import new_imported_item, new_imported_run, saved_eval

STATEMENTS: dict[str, Callable[[NewImportedRun, str], Statements]] = {
    "whose evals are": lambda run, _: partial(history_store.projects_of_evals, ids=[run.eval_id]),
    "whose runs are": lambda run, _: partial(history_store.places_of_runs, ids=[run.id, "b"]),
    "whose items are": lambda _, item_id: partial(
        history_store.places_of_items, ids=[item_id, "b"]
    ),
    "what items say": lambda _, item_id: partial(history_store.texts_of_items, ids=[item_id, "b"]),
    "what a run said": lambda run, _: partial(history_store.text_of_run, run_id=run.id),
    "one run": lambda run, _: partial(
        run_store.get_run, project_id=DEFAULT_PROJECT, eval_id=run.eval_id, run_id=run.id
    ),
    "a replaced run": lambda run, _: partial(history_store.replace_imported_run, new=run),
    "the rows that are taken": lambda run, _: partial(
        history_store.taken_rows, run_id=run.id, wanted=[0, 1]
    ),
    "the next row": lambda run, _: partial(history_store.row_behind_all, run_id=run.id),
    "counted items": lambda run, _: partial(
        history_store.count_items, run_id=run.id, statuses=["pass"]
    ),
    "a deleted run": lambda run, _: partial(run_store.delete_run, run_id=run.id),
}


@pytest.mark.parametrize("statements", STATEMENTS.values(), ids=STATEMENTS)
async def test_a_statement_on_history_finds_its_rows_by_an_index(
    database: Database, statements: Callable[[NewImportedRun, str], Statements]
) -> None:
    run = new_imported_run((await saved_eval(database)).id)
    item = new_imported_item(run)
    await database.write(partial(history_store.insert_imported_run, new=run))
    await database.write(partial(history_store.insert_imported_items, items=[(item, 0)]))

    steps = await plans(database, statements(run, item.id))

    check_plan(steps)
