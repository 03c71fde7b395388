"""Cancels that come together with other requests, or when there is nothing left to cancel."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.canceling import calls_so_far, cancel, check_kept, check_no_call_since
from tests.runs.conftest import StartServer
from tests.runs.making import (
    asked,
    create_eval,
    create_run,
    get_final,
    get_saved,
    path_of,
    rows,
    sampled,
)
from tests.server import Answer, EvaldServer
from tests.waiting import until

PLACES = 64
CLIENTS = 16
ENDINGS = ("", "/cancel")


def together(server: EvaldServer, run: Any, clients: int = CLIENTS) -> list[Answer]:
    """Cancel a run from many clients at once, on both paths."""
    with ThreadPoolExecutor(clients) as pool:
        endings = [ENDINGS[number % 2] for number in range(clients)]
        return list(pool.map(lambda ending: cancel(server, run, ending), endings))


def test_many_clients_cancel_at_once_and_all_get_the_same_final_answer(
    server: EvaldServer, models: ModelServer
) -> None:
    for kept in (0, 1, 70, 3, 64, 20):
        models.reset()
        models.script(Step(hold="before"))
        run = create_run(server, create_eval(server), sampled(rows(300)))
        models.wait(held=PLACES)
        models.release(kept)
        get_saved(server, run, kept)
        models.wait(held=PLACES)

        answers = together(server, run)

        known = calls_so_far(models)
        assert {answer.status for answer in answers} == {200}
        assert len({answer.body for answer in answers}) == 1
        assert answers[0].json["evald"]["calls_aborted"] == PLACES
        assert len(check_kept(server, run, answers[0])) == kept
        assert models.wait(in_flight=0).aborted == PLACES
        check_no_call_since(models, known)


def test_cancels_that_come_while_items_are_being_saved_lose_none_and_break_nothing(
    server: EvaldServer, models: ModelServer
) -> None:
    for turn in range(10):
        models.script(Step(hold="before"))
        run = create_run(server, create_eval(server), sampled(rows(400)))
        models.wait(held=PLACES)
        finished = models.stats().finished
        models.release(200)
        models.wait(finished=finished + 20 * turn)
        saved = get_saved(server, run, 1)["result_counts"]["total"] if turn else 0

        answers = together(server, run)

        assert len({answer.body for answer in answers}) == 1
        assert len(check_kept(server, run, answers[0])) >= saved
        models.wait(in_flight=0)


def test_a_run_is_canceled_by_somebody_who_saw_it_before_its_creator(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = create_eval(server)

    with ThreadPoolExecutor(1) as pool:
        for _ in range(100):
            seen = newest(server, eval_id)
            creating = pool.submit(create_run, server, eval_id, sampled(rows(5)))
            run = until(partial(newer, server, eval_id, seen))
            answer = cancel(server, run)

            created = creating.result()
            known = calls_so_far(models)
            assert (created["id"], answer.json["status"]) == (run["id"], "canceled")
            assert models.stats().started == known
            assert server.ask("GET", path_of(run)).body == answer.body

    stats = models.wait(in_flight=0)
    assert (stats.finished, stats.aborted) == (0, stats.started)


def newest(server: EvaldServer, eval_id: str) -> Any:
    """Give the newest run of an eval, or None."""
    page = asked(server, "GET", f"/v1/evals/{eval_id}/runs?order=desc&limit=1")
    return page["data"][0] if page["data"] else None


def newer(server: EvaldServer, eval_id: str, seen: Any) -> Any:
    """Give the newest run of an eval if it is another than the one that was seen, else None."""
    found = newest(server, eval_id)
    return found if found is not None and (seen is None or found["id"] != seen["id"]) else None


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_cancel_of_a_completed_run_answers_the_run_byte_for_byte(
    server: EvaldServer, models: ModelServer, ending: str
) -> None:
    run = create_run(server, create_eval(server), sampled(rows(5)))
    get_final(server, run)

    assert_unchanged(server, run, ending, "completed")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_cancel_of_a_canceled_run_answers_the_run_byte_for_byte(
    server: EvaldServer, models: ModelServer, ending: str
) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(5)))
    models.wait(held=5)
    cancel(server, run)

    assert_unchanged(server, run, ending, "canceled")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_cancel_of_a_failed_run_answers_the_run_byte_for_byte(
    server_with: StartServer, models: ModelServer, ending: str
) -> None:
    server = server_with(max_error_rate=0)
    models.script(Step(status=400, message="no"))
    run = create_run(server, create_eval(server), sampled(rows(2)))
    get_final(server, run)

    assert_unchanged(server, run, ending, "failed")


def assert_unchanged(server: EvaldServer, run: Any, ending: str, status: str) -> None:
    before = server.ask("GET", path_of(run))

    answers = [cancel(server, run, ending) for _ in range(2)] + together(server, run, 4)

    assert before.json["status"] == status
    assert {(answer.status, answer.body) for answer in answers} == {(200, before.body)}
    assert server.ask("GET", path_of(run)).body == before.body


def test_a_client_that_leaves_during_its_cancel_has_still_canceled_the_run(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(300)))
    models.wait(held=PLACES)

    leave_at_once(server, "POST", f"{path_of(run)}/cancel")

    assert get_final(server, run)["status"] == "canceled"
    assert models.wait(in_flight=0).aborted == PLACES


def leave_at_once(server: EvaldServer, method: str, path: str) -> None:
    """Send a request and close the connection without reading the answer."""
    connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request(method, path, b"")
    connection.close()
