"""Postgres goes away and comes back: what was acknowledged stays, and runs go on by themselves."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import make_url

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.on_postgres.wire import Wire
from tests.postgres import PostgresServer
from tests.runs.invariants import check
from tests.runs.making import (
    FINAL,
    create_eval,
    create_run,
    get_final,
    get_run,
    path_of,
    rows,
    sampled,
)
from tests.server import EvaldServer, evald_ended
from tests.waiting import until

ROWS = 600


def final_of(server: EvaldServer, run: Any) -> Any:
    """Give a run that is over, or None, also while the database is away."""
    found = server.ask("GET", path_of(run))
    return found.json if found.status == 200 and found.json["status"] in FINAL else None


def total_of(server: EvaldServer, run: Any) -> int:
    """Give how many rows of a run are saved, -1 while the database is away."""
    found = server.ask("GET", path_of(run))
    return int(found.json["result_counts"]["total"]) if found.status == 200 else -1


def counts_of(models: ModelServer) -> Counter[int]:
    """Give how many rows were asked for how often."""
    return Counter(models.stats().calls_by_message.values())


def test_a_run_outlives_a_restart_of_postgres_and_calls_no_row_twice(
    server: EvaldServer, models: ModelServer, own_postgres: PostgresServer
) -> None:
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    until(lambda: get_run(server, run)["result_counts"]["total"] > 0)
    own_postgres.stop()
    try:
        answer = server.ask("GET", "/v1/evals")
    finally:
        own_postgres.start()

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json["error"]["code"] == "database_away"
    final = get_final(server, run)
    assert final["status"] == "completed"
    check(server, run["eval_id"], run["id"])
    assert counts_of(models) == {1: ROWS}


def test_a_key_that_cannot_be_looked_up_is_answered_as_whatever_else_needs_the_database(
    server: EvaldServer, own_postgres: PostgresServer
) -> None:
    made = evald_ended("keys", "create", environment=server.environment)
    assert made.returncode == 0, made.stderr
    own_postgres.stop()
    try:
        answer = server.with_key("one that nobody has read yet").ask("GET", "/v1/evals")
    finally:
        own_postgres.start()

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert answer.json["error"]["code"] == "database_away"
    assert until(lambda: server.ask("GET", "/healthz").status == 200)


def test_a_cancel_while_postgres_is_away_fails_and_works_when_it_is_back(
    server: EvaldServer, models: ModelServer, own_postgres: PostgresServer
) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(20)))
    models.wait(in_flight=20)
    path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}"
    own_postgres.stop()
    try:
        refused = server.ask("POST", path)
    finally:
        own_postgres.start()

    assert refused.status == 503
    canceled = until(lambda: _canceled(server, path))
    assert canceled["result_counts"]["total"] == 0
    models.wait(in_flight=0)
    assert get_run(server, run)["status"] == "canceled"


def _canceled(server: EvaldServer, path: str) -> dict[str, dict[str, int]] | None:
    answer = server.ask("POST", path)
    return answer.json if answer.status == 200 else None


@pytest.mark.parametrize("cuts", [1, 4])
def test_a_save_whose_answer_is_lost_is_not_made_twice(
    own_postgres: PostgresServer, models: ModelServer, tmp_path: Path, cuts: int
) -> None:
    url = make_url(own_postgres.new_database())
    with Wire(own_postgres.port) as wire:
        through = url.set(port=wire.port).render_as_string(hide_password=False)
        environment = {"EVALD_DATABASE_URL": through}
        with EvaldServer(tmp_path, upstream=models.url, environment=environment) as server:
            eval_id = create_eval(server)
            models.script(Step(hold="before"))
            run = create_run(server, eval_id, sampled(rows(ROWS)))
            models.wait(held=60)
            wire.lose_answers_of_commits(cuts)
            models.release()
            until(lambda: wire.commits_cut == cuts)  # before the test itself reads

            final = until(lambda: final_of(server, run))

            assert wire.commits_cut == cuts
            assert final["status"] == "completed"
            check(server, eval_id, run["id"])
            assert counts_of(models) == {1: ROWS}
            assert "Traceback" not in server.log()


def test_connections_that_are_cut_are_made_anew(
    own_postgres: PostgresServer, models: ModelServer, tmp_path: Path
) -> None:
    url = make_url(own_postgres.new_database())
    with Wire(own_postgres.port) as wire:
        through = url.set(port=wire.port).render_as_string(hide_password=False)
        environment = {"EVALD_DATABASE_URL": through}
        with EvaldServer(tmp_path, upstream=models.url, environment=environment) as server:
            run = create_run(server, create_eval(server), sampled(rows(ROWS)))
            for _ in range(5):
                saved = get_run(server, run)["result_counts"]["total"]
                wire.cut()
                until(lambda saved=saved: total_of(server, run) > min(saved, ROWS - 1))  # type: ignore[misc]

            assert until(lambda: final_of(server, run))["status"] == "completed"
            check(server, run["eval_id"], run["id"])
            assert counts_of(models) == {1: ROWS}
