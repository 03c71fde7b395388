"""Runs: create, retrieve, delete, and their life from queued to the end (contract 2.2, 3.2, 7)."""

import re
import time
from typing import Any

import openai
import pytest

from tests.contract.making import (
    ASK,
    EXACT,
    MODEL,
    SIMILAR,
    completed,
    completions,
    finished,
    ids,
    items_of,
    jsonl,
    new_eval,
    new_run,
    raw,
    row,
)
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.server import EvaldServer
from tests.waiting import until

NO_COUNTS = {"total": 0, "errored": 0, "failed": 0, "passed": 0}


def test_a_created_run_is_answered_with_201_queued_and_live_nulls(
    client: openai.OpenAI, models: ModelServer, server: EvaldServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = new_eval(client).id
    before = int(time.time())

    answer = client.evals.runs.with_raw_response.create(
        eval_id, name="first", metadata={"team": "geo"}, data_source=completions(row("a"))
    )
    found = raw(answer)
    models.wait(held=1)

    assert answer.status_code == 201
    assert re.fullmatch("evalrun_[0-9a-f]{32}", found["id"])
    assert before <= found.pop("created_at") <= int(time.time())
    assert found.pop("evald")["rows"] == 1
    assert found == {
        "object": "eval.run",
        "id": found["id"],
        "eval_id": eval_id,
        "name": "first",
        "metadata": {"team": "geo"},
        "status": "queued",
        "model": MODEL,
        "report_url": f"{server.url}/evaluations/{eval_id}?run_id={found['id']}",
        "result_counts": NO_COUNTS,
        "per_model_usage": None,
        "per_testing_criteria_results": None,
        "error": None,
        "data_source": {
            "type": "completions",
            "source": {"type": "file_content", "content": [row("a")]},
            "model": MODEL,
            "sampling_params": None,
            "input_messages": {
                "type": "template",
                "template": [
                    {
                        "type": "message",
                        "role": "user",
                        "content": {"type": "input_text", "text": "{{ item.question }}"},
                    }
                ],
            },
        },
    }


def test_a_run_without_a_name_and_metadata_gets_a_name_and_an_empty_map(
    client: openai.OpenAI,
) -> None:
    run = new_run(client, new_eval(client).id, jsonl(row("a")))

    assert run.name == "Untitled run"
    assert run.metadata == {}


def test_a_completed_run_has_counts_criteria_and_usage(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(answers_as="scripted-2026-01-01", cached_tokens=1))
    created = new_eval(client, EXACT, SIMILAR)

    run = completed(client, created.id, completions(row("a b c"), row("a b c", "x"), row("b")))

    counts = run.result_counts.to_dict()
    assert counts == {"total": 3, "errored": 0, "failed": 1, "passed": 2}
    exact, similar = [criterion.to_dict()["id"] for criterion in created.testing_criteria]
    assert [each.to_dict() for each in run.per_testing_criteria_results] == [
        {"testing_criteria": exact, "passed": 2, "failed": 1, "errored": 0},
        {"testing_criteria": similar, "passed": 2, "failed": 1, "errored": 0},
    ]
    items = items_of(client, run)
    (usage,) = [each.to_dict() for each in run.per_model_usage]
    assert usage == {
        "model_name": "scripted-2026-01-01",
        "invocation_count": 3,
        **{
            name: sum(getattr(item.sample.usage, name) for item in items)
            for name in ("prompt_tokens", "completion_tokens", "total_tokens", "cached_tokens")
        },
    }
    assert usage["cached_tokens"] == 3
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0


def test_counts_and_items_grow_while_a_run_goes_on(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(row("a"), row("b"), row("c")))
    models.wait(held=3)

    models.release(count=1)

    def one_is_done() -> Any:
        found = client.evals.runs.retrieve(run.id, eval_id=run.eval_id)
        return found if found.result_counts.total == 1 else None

    found = until(one_is_done)
    assert found.status == "in_progress"
    assert len(items_of(client, run)) == 1
    models.release()
    assert finished(client, run).result_counts.total == 3


def test_a_run_whose_rows_all_fail_is_completed(client: openai.OpenAI) -> None:
    run = completed(client, new_eval(client).id, completions(row("a", "x"), row("b", "x")))

    assert run.result_counts.to_dict() == {"total": 2, "errored": 0, "failed": 2, "passed": 0}
    assert run.error is None


def test_a_row_whose_call_fails_for_good_is_an_errored_row_of_a_completed_run(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(status=400, message="this prompt is not for me"))

    run = completed(client, new_eval(client).id, completions(row("a")))

    assert run.result_counts.to_dict() == {"total": 1, "errored": 1, "failed": 0, "passed": 0}
    (criterion,) = run.per_testing_criteria_results
    assert (criterion.passed, criterion.failed, criterion.errored) == (0, 0, 1)
    (item,) = items_of(client, run)
    assert item.status == "error"
    assert "this prompt is not for me" in item.sample.error.message
    assert item.results[0].passed is False
    assert item.results[0].score == 0


def test_a_row_without_criteria_passes_and_one_without_a_sample_errs(
    client: openai.OpenAI, models: ModelServer
) -> None:
    created = client.evals.create(data_source_config=_open(), testing_criteria=[])

    passed = completed(client, created.id, completions(row("a")))
    models.script(Step(status=400))
    errored = completed(client, created.id, completions(row("a")))

    assert passed.result_counts.passed == 1
    assert errored.result_counts.errored == 1
    assert errored.per_testing_criteria_results == []


def test_a_run_over_jsonl_rows_has_no_model_and_no_usage(
    client: openai.OpenAI, models: ModelServer
) -> None:
    run = completed(client, new_eval(client).id, jsonl(row("a")))

    assert run.model is None
    assert run.per_model_usage == []
    assert models.stats().started == 0


def test_a_run_reads_its_rows_from_a_file(client: openai.OpenAI) -> None:
    file = client.files.create(
        file=(
            "rows.json",
            b'{"item": {"question": "a", "answer": "a"}}\n\n{"item": {"question": "b",'
            b' "answer": "x"}}',
        ),
        purpose="evals",
    )

    run = completed(
        client, new_eval(client).id, completions(source={"type": "file_id", "id": file.id})
    )

    assert run.data_source.to_dict()["source"] == {"type": "file_id", "id": file.id}
    assert run.result_counts.to_dict() == {"total": 2, "errored": 0, "failed": 1, "passed": 1}
    assert [item.datasource_item["question"] for item in items_of(client, run)] == ["a", "b"]


def test_a_run_keeps_its_rows_when_their_file_is_deleted(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    file = client.files.create(
        file=("rows.jsonl", b'{"item": {"question": "a", "answer": "a"}}\n'), purpose="evals"
    )
    source = {"type": "file_id", "id": file.id}
    run = new_run(client, new_eval(client).id, completions(source=source))

    client.files.delete(file.id)
    models.release()

    assert finished(client, run).result_counts.passed == 1


def test_runs_created_back_to_back_are_all_carried_out(client: openai.OpenAI) -> None:
    eval_id = new_eval(client).id

    runs = [new_run(client, eval_id, completions(row(str(number)))) for number in range(9)]

    assert [finished(client, run).result_counts.passed for run in runs] == [1] * 9
    assert [run.status for run in runs] == ["queued"] * 9
    assert len(set(ids(runs))) == 9


def test_a_deleted_run_is_gone_with_its_items_and_its_eval_stays(client: openai.OpenAI) -> None:
    eval_id = new_eval(client).id
    run = completed(client, eval_id, jsonl(row("a")))

    answer = client.evals.runs.with_raw_response.delete(run.id, eval_id=eval_id)

    assert raw(answer) == {"object": "eval.run.deleted", "deleted": True, "run_id": run.id}
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.retrieve(run.id, eval_id=eval_id)
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.output_items.list(run.id, eval_id=eval_id)
    assert ids(list(client.evals.runs.list(eval_id))) == []


def test_a_run_that_is_deleted_in_progress_aborts_its_calls(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(row("a"), row("b")))
    models.wait(held=2)

    client.evals.runs.delete(run.id, eval_id=run.eval_id)

    assert models.wait(in_flight=0).aborted == 2


def test_a_deleted_eval_aborts_the_calls_of_its_runs(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(row("a"), row("b")))
    models.wait(held=2)

    client.evals.delete(run.eval_id)

    assert models.wait(in_flight=0).aborted == 2


def test_a_run_belongs_to_its_eval_alone(client: openai.OpenAI) -> None:
    run = completed(client, new_eval(client).id, jsonl(row("a")))
    other = new_eval(client).id

    with pytest.raises(openai.NotFoundError):
        client.evals.runs.retrieve(run.id, eval_id=other)
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.cancel(run.id, eval_id=other)
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.delete(run.id, eval_id=other)
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.output_items.list(run.id, eval_id=other)
    assert client.evals.runs.retrieve(run.id, eval_id=run.eval_id).id == run.id


def test_a_retried_upstream_error_does_not_show_in_the_run(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(status=429, headers={"retry-after-ms": "1"}), Step(status=503), Step())

    run = completed(client, new_eval(client).id, completions(row("a")))

    assert run.result_counts.passed == 1
    assert models.stats().calls_by_message == {"a": 3}
    assert run.per_model_usage[0].invocation_count == 1


def test_the_messages_of_a_run_are_kept_in_their_normal_form(client: openai.OpenAI) -> None:
    parts = ["{{ item.question }}", {"type": "input_text", "text": "and"}]
    picture = {"type": "input_image", "image_url": "{{ item.answer }}", "detail": "low"}
    messages: Any = [
        {"role": "system", "content": "Be brief."},
        {"role": "developer", "content": {"type": "input_text", "text": "{{item.answer}}"}},
        {"type": "message", "role": "assistant", "content": {"type": "output_text", "text": "Yes"}},
        {"role": "user", "content": parts},
        {"role": "user", "content": [picture]},
    ]

    run = completed(
        client,
        new_eval(client).id,
        completions(row("a"), input_messages={"type": "template", "template": messages}),
    )

    assert run.data_source.to_dict()["input_messages"]["template"] == [
        {
            "type": "message",
            "role": "system",
            "content": {"type": "input_text", "text": "Be brief."},
        },
        {**messages[1], "type": "message"},
        messages[2],
        {"type": "message", "role": "user", "content": parts},
        {"type": "message", "role": "user", "content": [picture]},
    ]


@pytest.mark.parametrize("missing", ["model", "input_messages"])
def test_a_model_without_messages_or_messages_without_a_model_are_refused(
    client: openai.OpenAI, missing: str
) -> None:
    source = completions(row("a"))
    del source[missing]

    with pytest.raises(openai.BadRequestError) as refused:
        new_run(client, new_eval(client).id, source)

    assert refused.value.param == f"data_source.{missing}"
    assert refused.value.code == "missing_required_parameter"


def test_a_completions_run_without_model_and_messages_grades_the_samples_of_its_rows(
    client: openai.OpenAI,
) -> None:
    given = {**row("a", "x"), "sample": {"output_text": "x"}}
    source = {"type": "completions", "source": {"type": "file_content", "content": [given]}}

    run = completed(client, new_eval(client).id, source)

    assert run.result_counts.passed == 1
    assert run.per_model_usage == []


def test_the_messages_of_a_template_may_be_numbered_by_the_thousand(client: openai.OpenAI) -> None:
    many: Any = [*[{"role": "user", "content": "x"}] * 999, *ASK["template"]]

    run = completed(
        client,
        new_eval(client).id,
        completions(row("a"), input_messages={"type": "template", "template": many}),
    )

    assert run.result_counts.passed == 1


def _open() -> Any:
    return {"type": "custom", "item_schema": {}, "include_sample_schema": True}
