"""Workers carry out the runs of a server; one that dies, hangs or leaves is no loss."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.postgres import execute
from tests.runs.invariants import check
from tests.runs.making import create_eval, create_run, get_final, get_run, path_of, rows, sampled
from tests.server import EvaldServer
from tests.waiting import until
from tests.worker import EvaldWorker
from tests.workers.conftest import StartWorker

ROWS = 900
PLACES = 64
"""The calls that all processes together make of an endpoint at once, by their settings."""


def saved(server: EvaldServer, run: Any) -> int:
    return int(get_run(server, run)["result_counts"]["total"])


def repeated(models: ModelServer) -> int:
    """Give how many calls were made beyond one a row."""
    return sum(models.stats().calls_by_message.values()) - ROWS


def test_two_workers_share_the_chunks_of_a_run_and_each_row_is_asked_for_once(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    models.script(Step(delay_ms=200))
    workers = [start_worker(EVALD_LOG_LEVEL="debug") for _ in range(2)]

    run = create_run(server, create_eval(server), sampled(rows(ROWS)))

    assert get_final(server, run)["status"] == "completed"
    for worker in workers:
        until(lambda worker=worker: "chunk carried out" in worker.log())  # type: ignore[misc]
    assert models.stats().max_in_flight == PLACES
    check(server, run["eval_id"], run["id"])
    assert Counter(models.stats().calls_by_message.values()) == {1: ROWS}


@pytest.mark.parametrize("how", ["killed", "paused"])
def test_the_chunks_of_a_worker_that_is_gone_go_on_elsewhere_without_its_saved_rows(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker, how: str
) -> None:
    first = start_worker()
    models.script(Step(delay_ms=250))
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    until(lambda: saved(server, run) > 100)
    if how == "killed":
        first.kill()
    else:
        first.pause()
    start_worker()

    final = get_final(server, run)
    if how == "paused":  # it comes back to work that is another's, or done
        first.go_on()
        until(lambda: "taken over" in first.log() or "run stopped" in first.log())

    assert final["status"] == "completed"
    check(server, run["eval_id"], run["id"])
    assert get_run(server, run) == final
    assert repeated(models) <= 2 * PLACES  # in flight, or ended within the time of a save


def test_a_cancel_stops_all_workers_and_its_answer_has_the_final_counts(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    start_worker(), start_worker()
    models.script(Step(), Step(hold="before"), per="rule")
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    held = models.wait(held=PLACES)

    canceled = server.ask("POST", path_of(run)).json

    ended = models.wait(in_flight=0)
    assert canceled["status"] == "canceled"
    assert canceled["evald"]["calls_aborted"] == held.held
    assert ended.started == held.started
    assert canceled["result_counts"]["total"] == held.finished
    assert get_run(server, run) == canceled
    check(server, run["eval_id"], run["id"])


def test_a_worker_that_is_paused_adds_nothing_after_the_cancel(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    worker = start_worker()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    models.wait(held=PLACES)
    worker.pause()
    models.release()  # the answers come, and wait for it

    canceled = server.ask("POST", path_of(run)).json
    worker.go_on()
    models.wait(in_flight=0)
    until(lambda: "run stopped" in worker.log() or "taken over" in worker.log())

    assert canceled["result_counts"]["total"] == 0
    assert get_run(server, run) == canceled
    assert models.stats().started == PLACES


def test_a_notice_of_a_stop_that_comes_late_takes_nothing_from_a_run_that_goes_on(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    start_worker()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    models.wait(held=PLACES)

    notice = f"SELECT pg_notify('evald', 'stop {run['id']}')"
    asyncio.run(execute(server.environment["EVALD_DATABASE_URL"], notice))
    models.wait(aborted=PLACES)
    models.release()

    final = get_final(server, run)
    assert final["status"] == "completed"
    assert final["evald"]["calls_aborted"] == 0
    check(server, run["eval_id"], run["id"])


def test_a_worker_without_the_model_of_a_run_leaves_it_to_others(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker, tmp_path: Path
) -> None:
    url = server.environment["EVALD_DATABASE_URL"]
    # These are for programs with a queue of their own, and change nothing here.
    others = {"PGQUEUER_SCHEMA": "elsewhere", "PGQUEUER_WIDEN_ID": "perhaps"}

    with EvaldWorker(tmp_path, {"EVALD_DATABASE_URL": url, **others}) as worker:
        run = create_run(server, create_eval(server), sampled(rows(10)))
        until(lambda: "a run is left to others" in worker.log())
        start_worker()
        final = get_final(server, run)
        assert worker.process.stdout is not None
        said = worker.process.stdout.readline().decode()

    assert (final["status"], final["result_counts"]["errored"]) == ("completed", 0)
    assert said.startswith("No model endpoint is set")
    assert "No provider of this server serves the model" in worker.log()
    assert "Traceback" not in worker.log()


def test_a_worker_that_leaves_lets_its_calls_end_and_hands_the_rest_over(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    first = start_worker(EVALD_DRAIN_SECONDS="60")
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    models.wait(held=PLACES)
    first.terminate()
    until(lambda: "finishing what is in flight" in first.log())
    models.release()

    assert first.ended() == 0
    assert saved(server, run) == PLACES
    start_worker()

    assert get_final(server, run)["status"] == "completed"
    check(server, run["eval_id"], run["id"])
    assert Counter(models.stats().calls_by_message.values()) == {1: ROWS}


def test_a_small_run_does_not_wait_for_the_end_of_a_large_one(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    start_worker()
    eval_id = create_eval(server)
    models.script(Step(delay_ms=100))
    large = create_run(server, eval_id, sampled(rows(20 * ROWS)))
    until(lambda: saved(server, large) > 0)

    small = create_run(server, eval_id, sampled(rows(10, first=10**6)))

    assert get_final(server, small)["status"] == "completed"
    assert saved(server, large) < ROWS * 10
    assert server.ask("POST", path_of(large)).json["status"] == "canceled"
