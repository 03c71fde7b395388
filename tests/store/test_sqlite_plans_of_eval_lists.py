"""How SQLite carries out the statements on lists of evals: by an index, whatever is searched for."""

from functools import partial

import pytest

from evald.contract.projects import DEFAULT_PROJECT
from evald.rules.eval_filter import EvalFilter, MetadataPair
from evald.store import eval_lists
from evald.store.database import Database
from tests.store.plans import check_plan, page, plans, scans_a_big_table
from tests.store.records import started_run


@pytest.mark.parametrize("wanted", [EvalFilter(), EvalFilter("x", (MetadataPair("a", "b"),))])
async def test_a_page_of_found_evals_is_read_from_its_index(
    database: Database, wanted: EvalFilter
) -> None:
    run = await started_run(database)

    steps = await plans(
        database,
        partial(
            eval_lists.find_evals,
            project_id=DEFAULT_PROJECT,
            page=page(run.eval_id, "desc"),
            wanted=wanted,
        ),
    )

    assert "ix_evals_project_id_created_at_seq (project_id=? AND created_at<?)" in steps[-1]
    check_plan(steps)


async def test_the_last_runs_of_an_eval_are_the_end_of_its_index(database: Database) -> None:
    run = await started_run(database)

    steps = await plans(database, partial(eval_lists.recent_runs, eval_ids=[run.eval_id], each=12))
    steps += await plans(database, partial(eval_lists.count_runs, eval_ids=[run.eval_id]))

    by_index = [step for step in steps if "COVERING INDEX ix_runs_eval_id_created_at_seq" in step]
    assert len(by_index) == 2
    assert not any(scans_a_big_table(step) for step in steps), steps
    assert sum("TEMP B-TREE" in step for step in steps) <= 1  # of the few runs that were found
