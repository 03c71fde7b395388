"""Runs over stored responses: graded as they are, or asked again (contract 5.3 and 5.4)."""

import json
from itertools import count
from typing import Any

import openai
import pytest

from tests.contract.making import MODEL, completed, items_of, new_run
from tests.contract.test_logged_runs import LOUD, logs_eval
from tests.model_server.client import ModelServer
from tests.model_server.script import Step, ToolCall
from tests.server import EvaldServer

_numbers = count()
AGAIN: Any = {
    "model": MODEL,
    "input_messages": {"type": "item_reference", "item_reference": "item.input"},
}


def new_case() -> dict[str, str]:
    return {"case": f"logged-response-{next(_numbers)}"}


def logged(client: openai.OpenAI, sent: Any, metadata: Any, **also: Any) -> Any:
    return client.responses.create(model=MODEL, input=sent, metadata=metadata, **also)


def logs(metadata: Any = None, again: Any = None, **filters: Any) -> Any:
    """Give the data source of responses that fit, graded as they are unless asked `again`."""
    source = {"type": "responses", "metadata": metadata, **filters}
    return {"type": "responses", "source": source, **(again or {})}


def prompts(client: openai.OpenAI, run: Any) -> list[str]:
    return [item.datasource_item["input"][-1]["content"] for item in items_of(client, run)]


def test_responses_are_graded_as_they_are_without_asking_a_model(
    client: openai.OpenAI, models: ModelServer
) -> None:
    case = new_case()
    models.script(Step(answers_as="scripted-2026"))
    made = [
        logged(client, text, case, instructions="Be loud.") for text in ("LOUD one", "quiet two")
    ]
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
        "response_id": made[0].id,
    }
    sample: Any = loud["sample"]
    assert sample["input"] == messages
    assert sample["output"] == [{"role": "assistant", "content": "LOUD one"}]
    assert sample["model"] == "scripted-2026"
    assert sample["usage"]["total_tokens"] == made[0].usage.total_tokens


def test_a_streamed_response_is_graded_like_the_others(
    client: openai.OpenAI, server: EvaldServer, models: ModelServer
) -> None:
    case = new_case()
    models.script(Step(text="LOUD", tool_calls=[ToolCall("look", '{"at": "it"}')]))
    body = {"model": MODEL, "input": "Say hi.", "stream": True, "metadata": case}
    server.ask("POST", "/v1/responses", body)
    called = {**LOUD, "input": "{{ sample.output_tools[0].function.name }}", "reference": "look"}

    run = completed(client, logs_eval(client, LOUD, called).id, logs(case))

    assert run.result_counts.passed == 1
    (item,) = items_of(client, run)
    calls = item.sample.output[0].to_dict()["tool_calls"]
    assert calls[0]["function"] == {"name": "look", "arguments": '{"at": "it"}'}


def test_responses_are_asked_again_with_all_that_they_were_told(
    client: openai.OpenAI, models: ModelServer
) -> None:
    case = new_case()
    first = logged(client, "quiet", None)
    logged(client, "more", case, instructions="Be loud.", previous_response_id=first.id)
    models.reset()
    models.script(Step(text="LOUD"))

    run = completed(client, logs_eval(client).id, logs(case, AGAIN))

    assert run.result_counts.passed == 1
    (item,) = items_of(client, run)
    assert item.sample.output[0].content == "LOUD"
    (asked,) = models.requests()
    assert asked.path == "/v1/responses"
    texts = [flat(message["content"]) for message in asked.body["input"]]
    assert texts == ["Be loud.", "quiet", "quiet", "more"]


def flat(content: Any) -> str:
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def test_calls_of_functions_are_asked_again_with_their_outputs(
    client: openai.OpenAI, models: ModelServer
) -> None:
    case = new_case()
    call = {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"}
    output = {"type": "function_call_output", "call_id": "c1", "output": "5"}
    logged(client, [{"role": "user", "content": "What is it?"}, call, output], case)
    models.reset()

    completed(client, logs_eval(client).id, logs(case, AGAIN))

    (asked,) = models.requests()
    assert asked.body["input"][1:] == [call, output]


def test_templates_see_the_input_the_metadata_and_the_response(client: openai.OpenAI) -> None:
    case = new_case()
    made = logged(client, "hello", case, instructions="Be loud.")
    seen = {
        "{{ item.input }}": "Be loud.",
        "{{ item.input[1].content }}": "hello",
        "{{ item.metadata.case }}": case["case"],
        "{{ item.response_id }}": made.id,
        "{{ sample.output_text }}": "hello",
        "{{ sample.choices[0].message.content }}": "hello",
        "{{ sample.model }}": MODEL,
        "{{ sample.id }}": made.id,
        "{{ sample.instructions }}": "Be loud.",
    }
    criteria = [
        {**LOUD, "name": template[3:-3], "input": template, "reference": value}
        for template, value in seen.items()
    ]

    run = completed(client, logs_eval(client, *criteria).id, logs(case))

    (item,) = items_of(client, run)
    assert [result.name for result in item.results if not result.passed] == []


def imported(server: EvaldServer, name: str, metadata: Any, **asked: Any) -> None:
    """Store a response that answers its own name, with a request of one's choice."""
    content = [{"type": "output_text", "text": name, "annotations": []}]
    response = {
        "object": "response",
        "created_at": asked.pop("created_at", 1_700_000_000),
        "model": asked.pop("answered_by", "large-2026"),
        "output": [{"type": "message", "role": "assistant", "content": content}],
    }
    line = {
        "request": {"model": "large", "input": name, **asked},
        "response": response,
        "metadata": metadata,
    }
    answer = server.ask("POST", "/v1/chat/completions/import", json.dumps(line).encode())
    assert answer.json["imported"] == 1, answer.body


LOOK = {"type": "function", "name": "look", "parameters": {}}
SEARCH = {"type": "web_search"}
LOGGED: dict[str, Any] = {
    "a": {"user": "ada", "temperature": 0.5, "instructions": "Be BRIEF, 100%."},
    "b": {"safety_identifier": "bob", "temperature": 1, "instructions": "Be kind."},
    "c": {"user": "eve", "top_p": 0.25, "tools": [LOOK], "answered_by": "small-2026"},
    "d": {"reasoning": {"effort": "low"}, "tools": [SEARCH, LOOK], "created_at": 1_700_000_009},
}
FILTERS: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "abcd"),
    "a model that was asked for": ({"model": "large"}, "abcd"),
    "a model that answered": ({"model": "small-2026"}, "c"),
    "instructions": ({"instructions_search": "be "}, "ab"),
    "instructions in other letters": ({"instructions_search": "brief"}, "a"),
    "instructions with a percent sign": ({"instructions_search": "100%"}, "a"),
    "no pattern": ({"instructions_search": "b%e"}, ""),
    "no instructions": ({"instructions_search": ""}, "abcd"),
    "after": ({"created_after": 1_700_000_001}, "d"),
    "before": ({"created_before": 1_700_000_008}, "abc"),
    "effort": ({"reasoning_effort": "low"}, "d"),
    "another effort": ({"reasoning_effort": "high"}, ""),
    "temperature": ({"temperature": 0.5}, "a"),
    "temperature as an integer": ({"temperature": 1.0}, "b"),
    "top_p": ({"top_p": 0.25}, "c"),
    "a user": ({"users": ["ada"]}, "a"),
    "users": ({"users": ["ada", "bob", "nobody"]}, "ab"),
    "no users": ({"users": []}, "abcd"),
    "a tool": ({"tools": ["look"]}, "cd"),
    "tools": ({"tools": ["web_search", "look"]}, "cd"),
    "a hosted tool": ({"tools": ["web_search"]}, "d"),
    "users and tools": ({"users": ["ada", "eve"], "tools": ["look", "find"]}, "c"),
    "the newest": ({"limit": 2}, "cd"),
    "the newest of some": ({"limit": 1, "users": ["ada", "bob"]}, "b"),
    "all together": (
        {
            "model": "large",
            "instructions_search": "brief",
            "created_after": 0,
            "created_before": 1_700_000_000,
            "temperature": 0.5,
            "users": ["ada"],
            "limit": 5,
        },
        "a",
    ),
    "nulls": (dict.fromkeys(("model", "users", "tools", "temperature", "limit")), "abcd"),
}


@pytest.mark.parametrize(("filters", "expected"), FILTERS.values(), ids=FILTERS)
def test_a_run_takes_what_fits_every_filter(
    client: openai.OpenAI, server: EvaldServer, filters: Any, expected: str
) -> None:
    case = new_case()
    for name, asked in LOGGED.items():
        imported(server, name, case, **asked)
    created = logs_eval(client)

    if expected:
        run = completed(client, created.id, logs(case, **filters))
        assert "".join(prompts(client, run)) == expected
        kept = run.data_source.source.to_dict()
        assert {key: kept[key] for key in filters} == filters
    else:
        with pytest.raises(openai.BadRequestError) as refused:
            new_run(client, created.id, logs(case, **filters))
        assert refused.value.code == "empty_data_source"
        assert "response" in refused.value.message


def test_the_metadata_of_the_eval_narrows_a_run(client: openai.OpenAI, server: EvaldServer) -> None:
    case = new_case()
    imported(server, "a", {**case, "version": "1"})
    imported(server, "b", {**case, "version": "2"})
    narrowed = logs_eval(client, metadata=case)

    assert prompts(client, completed(client, narrowed.id, logs({"version": "1"}))) == ["a"]
    assert prompts(client, completed(client, narrowed.id, logs())) == ["a", "b"]


@pytest.mark.parametrize(
    ("source", "param"),
    [
        ({"limit": 0}, "limit"),
        ({"created_after": -1}, "created_after"),
        ({"created_before": 1.5}, "created_before"),
        ({"metadata": {"a": 1}}, "metadata.a"),
        ({"model": ""}, "model"),
        ({"instructions_search": "x" * 8193}, "instructions_search"),
        ({"instructions_search": 5}, "instructions_search"),
        ({"reasoning_effort": 1}, "reasoning_effort"),
        ({"temperature": "hot"}, "temperature"),
        ({"top_p": True}, "top_p"),
        ({"users": "ada"}, "users"),
        ({"users": [5]}, "users[0]"),
        ({"users": ["x"] * 101}, "users"),
        ({"tools": [""]}, "tools[0]"),
    ],
)
def test_a_filter_of_a_wrong_form_is_refused(
    client: openai.OpenAI, source: Any, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_run(client, logs_eval(client).id, logs(**source))

    assert refused.value.param == f"data_source.source.{param}"


@pytest.mark.parametrize("kind", ["jsonl", "completions"])
def test_other_runs_have_no_stored_responses(client: openai.OpenAI, kind: str) -> None:
    data_source: Any = {"type": kind, "source": {"type": "responses"}}

    with pytest.raises(openai.BadRequestError) as refused:
        new_run(client, logs_eval(client).id, data_source)

    assert refused.value.param == "data_source.source.type"


def test_a_run_keeps_its_rows_when_a_response_is_deleted(
    client: openai.OpenAI, models: ModelServer
) -> None:
    case = new_case()
    made = [logged(client, f"{number}", case) for number in range(2)]
    models.script(Step(hold="before"))
    run = new_run(client, logs_eval(client).id, logs(case, AGAIN))
    models.wait(held=2)

    client.responses.delete(made[0].id)
    models.release()

    again = completed(client, logs_eval(client).id, logs(case, AGAIN))
    assert prompts(client, again) == ["1"]
    assert len(items_of(client, run)) == 2


def test_what_the_model_thought_is_no_part_of_what_is_asked_again(
    client: openai.OpenAI, server: EvaldServer, models: ModelServer
) -> None:
    models.script(Step(text="4", reasoning="Hm."))
    first = logged(client, "2 + 2?", None)

    second = logged(client, "Why?", None, previous_response_id=first.id)

    items = server.ask("GET", f"/v1/responses/{second.id}/input_items?order=asc").json["data"]
    assert [(item["role"], flat(item["content"])) for item in items] == [
        ("user", "2 + 2?"),
        ("assistant", "4"),
        ("user", "Why?"),
    ]
