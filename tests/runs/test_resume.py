"""A run that was canceled or failed goes on where it stopped, and nothing finished is done again."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.contract.schema import own_schema
from tests.crash.points import Barrier, MinedServer
from tests.importing.making import imported, new_archive
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.canceling import cancel
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import (
    MODEL,
    accepted,
    asked,
    create_eval,
    create_run,
    get_final,
    get_run,
    items_of,
    jsonl,
    path_of,
    rows,
    sampled,
    upload,
)
from tests.runs.resuming import (
    RETRY,
    canceled_run,
    check_refused,
    check_unchanged,
    resume,
    resumed,
)
from tests.server import EvaldServer

LARGE = jsonl([{"item": {"question": "row 1", "answer": "x" * 100_000}}] * 50)
"""A file that is read after its run was answered."""


@pytest.fixture(scope="module")
def narrow_server(
    model_process: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    """A server that carries out one run at a time, and takes few errors."""
    settings = {"EVALD_RUNS_AT_ONCE": "1", "EVALD_MAX_ERROR_RATE": "0.2"}
    folder = tmp_path_factory.mktemp("narrow")
    with EvaldServer(folder, upstream=model_process.url, environment=settings) as server:
        yield server


def test_a_canceled_run_goes_on_and_no_finished_row_is_asked_again(
    server: EvaldServer, models: ModelServer
) -> None:
    canceled = canceled_run(server, models, create_eval(server), kept=10)
    kept = items_of(server, canceled)
    finished = {item["datasource_item"]["question"] for item in kept}

    answered = resumed(server, canceled)

    assert answered["status"] in ("queued", "in_progress")
    assert (answered["error"], answered["evald"]["finished_at"]) == (None, None)
    assert answered["evald"]["calls_aborted"] == 0
    final = get_final(server, canceled)
    _, items = check(server, final["eval_id"], final["id"])
    assert (final["status"], len(items), items[: len(kept)]) == ("completed", 30, kept)
    calls = models.stats().calls_by_message
    assert {calls[question] for question in finished} == {1}
    assert {calls[question] for question in calls if question not in finished} == {2}


def test_a_resumed_run_tells_how_often_it_was_and_how_long_it_had_taken(
    server: EvaldServer, models: ModelServer
) -> None:
    canceled = canceled_run(server, models, create_eval(server), kept=3)
    times = canceled["evald"]
    assert "resumed" not in times
    models.script(Step(hold="before"))

    first = resumed(server, canceled)
    accepted(cancel(server, canceled))
    models.script(Step())
    second = resumed(server, canceled, {})

    took = first["evald"]["resumed"].pop("seconds_before")
    assert took == pytest.approx(times["finished_at"] - times["started_at"], abs=1e-3)
    assert first["evald"]["resumed"] == {"times": 1}
    assert second["evald"]["resumed"]["times"] == 2
    assert second["evald"]["resumed"]["seconds_before"] >= took
    final = get_final(server, canceled)
    assert list(own_schema().complaints("GET", path_of(final), 200, final)) == []
    assert final["evald"]["started_at"] > times["finished_at"]
    report = server.ask("GET", f"/evaluations/{final['eval_id']}?run_id={final['id']}")
    assert b"Resumed <b>2 times</b>" in report.body


def test_what_is_under_way_or_has_nothing_left_to_do_stays_as_it_is(
    server: EvaldServer, models: ModelServer
) -> None:
    completed = create_run(server, create_eval(server), sampled(rows(3)))
    get_final(server, completed)
    for body in (None, {}, RETRY, {"retry": None}):
        check_unchanged(server, completed, body)

    models.script(Step(hold="before"))
    going_on = create_run(server, create_eval(server), sampled(rows(3)))
    models.wait(held=3)
    for body in (None, RETRY):
        check_unchanged(server, going_on, body)
    assert models.stats().started == 6


def test_errored_rows_are_redone_and_the_others_kept_byte_for_byte(
    server: EvaldServer, models: ModelServer
) -> None:
    models.script_rules(
        Rule([Step(status=400, message="no")], contains="row 1"),
        Rule([Step(status=400, message="no"), Step()], contains="row 4"),
        Rule([Step()]),
    )
    run = create_run(server, create_eval(server), sampled(rows(6)))
    before = get_final(server, run)
    kept = [item for item in items_of(server, run) if item["status"] != "error"]
    assert before["result_counts"] == {"total": 6, "passed": 2, "failed": 2, "errored": 2}

    answered = resumed(server, run, RETRY)

    assert answered["result_counts"]["errored"] in (0, 1)
    final = get_final(server, run)
    _, items = check(server, run["eval_id"], run["id"])
    assert (final["status"], items[:4]) == ("completed", kept)
    assert final["result_counts"] == {"total": 6, "passed": 3, "failed": 2, "errored": 1}
    assert sum(models.stats().calls_by_message.values()) == 8


def test_rows_whose_judge_broke_leave_the_counts_of_every_criterion_right(
    server: EvaldServer, models: ModelServer
) -> None:
    judge = {
        "type": "label_model",
        "name": "judge",
        "model": "judge",
        "input": [{"role": "user", "content": "Judge {{ item.question }}"}],
        "labels": ["good", "bad"],
        "passing_labels": ["good"],
    }
    exact = {"type": "string_check", "name": "exact", "operation": "eq"} | {
        "input": "{{ sample.output_text }}",
        "reference": "{{ item.question }}",
    }
    models.script_rules(Rule([Step(text="no verdict")], model="judge"), Rule([Step()], model=MODEL))
    run = create_run(server, create_eval(server, judge, exact), sampled(rows(5)))
    before = get_final(server, run)
    assert before["result_counts"]["errored"] == 5
    spent = before["evald"]["usage"]["judging"][0]["invocation_count"]
    models.script_rules(
        Rule([Step(text='{"steps": [], "result": "good"}')], model="judge"),
        Rule([Step()], model=MODEL),
    )

    resumed(server, run, RETRY)

    final = get_final(server, run)
    assert final["result_counts"] == {"total": 5, "passed": 5, "failed": 0, "errored": 0}
    for criterion in final["per_testing_criteria_results"]:
        assert (criterion["passed"], criterion["failed"], criterion["errored"]) == (5, 0, 0)
    # What the rows cost at first was spent.
    assert final["evald"]["usage"]["judging"][0]["invocation_count"] == spent + 5


def test_a_run_of_too_many_errors_wants_its_errored_rows_redone(
    narrow_server: EvaldServer, models: ModelServer
) -> None:
    server = narrow_server
    models.script_rules(Rule([Step(status=400)], contains="row 1"), Rule([Step()]))
    run = create_run(server, create_eval(server), sampled(rows(3)))
    assert get_final(server, run)["error"]["code"] == "too_many_errors"

    reason = check_refused(server, run, "too_many_errors")
    assert '{"retry": "errored"}' in reason
    models.script(Step())
    resumed(server, run, RETRY)

    final, _ = check(server, run["eval_id"], get_final(server, run)["id"])
    assert (final["status"], final["error"]) == ("completed", None)
    assert final["result_counts"]["errored"] == 0


def test_a_run_whose_rows_are_wrong_or_whose_history_it_is_cannot_go_on(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server)
    wrong = create_run(server, eval_id, sampled(upload(server, LARGE + b'{"item": 1}\n')))
    get_final(server, wrong)
    old = new_archive()
    imported(server, old.eval(), old.run())

    assert "line 51.item must be an object" in check_refused(server, wrong, "invalid_rows")
    assert "history" in check_refused(
        server, {"eval_id": old.eval_id, "id": old.run_id}, "imported_run"
    )


def test_a_run_that_had_not_read_its_file_goes_on_only_while_the_file_is_there(
    narrow_server: EvaldServer, models: ModelServer
) -> None:
    server = narrow_server
    models.script(Step(hold="before"))
    first = create_run(server, create_eval(server), sampled(rows(2)))
    models.wait(held=2)
    file_id, eval_id = upload(server, LARGE), create_eval(server)
    runs = [create_run(server, eval_id, sampled(file_id)) for _ in range(2)]
    for run in runs:
        assert accepted(cancel(server, run))["evald"]["rows"] is None

    resumed(server, runs[0])
    asked(server, "DELETE", f"/v1/files/{file_id}")
    models.script(Step())
    models.release()

    get_final(server, first)
    assert get_final(server, runs[0])["result_counts"]["total"] == 50
    assert "Upload it again" in check_refused(server, runs[1], "file_deleted")


def test_resumes_and_cancels_at_once_leave_one_run_with_right_counts(
    server: EvaldServer, models: ModelServer
) -> None:
    canceled = canceled_run(server, models, create_eval(server), kept=5)

    def ask(number: int) -> Any:
        body = (None, RETRY)[number % 2]
        answer = resume(server, canceled, body) if number % 3 else cancel(server, canceled)
        return answer.status

    with ThreadPoolExecutor(8) as pool:
        statuses = set(pool.map(ask, range(24)))
    resumed(server, canceled)

    assert statuses == {200}
    final = get_final(server, canceled)
    check(server, final["eval_id"], final["id"])
    assert (final["status"], final["result_counts"]["total"]) == ("completed", 30)


def test_a_resume_waits_for_the_cancel_before_it_which_does_not_stop_it_then(
    models: ModelServer, tmp_path: Path
) -> None:
    models.script(Step(hold="before"))
    server = MinedServer(tmp_path, upstream=models.url)
    with (
        Barrier(tmp_path, "cancel") as canceling,
        Barrier(tmp_path, "resume") as resuming,
        ThreadPoolExecutor(2) as pool,
    ):
        stop = "evald.dispatch.in_process:InProcessDispatch.stop"
        resume_it = "evald.runs.resume:resume_run"
        server.points = [canceling.point(stop, call=2), resuming.point(resume_it)]
        with server:
            run = create_run(server, create_eval(server), sampled(rows(2)))
            models.wait(held=2)
            canceled = pool.submit(cancel, server, run)
            canceling.reached()
            answered = pool.submit(resume, server, run)
            resuming.reached()
            resuming.go_on()
            for _ in range(50):  # a resume that did not wait would be over by now
                assert get_run(server, run)["status"] == "canceled"
            canceling.go_on()

            assert (canceled.result().json["status"], answered.result().status) == ("canceled", 200)
            models.script(Step())
            models.release()
            assert get_final(server, run)["result_counts"]["total"] == 2


def test_a_run_whose_end_is_saved_but_whose_work_is_not_gone_yet_is_taken_up_again(
    models: ModelServer, tmp_path: Path
) -> None:
    models.script(Step(status=400), Step())
    server = MinedServer(tmp_path, upstream=models.url)
    with Barrier(tmp_path, "end") as end:
        server.points = [end.point("evald.runs.finish:finish", when="after")]
        with server:
            run = create_run(server, create_eval(server), sampled(rows(1)))
            end.reached()
            assert get_run(server, run)["status"] == "completed"

            resumed(server, run, RETRY)

            end.go_on()
            assert get_final(server, run)["result_counts"]["errored"] == 0
            check(server, run["eval_id"], run["id"])


def test_after_a_restart_a_resumed_run_is_taken_up_and_one_without_its_model_is_refused_by_name(
    start_server: StartServer, models: ModelServer
) -> None:
    provider = f'[providers.only]\nbase_url = "{models.url}"\nmodels = '
    server = start_server(config=f'{provider}["{MODEL}"]')
    eval_id = create_eval(server)
    left = canceled_run(server, models, eval_id, kept=2, number=5)
    canceled = canceled_run(server, models, eval_id, kept=4)
    models.script(Step(hold="before"))
    resumed(server, canceled)
    models.wait(held=26)

    server.kill()
    models.script(Step())
    server.restart()

    assert get_final(server, canceled)["result_counts"]["total"] == 30
    check(server, eval_id, canceled["id"])
    Path(server.environment["EVALD_CONFIG"]).write_text(f'{provider}["another"]')
    server.restart()
    assert MODEL in check_refused(server, left, "model_not_found", RETRY)


def test_what_is_no_resume_is_refused(server: EvaldServer, models: ModelServer) -> None:
    canceled = canceled_run(server, models, create_eval(server), kept=1, number=2)

    bodies: tuple[object, ...] = ({"retry": "all"}, {"retry": True}, [], b"{")
    for body in bodies:
        assert resume(server, canceled, body).status == 400
    for eval_id, run_id in ((create_eval(server), canceled["id"]), (canceled["eval_id"], "none")):
        answer = server.ask("POST", f"/v1/evals/{eval_id}/runs/{run_id}/resume")
        assert (answer.status, answer.json["error"]["param"]) == (404, "run_id")
    assert get_run(server, canceled) == canceled
