"""Workers that lose the way to Postgres, or only a notice on it."""

import time
from pathlib import Path

from sqlalchemy import make_url

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.on_postgres.wire import Wire
from tests.runs.invariants import check
from tests.runs.making import create_eval, create_run, get_final, get_run, path_of, rows, sampled
from tests.server import EvaldServer
from tests.waiting import until
from tests.workers.conftest import StartWorker

ROWS = 900
PLACES = 64
NOTICED_WITHIN_S = 1.5


def through(wire: Wire, server: EvaldServer) -> str:
    url = make_url(server.environment["EVALD_DATABASE_URL"])
    return url.set(port=wire.port).render_as_string(hide_password=False)


def port_of(server: EvaldServer) -> int:
    return make_url(server.environment["EVALD_DATABASE_URL"]).port or 0


def test_a_worker_that_did_not_hear_of_a_cancel_stops_with_its_next_sign_of_life(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker, tmp_path: Path
) -> None:
    with Wire(port_of(server)) as wire:
        worker = start_worker(through(wire, server))
        models.script(Step(hold="before"))
        run = create_run(server, create_eval(server), sampled(rows(ROWS)))
        models.wait(held=PLACES)
        wire.fall_silent()
        wire.cut()  # what listens is gone, and no other takes its place

        canceled = server.ask("POST", path_of(run)).json
        wire.cut()
        wire.pass_again()

        ended = models.wait(in_flight=0)
        assert canceled["status"] == "canceled"
        assert ended.started == PLACES
        assert get_run(server, run) == canceled
        assert "Traceback" not in worker.log()


def test_a_worker_that_is_cut_off_begins_nothing_more_and_its_chunks_go_on_elsewhere(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    with Wire(port_of(server)) as wire:
        worker = start_worker(through(wire, server))
        models.script(Step(delay_ms=250))
        run = create_run(server, create_eval(server), sampled(rows(ROWS)))
        until(lambda: get_run(server, run)["result_counts"]["total"] > 100)
        wire.fall_silent()
        cut_at = time.monotonic()
        models.wait(in_flight=0)
        begun_last = max(call.began_at for call in models.calls())
        start_worker()

        final = get_final(server, run)
        wire.pass_again()
        until(lambda: "taken over" in worker.log() or "run stopped" in worker.log())

    assert begun_last < cut_at + NOTICED_WITHIN_S
    assert final["status"] == "completed"
    check(server, run["eval_id"], run["id"])
    assert get_run(server, run) == final
