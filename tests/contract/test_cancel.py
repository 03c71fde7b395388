"""Cancel: both paths, at any moment, as often as one likes (contract 2.2, 7; DESIGN section 5)."""

import openai
import pytest

from tests.contract.making import (
    completed,
    completions,
    finished,
    items_of,
    new_eval,
    new_run,
    row,
)
from tests.contract.schema import schema
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.server import Answer, EvaldServer
from tests.waiting import until

PATHS = pytest.mark.parametrize("ending", ["", "/cancel"], ids=["old path", "new path"])


def cancel(server: EvaldServer, run_path: str, ending: str) -> Answer:
    """Cancel by plain HTTP, with an empty body, and check the form of the answer."""
    path = f"/v1/{run_path}{ending}"
    answer = server.ask("POST", path)
    known = schema()
    if known is not None:
        assert list(known.complaints("POST", path, answer.status, answer.json)) == []
    return answer


def path_of(run: object) -> str:
    return f"evals/{run.eval_id}/runs/{run.id}"  # type: ignore[attr-defined]


def test_the_sdk_cancels_a_run_and_the_answer_has_the_final_counts(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(*[row(str(n)) for n in range(5)]))
    models.wait(held=5)
    models.release(count=2)
    until(lambda: len(items_of(client, run)) == 2)

    canceled = client.evals.runs.cancel(run.id, eval_id=run.eval_id)

    assert canceled.status == "canceled"
    assert canceled.error is None
    assert canceled.result_counts.to_dict() == {"total": 2, "errored": 0, "failed": 0, "passed": 2}
    assert models.wait(in_flight=0).aborted == 3
    assert client.evals.runs.retrieve(run.id, eval_id=run.eval_id).to_dict() == canceled.to_dict()
    assert len(items_of(client, run)) == 2


@PATHS
def test_both_paths_cancel_a_run_in_progress(
    client: openai.OpenAI, models: ModelServer, server: EvaldServer, ending: str
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(row("a")))
    models.wait(held=1)

    answer = cancel(server, path_of(run), ending)

    assert (answer.status, answer.json["status"]) == (200, "canceled")
    assert models.wait(in_flight=0).aborted == 1


@PATHS
def test_a_second_cancel_is_answered_like_the_first(
    client: openai.OpenAI, models: ModelServer, server: EvaldServer, ending: str
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(row("a")))
    models.wait(held=1)

    first = cancel(server, path_of(run), "")
    second = cancel(server, path_of(run), ending)

    assert second.status == 200
    assert second.json == first.json


@PATHS
def test_a_cancel_of_a_completed_run_changes_nothing(
    client: openai.OpenAI, server: EvaldServer, ending: str
) -> None:
    run = completed(client, new_eval(client).id, completions(row("a")))

    answer = cancel(server, path_of(run), ending)

    assert (answer.status, answer.json["status"]) == (200, "completed")
    assert client.evals.runs.retrieve(run.id, eval_id=run.eval_id).to_dict() == run.to_dict()


@PATHS
@pytest.mark.parametrize("prefix", ["", "openai/v1/"])
def test_a_cancel_is_known_under_every_prefix_and_with_query_parameters(
    client: openai.OpenAI, server: EvaldServer, ending: str, prefix: str
) -> None:
    run = completed(client, new_eval(client).id, completions(row("a")))

    answer = server.ask("POST", f"/{prefix}{path_of(run)}{ending}?api-version=v1")

    assert (answer.status, answer.json["id"]) == (200, run.id)


@PATHS
@pytest.mark.parametrize("body", [b"", b"{}", b'{"x": 1}', b"{ not json", b"[]", b"\xff"], ids=repr)
def test_the_body_of_a_cancel_is_not_read(
    client: openai.OpenAI, models: ModelServer, server: EvaldServer, ending: str, body: bytes
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(row("a")))

    answer = server.ask(
        "POST", f"/v1/{path_of(run)}{ending}", body, {"content-type": "application/json"}
    )

    assert (answer.status, answer.json["status"]) == (200, "canceled")


@PATHS
def test_a_cancel_of_an_unknown_run_is_a_404(
    client: openai.OpenAI, server: EvaldServer, ending: str
) -> None:
    eval_id = new_eval(client).id

    assert cancel(server, f"evals/{eval_id}/runs/evalrun_0", ending).status == 404
    assert cancel(server, "evals/eval_0/runs/evalrun_0", ending).status == 404


def test_a_run_can_be_canceled_right_after_it_was_created(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = new_eval(client).id

    for _ in range(5):
        run = new_run(client, eval_id, completions(row("a")))
        assert client.evals.runs.cancel(run.id, eval_id=eval_id).status == "canceled"

    stats = models.wait(in_flight=0)
    assert stats.finished == 0


def test_a_canceled_run_stays_canceled_when_its_model_answers_later(
    client: openai.OpenAI, models: ModelServer
) -> None:
    held = Rule([Step(hold="before")], contains="held")
    models.script_rules(held)
    eval_id = new_eval(client).id
    run = new_run(client, eval_id, completions(row("held"), row("free")))
    models.wait(held=1, finished=1)
    until(lambda: len(items_of(client, run)) == 1)
    canceled = client.evals.runs.cancel(run.id, eval_id=eval_id)

    models.release()
    other = completed(client, eval_id, completions(row("held")))

    assert other.result_counts.passed == 1
    assert client.evals.runs.retrieve(run.id, eval_id=eval_id).to_dict() == canceled.to_dict()
    assert models.stats().calls_by_message == {"held": 2, "free": 1}


def test_one_canceled_run_leaves_the_others_alone(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = new_eval(client).id
    doomed, kept = [new_run(client, eval_id, completions(row("a"), row("b"))) for _ in range(2)]
    models.wait(held=4)

    client.evals.runs.cancel(doomed.id, eval_id=eval_id)
    models.release()

    assert finished(client, kept).result_counts.passed == 2
