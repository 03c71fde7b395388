"""A run is stopped at a named point of its way, canceled there twice at once, and let go on."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.crash.points import Barrier, MinedServer, Point
from tests.model_server.client import ModelServer
from tests.runs.canceling import calls_so_far, cancel, check_kept, check_no_call_since
from tests.runs.invariants import check
from tests.runs.making import (
    ALIKE,
    asked,
    create_eval,
    create_run,
    get_final,
    given,
    jsonl,
    path_of,
    row,
    rows,
    sampled,
    upload,
)
from tests.server import Answer, EvaldServer
from tests.waiting import until

ROWS = 300
STOP = "evald.dispatch.in_process:InProcessDispatch.stop"

SAMPLING = [
    Point("evald.store.runs:get_plan", when="after"),
    Point("evald.dispatch.in_process:_start", when="before"),
    Point("evald.store.runs:move", when="after"),
    Point("evald.dispatch.in_process:_start", when="after"),
    Point("evald.store.chunks:claim_chunk", 2, "after"),
    Point("evald.store.chunks:rows_to_do", 2, "after"),
    Point("evald.sampling.call:model_call", 200, "before"),
    Point("evald.sampling.call:model_call", 200, "after"),
    Point("evald.runs.one_item:one_item", 200, "after"),
    Point("evald.store.counters:add_to_counters", 2, "before"),
    Point("evald.store.counters:add_to_counters", 2, "after"),
    Point("evald.store.output_items:insert_items", 2, "before"),
    Point("evald.store.output_items:insert_items", 2, "after"),
    Point("evald.runs.carry_out:_save", 2, "after"),
]
FINISHING = [
    Point("evald.runs.carry_out:carry_out", 1, "after"),
    Point("evald.runs.finish:finish", when="before"),
    Point("evald.store.runs:complete_run", when="before"),
    Point("evald.store.runs:complete_run", when="after"),
]
READING = [
    Point("evald.runs.prepare:prepare", when="before"),
    Point("evald.runs.prepare:_insert", 2, "before"),
    Point("evald.runs.prepare:_insert", 2, "after"),
    Point("evald.store.runs:set_row_count", when="after"),
    Point("evald.runs.prepare:prepare", when="after"),
]
GRADING = [
    Point("evald.sandbox.aside:ProcessAside.__call__", 2, "before"),
    Point("evald.sandbox.aside:ProcessAside.__call__", 2, "after"),
]


class Stopped:
    """A server whose run stops at a point, where two clients cancel it at once."""

    def __init__(self, server: MinedServer, here: Barrier, canceling: Barrier) -> None:
        self.server = server
        self.here = here
        self.canceling = canceling
        self.pool = ThreadPoolExecutor(3)

    def create(self, eval_id: str, data_source: Any) -> Any:
        """Create a run and give it as soon as it is there and stands at the point."""
        self.pool.submit(create_run, self.server, eval_id, data_source)
        self.here.reached()
        path = f"/v1/evals/{eval_id}/runs"
        return until(lambda: asked(self.server, "GET", path)["data"])[0]

    def cancel(self, run: Any) -> Answer:
        """Cancel the run there, let it go on, and give the answer."""
        answers = [self.pool.submit(cancel, self.server, run) for _ in range(2)]
        self.canceling.reached()
        self.canceling.go_on()
        self.here.go_on()
        first, second = (answer.result() for answer in answers)
        assert (first.status, first.body) == (200, second.body)
        return first


@pytest.fixture
def stopped(
    request: pytest.FixtureRequest, models: ModelServer, tmp_path: Path
) -> Iterator[Stopped]:
    """A server that stops at the test's point, and again when a cancel is about to stop the run."""
    point: Point = request.param
    with ExitStack() as open_ones:
        here, canceling = (open_ones.enter_context(Barrier(tmp_path, name)) for name in "ab")
        server = MinedServer(tmp_path, upstream=models.url)
        server.points = [
            here.point(point.target, point.call, point.when),
            canceling.point(STOP),
        ]
        stopped = Stopped(open_ones.enter_context(server), here, canceling)
        yield stopped
        stopped.pool.shutdown()
        assert "Traceback" not in server.log()


def at(points: list[Point]) -> pytest.MarkDecorator:
    """Have a test done at each of these points."""
    return pytest.mark.parametrize("stopped", points, indirect=True, ids=str)


def check_canceled(server: EvaldServer, models: ModelServer, run: Any, answer: Answer) -> list[Any]:
    """Hold the answers to both cancels against what came later; give the items."""
    known = calls_so_far(models)
    models.wait(in_flight=0)
    check_no_call_since(models, known)
    items = check_kept(server, run, answer)
    later = create_run(server, run["eval_id"], sampled(rows(2)))
    assert get_final(server, later)["status"] == "completed"
    assert server.ask("GET", path_of(run)).body == answer.body
    return items


@at(SAMPLING)
def test_a_run_is_canceled_while_it_begins_samples_or_saves(
    stopped: Stopped, models: ModelServer
) -> None:
    run = stopped.create(create_eval(stopped.server), sampled(rows(ROWS)))

    answer = stopped.cancel(run)

    check_canceled(stopped.server, models, run, answer)


@at(FINISHING)
def test_a_run_is_canceled_or_completed_when_the_cancel_comes_at_its_end(
    stopped: Stopped, models: ModelServer
) -> None:
    run = stopped.create(create_eval(stopped.server), sampled(rows(ROWS)))

    answer = stopped.cancel(run)

    later, items = check(stopped.server, run["eval_id"], run["id"])
    assert later == answer.json
    assert later["status"] in ("canceled", "completed")
    assert (len(items), models.stats().started) == (ROWS, ROWS)


@at(READING)
def test_a_run_is_canceled_while_its_file_is_read(stopped: Stopped, models: ModelServer) -> None:
    padding = "x" * 10_000
    file = jsonl([{"item": {**row(n)["item"], "padding": padding}} for n in range(600)])
    file_id = upload(stopped.server, file)
    run = stopped.create(create_eval(stopped.server), sampled(file_id))

    answer = stopped.cancel(run)

    assert check_canceled(stopped.server, models, run, answer) == []


@at(GRADING)
def test_a_run_is_canceled_while_it_grades_aside(stopped: Stopped, models: ModelServer) -> None:
    texts = {"answer": "to and fro " * 170, "text": "fro and to, and to and fro " * 110}
    eval_id = create_eval(stopped.server, {**ALIKE, "input": "{{ item.text }}"})
    run = stopped.create(eval_id, given([{"item": texts} for _ in range(100)]))

    answer = stopped.cancel(run)

    assert len(check_canceled(stopped.server, models, run, answer)) < 100
