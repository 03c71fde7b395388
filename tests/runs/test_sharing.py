"""The provider's places: all are used, never more, and runs share them fairly."""

from typing import Any

from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.canceling import cancel, cancel_and_check
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import create_eval, create_run, get_final, get_run, rows, sampled
from tests.server import EvaldServer

PLACES = 64


def test_a_run_uses_all_places_and_never_more(server: EvaldServer, models: ModelServer) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(600)))
    for finished in range(50, 600, 50):
        models.wait(held=min(PLACES, 600 - finished))
        models.release(50)
        models.wait(finished=finished)

    models.release()
    final = get_final(server, run)

    check(server, run["eval_id"], run["id"])
    stats = models.stats()
    assert (final["status"], final["result_counts"]["total"]) == ("completed", 600)
    assert (stats.max_in_flight, stats.started) == (PLACES, 600)


def test_calls_that_fail_and_are_tried_again_keep_to_the_places(
    server: EvaldServer, models: ModelServer
) -> None:
    busy = Step(status=429, headers={"retry-after-ms": "5"}, delay_ms=5)
    models.script(busy, Step(delay_ms=5))
    run = create_run(server, create_eval(server), sampled(rows(300)))

    final = get_final(server, run)

    stats = models.stats()
    assert (final["status"], final["result_counts"]["errored"]) == ("completed", 0)
    assert (stats.max_in_flight <= PLACES, stats.started) == (True, 600)
    _, items = check(server, run["eval_id"], run["id"])
    assert {item["evald"]["attempts"] for item in items} == {2}


def test_a_short_run_is_finished_while_a_long_one_is_under_way(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = create_eval(server)
    long = create_run(server, eval_id, sampled(rows(2000, first=100)))
    models.wait(held=PLACES)
    short = create_run(server, eval_id, sampled(rows(10)))

    released = release_until_final(server, models, short)

    assert released < 600
    assert get_run(server, short)["result_counts"]["total"] == 10
    assert get_run(server, long)["status"] == "in_progress"
    check(server, eval_id, short["id"])
    assert cancel(server, long).json["status"] == "canceled"


def release_until_final(server: EvaldServer, models: ModelServer, run: Any) -> int:
    """Let calls go on, eight at a time, until a run is final; give how many that were."""
    released = 0
    while get_run(server, run)["status"] in ("queued", "in_progress"):
        models.wait(held=8)
        models.release(8)
        released += 8
        models.wait(finished=released)
    return released


def test_many_runs_at_once_are_all_completed_with_the_right_counts(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server)
    runs = [create_run(server, eval_id, sampled(rows(40, 100 * n))) for n in range(12)]

    for run in runs:
        assert get_final(server, run)["status"] == "completed"
        check(server, eval_id, run["id"])

    assert models.stats().started == 480
    assert models.stats().max_in_flight <= PLACES


def test_a_run_whose_endpoint_hangs_does_not_hold_up_those_of_other_models(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(two_providers(models, models))
    models.script_rules(Rule([Step(hold="before")], model="slow-1"))
    eval_id = create_eval(server)
    slow = create_run(server, eval_id, sampled(rows(100), model="slow-1"))
    models.wait(held=3)

    quick = create_run(server, eval_id, sampled(rows(100), model="quick-1"))

    assert get_final(server, quick)["status"] == "completed"
    assert cancel(server, slow).json["evald"]["calls_aborted"] == 3


def test_calls_that_wait_for_their_start_are_not_among_those_that_a_cancel_aborts(
    start_server: StartServer, models: ModelServer
) -> None:
    provider = f'[providers.p]\nbase_url = "{models.url}"\nrequests_per_minute = 0.1\n'
    server = start_server(provider)
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(20)))
    models.wait(held=1)

    canceled, items = cancel_and_check(server, models, run)

    assert (canceled["evald"]["calls_aborted"], items) == (1, [])


def test_each_provider_has_its_own_places(start_server: StartServer, models: ModelServer) -> None:
    with ModelServer() as others:
        server = start_server(two_providers(models, others))
        for each in (models, others):
            each.script(Step(hold="before"))
        eval_id = create_eval(server)
        runs = [
            create_run(server, eval_id, sampled(rows(50), model=model))
            for model in ("slow-1", "quick-1")
        ]
        models.wait(held=3)
        others.wait(held=5)
        models.release()
        others.release()

        assert [get_final(server, run)["status"] for run in runs] == ["completed"] * 2
        assert (models.stats().max_in_flight, others.stats().max_in_flight) == (3, 5)


def two_providers(slow: ModelServer, quick: ModelServer) -> str:
    """Give a config with two providers, of three places and of five."""
    return f"""
        [providers.slow]
        base_url = "{slow.url}"
        models = ["slow-*"]
        max_concurrency = 3
        [providers.quick]
        base_url = "{quick.url}"
        models = ["quick-*"]
        max_concurrency = 5
    """
