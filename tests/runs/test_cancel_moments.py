"""A cancel at every moment of a run: queued, reading, sampling, pausing, grading, finishing."""

from collections.abc import Sequence
from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Step
from tests.runs.canceling import (
    calls_so_far,
    cancel,
    cancel_and_check,
    check_kept,
    check_no_call_since,
)
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import (
    ALIKE,
    create_eval,
    create_run,
    get_final,
    get_run,
    get_saved,
    given,
    rows,
    sampled,
    upload,
)
from tests.server import EvaldServer

PLACES = 64
LARGE_ROWS = 200_000
NO_COUNTS = {"total": 0, "passed": 0, "failed": 0, "errored": 0}


def test_a_run_that_waits_behind_another_is_canceled_and_leaves_it_alone(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(runs_at_once=1)
    models.script(Step(hold="before"))
    eval_id = create_eval(server)
    first, second, third = (
        create_run(server, eval_id, sampled(rows(3, first))) for first in (0, 10, 20)
    )
    models.wait(held=3)

    canceled = cancel(server, second).json
    models.release()

    assert (canceled["status"], canceled["result_counts"]) == ("canceled", NO_COUNTS)
    assert [get_final(server, each)["status"] for each in (first, third)] == ["completed"] * 2
    assert sorted(models.stats().calls_by_message) == sorted(
        f"row {number}" for number in (0, 1, 2, 20, 21, 22)
    )
    assert check(server, eval_id, second["id"]) == (canceled, [])


def test_a_run_whose_large_file_is_still_being_read_is_canceled(
    server: EvaldServer, models: ModelServer
) -> None:
    large = b'{"item": {"question": "row", "answer": "%s"}}\n' % (b"x" * 150) * LARGE_ROWS
    file_id = upload(server, large)
    eval_id = create_eval(server)
    run = create_run(server, eval_id, sampled(file_id))

    canceled, items = cancel_and_check(server, models, run)

    assert (canceled["evald"]["rows"], items) == (None, [])
    assert models.stats().started == 0
    other = create_run(server, eval_id, sampled(rows(2)))
    assert get_final(server, other)["status"] == "completed"


@pytest.mark.parametrize("hold", ["before", "within"])
@pytest.mark.parametrize("kept", [0, 1, 100])
def test_a_run_with_all_its_calls_in_flight_is_canceled_and_keeps_what_was_finished(
    server: EvaldServer, models: ModelServer, hold: Any, kept: int
) -> None:
    models.script(Step(hold=hold))
    run = create_run(server, create_eval(server, ALIKE), sampled(rows(300)))
    models.wait(held=PLACES)
    models.release(kept)
    get_saved(server, run, kept)
    models.wait(held=PLACES)

    canceled, items = cancel_and_check(server, models, run)

    assert canceled["result_counts"]["total"] == len(items) == kept
    assert canceled["evald"]["calls_aborted"] == PLACES


def test_an_unstreamed_run_is_canceled_in_the_same_way(
    start_server: StartServer, models: ModelServer
) -> None:
    server = start_server(f'[providers.p]\nbase_url = "{models.url}"\nstream = false\n')
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(300)))
    models.wait(held=PLACES)
    models.release(10)
    get_saved(server, run, 10)
    models.wait(held=PLACES)

    canceled, _ = cancel_and_check(server, models, run)

    assert canceled["result_counts"]["total"] == 10


def test_answers_that_come_at_the_moment_of_the_cancel_are_kept_whole_or_not_at_all(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(300)))
    models.wait(held=PLACES)
    models.release(150)

    answer = cancel(server, run)

    known = calls_so_far(models)
    stats = models.wait(in_flight=0)
    assert answer.json["status"] == "canceled"
    assert len(check_kept(server, run, answer)) <= stats.finished <= 150
    check_no_call_since(models, known)


def test_a_run_whose_calls_wait_for_their_next_try_is_canceled_without_an_error(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(status=429, headers={"retry-after": "60"}))
    run = create_run(server, create_eval(server), sampled(rows(60)))
    models.wait(finished=60)

    canceled, items = cancel_and_check(server, models, run)

    assert (canceled["result_counts"], items) == (NO_COUNTS, [])
    assert models.stats().started == 60


def test_a_run_that_waits_for_a_mute_endpoint_is_canceled(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(fault=Fault.HANG_BEFORE))
    run = create_run(server, create_eval(server), sampled(rows(300)))
    models.wait(in_flight=PLACES)

    canceled, _ = cancel_and_check(server, models, run)

    assert canceled["evald"]["calls_aborted"] == PLACES


def test_a_run_is_canceled_while_long_texts_are_graded_aside(
    server: EvaldServer, models: ModelServer
) -> None:
    run = create_run(server, create_eval(server, ALIKE), given(long_texts(300)))
    get_saved(server, run, 2)

    canceled, items = cancel_and_check(server, models, run)

    assert 2 <= len(items) < 300
    assert canceled["result_counts"]["total"] == len(items)


def long_texts(number: int) -> Sequence[Any]:
    """Give rows whose two texts each take a tenth of a second to compare."""
    return [
        {
            "item": {"answer": "to and fro " * 170, "number": number},
            "sample": {"output_text": "fro and to, and to and fro " * 110},
        }
        for number in range(number)
    ]


@pytest.mark.parametrize("number", [1, 2, 64, 65])
def test_a_cancel_at_the_end_gives_a_run_that_is_either_canceled_or_completed(
    server: EvaldServer, models: ModelServer, number: int
) -> None:
    for turn in range(10):
        models.script(Step(hold="before"))
        run = create_run(server, create_eval(server), sampled(rows(number)))
        models.wait(held=min(number, PLACES))
        finished = models.stats().finished
        models.release()
        models.wait(finished=finished + number * turn // 9)

        answer = cancel(server, run)

        later, items = check(server, run["eval_id"], run["id"])
        assert later == answer.json
        assert later["status"] == "canceled" or len(items) == number
        assert later["result_counts"]["errored"] == 0
        models.wait(in_flight=0)


def test_a_hundred_runs_are_canceled_right_after_they_were_created(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = create_eval(server)
    for _ in range(100):
        run = create_run(server, eval_id, sampled(rows(5)))

        answer = cancel(server, run)

        known = calls_so_far(models)
        assert answer.json["status"] == "canceled"
        assert models.stats().started == known
        assert get_run(server, run)["result_counts"] == NO_COUNTS
    stats = models.wait(in_flight=0)
    assert (stats.finished, stats.aborted) == (0, stats.started)


def test_the_places_of_a_canceled_run_go_to_the_others(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = create_eval(server)
    first = create_run(server, eval_id, sampled(rows(200)))
    models.wait(held=PLACES)
    second = create_run(server, eval_id, sampled(rows(70, first=1000)))

    assert cancel(server, first).json["status"] == "canceled"
    stats = models.wait(aborted=PLACES, held=PLACES)
    models.release()

    assert get_final(server, second)["result_counts"]["total"] == 70
    assert stats.started == 2 * PLACES
    assert models.stats().finished == 70
