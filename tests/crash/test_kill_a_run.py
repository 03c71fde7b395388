"""SIGKILL at every point of a run's way: the next process ends the run, and pays nothing twice."""

from typing import Any

import pytest

from tests.crash.accounts import Accounts
from tests.crash.data import saved
from tests.crash.points import MinedServer, Point
from tests.model_server.client import ModelServer
from tests.runs.making import asked, create_eval, rows, sampled

ROWS = 600
CHUNKS = 3

NEVER_THERE = [
    Point("evald.store.runs:insert_run", when="before"),
    Point("evald.store.runs:insert_run", when="after"),
    Point("evald.store.chunks:insert_chunk", 2, "after"),
    Point("evald.runs.create:_insert", when="after"),
]

TAKEN_UP_AGAIN = [
    Point("evald.dispatch.in_process:InProcessDispatch.wake", when="before"),
    Point("evald.store.runs:get_plan", when="after"),
    Point("evald.dispatch.in_process:_start", when="before"),
    Point("evald.store.runs:move", when="after"),
    Point("evald.dispatch.in_process:_start", when="after"),
    Point("evald.store.chunks:claim_chunk", 2, "after"),
    Point("evald.store.chunks:rows_to_do", CHUNKS, "after"),
    Point("evald.sampling.call:model_call", 1, "before"),
    Point("evald.sampling.call:model_call", 300, "after"),
    Point("evald.runs.one_item:one_item", 500, "after"),
    Point("evald.store.counters:add_to_counters", 1, "before"),
    Point("evald.store.counters:add_to_counters", CHUNKS, "after"),
    Point("evald.store.output_items:insert_items", 2, "before"),
    Point("evald.store.output_items:insert_items", CHUNKS, "after"),
    Point("evald.runs.carry_out:_save", 1, "after"),
    Point("evald.runs.carry_out:_save", CHUNKS, "after"),
    Point("evald.runs.carry_out:carry_out", 2, "after"),
    Point("evald.runs.finish:finish", when="before"),
    Point("evald.store.runs:complete_run", when="after"),
    Point("evald.runs.finish:finish", when="after"),
]


def die_in_a_run(server: MinedServer, point: Point) -> tuple[str, Any]:
    """Start a run that ends with the process at a point, and give the eval's id and the answer."""
    server.points = [point]
    server.start()
    eval_id = create_eval(server)
    body = {"data_source": sampled(rows(ROWS))}
    answer = server.ask_and_see_it_die("POST", f"/v1/evals/{eval_id}/runs", body)
    server.died()
    return eval_id, answer


@pytest.mark.parametrize("point", NEVER_THERE, ids=str)
def test_a_run_whose_creation_was_cut_off_is_not_there(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    eval_id, answer = die_in_a_run(server, point)

    server.restart()

    assert answer is None
    assert asked(server, "GET", f"/v1/evals/{eval_id}/runs")["data"] == []
    assert models.stats().started == 0


@pytest.mark.parametrize("point", TAKEN_UP_AGAIN, ids=str)
def test_a_run_is_completed_by_the_next_process(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    eval_id, _ = die_in_a_run(server, point)
    (run_id,) = saved(server).statuses
    accounts = Accounts(server, models, eval_id, run_id)
    accounts.note()

    server.restart()

    run = accounts.settle()
    assert (run["status"], run["result_counts"]["total"]) == ("completed", ROWS)
