"""Runs that ask by responses: what is sent, what graders see, how it is shown (contract 5.3, 6.1)."""

import json
from typing import Any

import openai
import pytest

from tests.contract.making import (
    ASK,
    EXACT,
    MODEL,
    completed,
    finished,
    items_of,
    new_eval,
    new_run,
    row,
)
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step, ToolCall

FORM = {
    "type": "json_schema",
    "name": "price",
    "strict": True,
    "schema": {"type": "object", "properties": {"amount": {"type": "number"}}},
}
TOOL = {
    "type": "function",
    "name": "get_price",
    "description": "The price of a share.",
    "parameters": {"type": "object", "properties": {"symbol": {"type": "string"}}},
    "strict": False,
}
MCP = {"type": "mcp", "server_label": "docs", "server_url": "https://example.test/mcp"}
MCP_CALL = {
    "type": "mcp_call",
    "id": "mcp_1",
    "server_label": "docs",
    "name": "search",
    "arguments": '{"query": "tokens"}',
    "output": "three pages",
    "error": None,
}
HOSTED: list[dict[str, Any]] = [
    {"type": "mcp_list_tools", "id": "mcpl_1", "server_label": "docs", "tools": []},
    {"type": "web_search_call", "id": "ws_1", "status": "completed"},
]


def responses(*rows: Any, **also: Any) -> Any:
    """Give a data source that has a model asked each row's question."""
    source = {"type": "file_content", "content": list(rows)}
    asked = {"type": "responses", "source": source, "model": MODEL, "input_messages": ASK}
    return {**asked, **also}


def check(template: str, reference: str) -> Any:
    return {**EXACT, "input": template, "reference": reference}


def sampled(client: openai.OpenAI, *criteria: Any, **also: Any) -> tuple[Any, Any]:
    """Run one row and give its run and its output item."""
    run = completed(client, new_eval(client, *criteria).id, responses(row("a"), **also))
    (item,) = items_of(client, run)
    return run, item


def asked(models: ModelServer) -> Any:
    """Give the body of the one call that was made, without its streaming key."""
    (seen,) = models.requests()
    assert seen.path == "/v1/responses"
    return {key: value for key, value in seen.body.items() if key != "stream"}


def test_a_call_holds_the_model_and_the_input_and_is_neither_stored_nor_unstreamed(
    client: openai.OpenAI, models: ModelServer
) -> None:
    sampled(client)

    (seen,) = models.requests()
    assert seen.body == {
        "model": MODEL,
        "input": [{"role": "user", "content": "a"}],
        "store": False,
        "stream": True,
    }


def test_the_run_and_its_item_have_the_form_of_every_other(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(answers_as="scripted-2026", cached_tokens=1))

    run, item = sampled(client)

    assert (run.model, run.result_counts.passed) == (MODEL, 1)
    assert run.data_source.to_dict() == {
        "type": "responses",
        "source": {"type": "file_content", "content": [row("a")]},
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
        "model": MODEL,
        "sampling_params": None,
    }
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cached_tokens": 1}
    assert [each.to_dict() for each in run.per_model_usage] == [
        {"model_name": "scripted-2026", "invocation_count": 1, **usage}
    ]
    assert item.sample.to_dict() == {
        "input": [{"role": "user", "content": "a"}],
        "output": [{"role": "assistant", "content": "a"}],
        "finish_reason": "stop",
        "model": "scripted-2026",
        "usage": usage,
        "error": None,
        "temperature": 1.0,
        "top_p": 1.0,
        "seed": None,
        "max_completion_tokens": None,
        "max_completions_tokens": None,
    }


def test_sampling_params_are_sent_in_the_words_of_the_api_and_echoed_as_sent(
    client: openai.OpenAI, models: ModelServer
) -> None:
    params: Any = {
        "seed": 42,
        "temperature": 0.25,
        "top_p": 0.5,
        "max_completions_tokens": 77,
        "reasoning_effort": "minimal",
        "text": {"format": FORM, "verbosity": "low"},
        "tools": [TOOL, MCP, {"type": "web_search_preview"}],
        "some_option_of_tomorrow": {"deep": [1, None]},
    }

    run, item = sampled(client, sampling_params=params)

    assert asked(models) == {
        "model": MODEL,
        "input": [{"role": "user", "content": "a"}],
        "store": False,
        "temperature": 0.25,
        "top_p": 0.5,
        "max_output_tokens": 77,
        "reasoning": {"effort": "minimal"},
        "text": {"format": FORM, "verbosity": "low"},
        "tools": [TOOL, MCP, {"type": "web_search_preview"}],
        "some_option_of_tomorrow": {"deep": [1, None]},
    }
    assert run.data_source.to_dict()["sampling_params"] == params
    shown = item.sample.to_dict()
    assert (shown["temperature"], shown["top_p"], shown["seed"]) == (0.25, 0.5, 42)
    assert (shown["max_completion_tokens"], shown["max_completions_tokens"]) == (77, 77)


def test_calls_of_functions_are_read_as_those_of_a_completions_run(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text="Let me see.", tool_calls=[ToolCall("get_price", '{"symbol": "ABC"}')]))

    run, item = sampled(
        client,
        check("{{ sample.output_tools[0].function.name }}", "get_price"),
        check("{{ sample.output_tools[0].function.arguments.symbol }}", "ABC"),
        check("{{ sample.output_text }}", "Let me see."),
        sampling_params={"tools": [TOOL]},
    )

    assert run.result_counts.passed == 1
    (said,) = item.sample.output
    assert said.content == "Let me see."
    assert said.tool_calls[0]["function"]["arguments"] == '{"symbol": "ABC"}'
    assert item.sample.finish_reason == "tool_calls"


def test_calls_of_an_mcp_server_are_among_the_tools_and_never_in_place_of_the_text(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text="Three.", items=[*HOSTED, MCP_CALL]))

    run, item = sampled(
        client,
        check("{{ sample.output_text }}", "Three."),
        check("{{ sample.output_tools[0].function.name }}", "search"),
        check("{{ sample.output_tools[0].server_label }}", "docs"),
        check("{{ sample.output_tools[0].output }}{{ sample.output_tools[1] }}", "three pages"),
        check("{{ sample.output_items[1].type }}", "web_search_call"),
        sampling_params={"tools": [MCP]},
    )

    assert run.result_counts.passed == 1
    assert item.sample.output[0].content == "Three."
    assert item.sample.finish_reason == "stop"


def test_structured_output_is_seen_as_output_json(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text=json.dumps({"amount": 3.5})))

    run, item = sampled(
        client,
        check("{{ sample.output_json.amount }}", "3.5"),
        sampling_params={"text": {"format": FORM}},
    )

    assert run.result_counts.passed == 1
    assert item.sample.output[0].content == '{"amount": 3.5}'


def test_pictures_sounds_and_answers_are_passed_on_in_the_parts_of_the_api(
    client: openai.OpenAI, models: ModelServer
) -> None:
    sound = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    template = [
        {"role": "developer", "content": "Be brief."},
        {"role": "assistant", "content": [{"type": "output_text", "text": "Yes?"}, "And?"]},
        {
            "role": "user",
            "content": [
                "Look: ",
                {"type": "input_image", "image_url": "{{ item.question }}", "detail": "low"},
                {"type": "input_image", "image_url": "https://example.test/b.png"},
                sound,
            ],
        },
    ]

    _, item = sampled(client, input_messages={"type": "template", "template": template})

    assert asked(models)["input"] == [
        {"role": "developer", "content": "Be brief."},
        {
            "type": "message",
            "role": "assistant",
            "content": [
                {"type": "output_text", "text": "Yes?"},
                {"type": "output_text", "text": "And?"},
            ],
        },
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "Look: "},
                {"type": "input_image", "image_url": "a", "detail": "low"},
                {
                    "type": "input_image",
                    "image_url": "https://example.test/b.png",
                    "detail": "auto",
                },
                sound,
            ],
        },
    ]
    shown = "Look:  <image>a</image> <image>https://example.test/b.png</image> <audio>wav</audio>"
    assert item.sample.input[2].content == shown


def test_the_input_may_stand_in_the_row_with_the_items_of_earlier_responses(
    client: openai.OpenAI, models: ModelServer
) -> None:
    items = [
        {"role": "user", "content": "What is ABC?"},
        {"type": "reasoning", "id": "rs_1", "summary": []},
        {"type": "function_call", "call_id": "c", "name": "get_price", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": "3.5"},
    ]
    content = {"item": {"input": items, "answer": "What is ABC?"}}
    created = new_eval(client, item_schema={"type": "object"})
    reference = {"type": "item_reference", "item_reference": "item.input"}

    run = completed(client, created.id, responses(content, input_messages=reference))

    assert asked(models)["input"] == items
    (item,) = items_of(client, run)
    call = {"id": "c", "type": "function", "function": {"name": "get_price", "arguments": "{}"}}
    assert [message.to_dict() for message in item.sample.input] == [
        {"role": "user", "content": "What is ABC?"},
        {"role": "assistant", "content": "<reasoning>"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "content": "3.5", "tool_call_id": "c"},
    ]


REFUSED: dict[str, tuple[Any, str, str]] = {
    "no source": ({"source": None}, "data_source.source", "invalid_type"),
    "a source of completions": (
        {"source": {"type": "stored_completions"}},
        *("data_source.source.type", "invalid_value"),
    ),
    "a model that is no text": ({"model": 5}, "data_source.model", "invalid_type"),
    "no input": (
        {"input_messages": None},
        *("data_source.input_messages", "missing_required_parameter"),
    ),
    "no model": ({"model": None}, "data_source.model", "missing_required_parameter"),
    "a text that is no object": (
        {"sampling_params": {"text": "json"}},
        *("data_source.sampling_params.text", "invalid_type"),
    ),
    "a form that is no object": (
        {"sampling_params": {"text": {"format": "json"}}},
        *("data_source.sampling_params.text.format", "invalid_type"),
    ),
    "a form without a type": (
        {"sampling_params": {"text": {"format": {"schema": {}}}}},
        *("data_source.sampling_params.text.format.type", "missing_required_parameter"),
    ),
    "tools that are no array": (
        {"sampling_params": {"tools": {"type": "mcp"}}},
        *("data_source.sampling_params.tools", "invalid_type"),
    ),
    "a tool without a type": (
        {"sampling_params": {"tools": [TOOL, {"name": "f"}]}},
        *("data_source.sampling_params.tools[1].type", "missing_required_parameter"),
    ),
    "an effort that is no text": (
        {"sampling_params": {"reasoning_effort": 5}},
        *("data_source.sampling_params.reasoning_effort", "invalid_type"),
    ),
    "a limit that is no number": (
        {"sampling_params": {"max_completion_tokens": "many"}},
        *("data_source.sampling_params.max_completion_tokens", "invalid_type"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_wrong_data_source_is_refused_with_the_path_of_what_is_wrong(
    client: openai.OpenAI, models: ModelServer, name: str
) -> None:
    changes, param, code = REFUSED[name]
    created = new_eval(client)

    with pytest.raises(openai.BadRequestError) as caught:
        new_run(client, created.id, responses(row("a"), **changes))

    assert (caught.value.param, caught.value.code) == (param, code)
    assert models.stats().started == 0


def test_a_cancel_cuts_off_the_responses_in_flight(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="within"))
    rows = [row(str(n)) for n in range(5)]
    run = new_run(client, new_eval(client).id, responses(*rows))
    models.wait(held=5)

    canceled = client.evals.runs.cancel(run.id, eval_id=run.eval_id)

    assert (canceled.status, canceled.result_counts.total) == ("canceled", 0)
    assert models.wait(in_flight=0).aborted == 5
    assert canceled.to_dict()["evald"]["calls_aborted"] == 5  # type: ignore[index]


def test_a_response_that_failed_is_asked_for_again(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(response_status="failed", code="server_error"), Step())

    run, item = sampled(client)

    assert run.result_counts.passed == 1
    assert item.to_dict()["evald"]["attempts"] == 2


def test_an_endpoint_without_responses_is_asked_by_chat_completions_and_the_item_says_so(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script_rules(Rule([Step(status=404, message="Not Found")], api="responses"))
    created = new_eval(client)

    # Of a model of its own: what an endpoint lacks is remembered for each model.
    run = finished(client, new_run(client, created.id, responses(row("a"), model="chat-only")))

    assert run.result_counts.passed == 1
    (item,) = items_of(client, run)
    assert item.to_dict()["evald"]["asked_by"] == "chat_completions"
    assert [seen.path for seen in models.requests()] == ["/v1/responses", "/v1/chat/completions"]


WHOLE: Any = {
    "id": "resp_1",
    "object": "response",
    "created_at": 1750000000.0,
    "status": "completed",
    "error": None,
    "incomplete_details": None,
    "model": "gpt-4o-mini-2024-07-18",
    "output": [
        {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": None},
        {
            "type": "message",
            "id": "msg_1",
            "role": "assistant",
            "status": "completed",
            "content": [{"type": "output_text", "text": "Paris", "annotations": []}],
        },
    ],
    "temperature": 0.5,
    "top_p": 1.0,
    "usage": {
        "input_tokens": 11,
        "input_tokens_details": {"cached_tokens": 4},
        "output_tokens": 3,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 14,
    },
}


def given(client: openai.OpenAI, sample: Any) -> tuple[Any, Any]:
    """Grade one row that brings a sample, and give its run and its output item."""
    content = {"item": {"question": "q", "answer": "Paris"}, "sample": sample}
    source = {"type": "file_content", "content": [content]}
    run = completed(client, new_eval(client).id, {"type": "jsonl", "source": source})
    (item,) = items_of(client, run)
    return run, item.to_dict()


def test_a_row_may_bring_a_whole_response_as_its_sample(
    client: openai.OpenAI, models: ModelServer
) -> None:
    run, item = given(client, WHOLE)

    assert run.result_counts.passed == 1
    assert item["sample"]["output"] == [{"role": "assistant", "content": "Paris"}]
    assert item["sample"]["model"] == "gpt-4o-mini-2024-07-18"
    assert item["sample"]["temperature"] == 0.5
    assert item["sample"]["usage"] == {
        "total_tokens": 14,
        "completion_tokens": 3,
        "prompt_tokens": 11,
        "cached_tokens": 4,
    }
    assert models.stats().started == 0


def test_a_row_that_brings_a_failed_response_is_errored(
    client: openai.OpenAI, models: ModelServer
) -> None:
    error = {"code": "server_error", "message": "It broke."}

    run, item = given(client, {**WHOLE, "status": "failed", "output": [], "error": error})

    assert run.result_counts.errored == 1
    assert item["sample"]["error"] == {
        "code": "upstream_error",
        "message": "The response failed: server_error: It broke.",
    }
