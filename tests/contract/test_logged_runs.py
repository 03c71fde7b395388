"""Runs over stored chat completions: graded as they are, or asked again (contract 5.2 and 5.4)."""

from itertools import count
from typing import Any

import openai
import pytest

from tests.contract.making import MODEL, completed, items_of, new_run, raw
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.server import EvaldServer

_numbers = count()
LOUD = {
    "type": "string_check",
    "name": "loud",
    "input": "{{ sample.output_text }}",
    "reference": "LOUD",
    "operation": "like",
}
AGAIN: Any = {
    "model": MODEL,
    "input_messages": {"type": "item_reference", "item_reference": "item.input"},
}


def new_case() -> dict[str, str]:
    return {"case": f"logged-{next(_numbers)}"}


def logged(client: openai.OpenAI, text: str, metadata: Any, **also: Any) -> Any:
    messages: Any = [
        {"role": "developer", "content": "Be loud."},
        {"role": "user", "content": text},
    ]
    return client.chat.completions.create(
        **{"model": MODEL, "messages": messages, "store": True, "metadata": metadata, **also}
    )


def logs_eval(client: openai.OpenAI, *criteria: Any, **config: Any) -> Any:
    data_source_config: Any = {"type": "logs", **config}
    return client.evals.create(
        data_source_config=data_source_config,
        testing_criteria=list(criteria) or [LOUD],  # type: ignore[list-item]
    )


def logs(metadata: Any = None, again: Any = None, **filters: Any) -> Any:
    """Give the data source of completions that fit, graded as they are unless asked `again`."""
    source = {"type": "stored_completions", "metadata": metadata, **filters}
    return {"type": "completions", "source": source, **(again or {})}


def prompts(client: openai.OpenAI, run: Any) -> list[str]:
    return [item.datasource_item["input"][1]["content"] for item in items_of(client, run)]


@pytest.mark.parametrize("kind", ["logs", "stored_completions"])
def test_the_eval_shows_its_metadata_and_the_schema_of_a_row(
    client: openai.OpenAI, kind: Any
) -> None:
    created = client.evals.with_raw_response.create(
        data_source_config={"type": kind, "metadata": {"usecase": "alerts"}}, testing_criteria=[]
    )

    assert raw(created)["data_source_config"] == {
        "type": kind,
        "metadata": {"usecase": "alerts"},
        "schema": {
            "type": "object",
            "properties": {"item": {"type": "object"}, "sample": {"type": "object"}},
            "required": ["item", "sample"],
        },
    }


def test_completions_are_graded_as_they_are_without_asking_a_model(
    client: openai.OpenAI, models: ModelServer
) -> None:
    case = new_case()
    models.script(Step(answers_as="scripted-2026"))
    made = [logged(client, text, case, temperature=0.3) for text in ("LOUD one", "quiet two")]
    models.reset()

    run = completed(client, logs_eval(client).id, logs(case))

    assert (run.model, run.result_counts.to_dict()) == (
        None,
        {"total": 2, "passed": 1, "failed": 1, "errored": 0},
    )
    assert models.stats().started == 0
    loud, quiet = (item.to_dict() for item in items_of(client, run))
    assert (loud["status"], quiet["status"]) == ("pass", "fail")
    messages = [
        {"role": "developer", "content": "Be loud."},
        {"role": "user", "content": "LOUD one"},
    ]
    assert loud["datasource_item"] == {
        "input": messages,
        "metadata": case,
        "completion_id": made[0].id,
    }
    sample: Any = loud["sample"]
    assert sample["input"] == messages
    assert sample["output"] == [{"role": "assistant", "content": "LOUD one"}]
    assert (sample["model"], sample["temperature"]) == ("scripted-2026", 0.3)
    assert sample["usage"]["total_tokens"] == made[0].usage.total_tokens


def test_completions_are_asked_again_with_another_answer(
    client: openai.OpenAI, models: ModelServer
) -> None:
    case = new_case()
    logged(client, "quiet", case)
    models.script(Step(text="LOUD"))

    run = completed(client, logs_eval(client).id, logs(case, AGAIN))

    assert run.result_counts.passed == 1
    (item,) = items_of(client, run)
    assert item.sample.output[0].content == "LOUD"
    assert [message["content"] for message in models.requests()[-1].body["messages"]] == [
        "Be loud.",
        "quiet",
    ]


def test_templates_see_the_messages_the_metadata_and_the_whole_completion(
    client: openai.OpenAI,
) -> None:
    case = new_case()
    made = logged(client, "hello", case)
    seen = {
        "{{ item.input }}": "Be loud.",
        "{{ item.input[1].content }}": "hello",
        "{{ item.metadata.case }}": case["case"],
        "{{ sample.output_text }}": "hello",
        "{{ sample.choices[0].message.content }}": "hello",
        "{{ sample.model }}": MODEL,
        "{{ sample.id }}": made.id,
    }
    criteria = [
        {**LOUD, "name": template[3:-3], "input": template, "reference": value}
        for template, value in seen.items()
    ]

    run = completed(client, logs_eval(client, *criteria).id, logs(case))

    (item,) = items_of(client, run)
    assert [result.name for result in item.results if not result.passed] == []


def test_a_run_takes_what_fits_its_metadata_and_that_of_its_eval(client: openai.OpenAI) -> None:
    case, other = new_case(), new_case()
    logged(client, "a", {**case, "version": "1"})
    logged(client, "b", {**case, "version": "2"})
    logged(client, "c", {**other, "version": "1"})
    narrowed = logs_eval(client, metadata=case)

    assert prompts(client, completed(client, narrowed.id, logs({"version": "1"}))) == ["a"]
    assert prompts(client, completed(client, narrowed.id, logs())) == ["a", "b"]
    # An eval may name values of any type; what is kept are texts.
    by_number = logs_eval(client, metadata={**case, "version": 2})
    assert prompts(client, completed(client, by_number.id, logs())) == ["b"]


def test_a_run_takes_what_a_model_answered(client: openai.OpenAI, models: ModelServer) -> None:
    case = new_case()
    models.script(Step(answers_as="one"), Step(answers_as="two"), per="rule")
    for text in "ab":
        logged(client, text, case)

    run = completed(client, logs_eval(client).id, logs(case, model="two"))

    assert prompts(client, run) == ["b"]
    assert run.data_source.source.model == "two"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"created_after": 1_790_000_000}, ["a", "b", "c"]),
        ({"created_after": 1_790_000_001}, None),
        ({"created_before": 1_790_000_000}, ["a", "b", "c"]),
        ({"created_before": 1_789_999_999}, None),
        ({"limit": 2}, ["b", "c"]),
        ({"limit": 3}, ["a", "b", "c"]),
        ({"limit": 10**9}, ["a", "b", "c"]),
    ],
)
def test_a_run_is_narrowed_by_time_and_by_number(
    client: openai.OpenAI, filters: Any, expected: list[str] | None
) -> None:
    case = new_case()
    for text in "abc":  # the scripted model gives each the time 1,790,000,000
        logged(client, text, case)
    created = logs_eval(client)

    if expected is None:
        with pytest.raises(openai.BadRequestError) as refused:
            new_run(client, created.id, logs(case, **filters))
        assert refused.value.code == "empty_data_source"
    else:
        assert prompts(client, completed(client, created.id, logs(case, **filters))) == expected


def test_a_run_without_any_completion_is_refused(client: openai.OpenAI) -> None:
    created = logs_eval(client, metadata=new_case())

    with pytest.raises(openai.BadRequestError) as refused:
        new_run(client, created.id, logs())

    assert (refused.value.param, refused.value.code) == ("data_source.source", "empty_data_source")
    assert "metadata of its eval" in refused.value.message
    assert client.evals.runs.list(created.id).data == []


def test_a_run_keeps_its_rows_whatever_becomes_of_the_completions(
    client: openai.OpenAI, models: ModelServer
) -> None:
    case = new_case()
    made = [logged(client, f"{number}", case) for number in range(3)]
    models.script(Step(hold="before"))
    run = new_run(client, logs_eval(client).id, logs(case, AGAIN))
    models.wait(held=3)

    client.chat.completions.delete(made[0].id)
    client.chat.completions.update(made[1].id, metadata={"changed": "yes"})
    models.release()

    again = completed(client, logs_eval(client).id, logs(case, AGAIN))
    assert prompts(client, again) == ["2"]
    items = items_of(client, run)
    assert [item.datasource_item["metadata"] for item in items] == [case] * 3


def test_many_completions_are_cut_into_chunks_in_their_order(
    client: openai.OpenAI, server: EvaldServer
) -> None:
    case = new_case()
    for number in range(300):
        body = {"model": MODEL, "store": True, "metadata": case}
        messages = [{"role": "developer", "content": ""}, {"role": "user", "content": f"{number}"}]
        server.ask("POST", "/v1/chat/completions", {**body, "messages": messages})

    run = completed(client, logs_eval(client).id, logs(case))

    assert prompts(client, run) == [f"{number}" for number in range(300)]


def test_completions_must_fit_the_schema_of_an_eval_that_has_one(client: openai.OpenAI) -> None:
    case = new_case()
    logged(client, "a", case)
    schema: Any = {"type": "object", "required": ["question"]}
    created = client.evals.create(
        data_source_config={"type": "custom", "item_schema": schema}, testing_criteria=[]
    )

    with pytest.raises(openai.BadRequestError) as refused:
        new_run(client, created.id, logs(case))

    assert refused.value.code == "invalid_row"
    assert "'question' is a required property" in refused.value.message.replace('"', "'")


@pytest.mark.parametrize(
    ("source", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": "5"}, "limit"),
        ({"created_after": -1}, "created_after"),
        ({"created_before": 1.5}, "created_before"),
        ({"created_before": 2**60}, "created_before"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"metadata": {str(number): "" for number in range(17)}}, "metadata"),
        ({"model": ""}, "model"),
    ],
)
def test_a_filter_of_a_wrong_form_is_refused(
    client: openai.OpenAI, source: Any, param: str
) -> None:
    data_source: Any = {"type": "completions", "source": {"type": "stored_completions", **source}}

    with pytest.raises(openai.BadRequestError) as refused:
        new_run(client, logs_eval(client).id, data_source)

    assert refused.value.param == f"data_source.source.{param}"


def test_a_jsonl_run_has_no_stored_completions(client: openai.OpenAI) -> None:
    data_source: Any = {"type": "jsonl", "source": {"type": "stored_completions"}}

    with pytest.raises(openai.BadRequestError) as refused:
        new_run(client, logs_eval(client).id, data_source)

    assert refused.value.param == "data_source.source.type"
