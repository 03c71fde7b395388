"""SIGKILL at moments that nobody chose, again and again within one run."""

from random import Random

from tests.crash.accounts import Accounts
from tests.crash.points import MinedServer, Point
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.making import create_eval, create_run, rows, sampled, upload

ROWS = 600
KILLS = 8
SEED = 20261125


def test_a_run_outlives_many_kills(server: MinedServer, models: ModelServer) -> None:
    chance = Random(SEED)
    models.script(Step(delay_ms=2))
    server.start()
    eval_id = create_eval(server)
    run = create_run(server, eval_id, sampled(rows(ROWS)))
    accounts = Accounts(server, models, eval_id, run["id"])

    for _ in range(KILLS):
        more_calls = chance.randint(1, max(1, len(accounts.rows_left(ROWS)) // 4))
        models.wait(started=models.stats().started + more_calls)
        server.kill()
        accounts.note()
        server.restart()

    final = accounts.settle()
    assert (final["status"], final["result_counts"]["total"]) == ("completed", ROWS)


def test_a_run_over_a_file_outlives_a_kill_at_each_fifth_of_its_rows(
    server: MinedServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    server.start()
    eval_id = create_eval(server)
    run = create_run(server, eval_id, sampled(upload(server, rows(200))))
    accounts = Accounts(server, models, eval_id, run["id"])

    for fifth in range(1, 5):
        models.wait(held=40)
        models.release(40)
        models.wait(finished=40 * fifth)
        server.kill()
        accounts.note()
        server.restart()

    models.release()
    assert accounts.settle()["status"] == "completed"


def test_a_server_that_dies_again_while_it_takes_up_its_runs_loses_nothing(
    server: MinedServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    server.start()
    eval_id = create_eval(server)
    run = create_run(server, eval_id, sampled(rows(100)))
    accounts = Accounts(server, models, eval_id, run["id"])
    models.wait(held=64)
    models.release(30)
    models.wait(finished=30)
    server.kill()
    accounts.note()

    for target in ("store.runs:unfinished_runs", "store.chunks:claim_chunk"):
        server.launch([Point(f"evald.{target}", when="after")])
        server.died()
        accounts.note()
    server.restart()
    models.release()

    assert accounts.settle()["status"] == "completed"


def test_several_runs_are_all_taken_up_again_in_their_order(
    server: MinedServer, models: ModelServer
) -> None:
    server.environment["EVALD_RUNS_AT_ONCE"] = "2"
    models.script(Step(hold="before"))
    server.start()
    eval_id = create_eval(server)
    runs = [create_run(server, eval_id, sampled(rows(10))) for _ in range(4)]
    models.wait(held=20)
    models.release(5)
    models.wait(finished=5)
    server.kill()
    models.wait(in_flight=0)

    server.restart()

    models.release()
    for run in runs:
        final = Accounts(server, models, eval_id, run["id"]).ended()
        assert (final["status"], final["result_counts"]["total"]) == ("completed", 10)
