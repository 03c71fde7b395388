"""A disk that is full for a time: nothing is lost, little is paid for meanwhile, the run goes on."""

import resource
from pathlib import Path
from typing import Any

from evald.runs.saving import MOST_UNSAVED
from evald.store.chunks import ROWS_A_CHUNK
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.canceling import cancel
from tests.runs.invariants import check
from tests.runs.making import create_eval, create_run, get_run, rows, sampled
from tests.server import EvaldServer
from tests.waiting import until

IN_FLIGHT = 64


def room_for_files(server: EvaldServer, size: int) -> None:
    """Let no file of the server's process grow beyond this size; -1 lifts the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (size, hard))


def run_on_a_full_disk(server: EvaldServer, models: ModelServer) -> Any:
    """Give a run that has items to save and cannot; most of its first calls are still held."""
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(100)))
    models.wait(held=IN_FLIGHT)
    room_for_files(server, 4096)
    models.release(10)
    until(lambda: "the store failed, trying again" in server.log())
    return run


def test_a_run_waits_while_the_disk_is_full_and_goes_on_by_itself(
    models: ModelServer, tmp_path: Path
) -> None:
    number = 4 * MOST_UNSAVED
    with EvaldServer(tmp_path, upstream=models.url) as server:
        models.script(Step(hold="before"))
        run = create_run(server, create_eval(server), sampled(rows(number)))
        models.wait(held=IN_FLIGHT)

        room_for_files(server, 4096)
        models.release()
        until(lambda: "the store failed, trying again" in server.log())
        full = until(lambda: models.wait(in_flight=0))

        assert full.finished <= MOST_UNSAVED + 2 * IN_FLIGHT
        assert get_run(server, run)["result_counts"]["total"] == 0
        room_for_files(server, -1)
        until(lambda: get_run(server, run)["status"] == "completed", within=60)

        later, items = check(server, run["eval_id"], run["id"])
        assert later["result_counts"]["errored"] == 0
        assert (len(items), models.stats().started) == (number, number)


def test_a_server_stops_while_the_disk_is_full_and_the_run_goes_on_at_the_next_start(
    models: ModelServer, tmp_path: Path
) -> None:
    with EvaldServer(tmp_path, upstream=models.url) as server:
        run = run_on_a_full_disk(server, models)

        assert server.stop() == 0

        models.release()
        server.start()
        until(lambda: get_run(server, run)["status"] == "completed", within=60)
        later, _ = check(server, run["eval_id"], run["id"])
        assert later["result_counts"]["total"] == 100


def test_a_cancel_while_the_disk_is_full_fails_and_works_as_soon_as_there_is_room(
    models: ModelServer, tmp_path: Path
) -> None:
    with EvaldServer(tmp_path, upstream=models.url) as server:
        run = run_on_a_full_disk(server, models)

        refused = cancel(server, run)

        assert refused.status == 500
        assert get_run(server, run)["status"] == "in_progress"
        room_for_files(server, -1)
        assert cancel(server, run).json["status"] == "canceled"
        check(server, run["eval_id"], run["id"])


def test_a_run_goes_on_even_if_its_log_was_on_the_full_disk(
    models: ModelServer, tmp_path: Path
) -> None:
    number = 4 * MOST_UNSAVED
    server = EvaldServer(tmp_path, upstream=models.url)
    server.log_file.write_text("." * 4096)  # it takes no line more when the limit is there
    with server:
        models.script(Step(hold="before"))
        run = create_run(server, create_eval(server), sampled(rows(number)))
        models.wait(held=IN_FLIGHT)

        room_for_files(server, 4096)
        models.release()
        models.wait(timeout=30, finished=ROWS_A_CHUNK, in_flight=0)
        logged = server.log()
        assert get_run(server, run)["result_counts"]["total"] == 0
        room_for_files(server, -1)
        until(lambda: get_run(server, run)["status"] == "completed", within=60)

        assert "the store failed" not in logged
        check(server, run["eval_id"], run["id"])
