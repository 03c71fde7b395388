"""Samples asked for by `POST /responses`: what is sent, what its streams mean, what is tried again."""

import asyncio
import json
from typing import Any

import pytest

from evald.contract.json_types import JsonObject
from evald.errors import ModelUnavailable
from evald.sampling.interface import ChatRequest, Completion
from evald.sampling.sampler import ProviderSampler
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step, ToolCall
from tests.sampling.asking import QUESTION, MakeSampler, choice_of, message_of, wait

STREAM = {"content-type": "text/event-stream"}
TOOL: JsonObject = {"type": "function", "name": "f", "parameters": {"type": "object"}}
MCP: JsonObject = {"type": "mcp", "server_label": "docs", "server_url": "https://x/mcp"}
NO_PATH = Rule([Step(status=404, message="Not Found")], api="responses")


def request(content: str = QUESTION, /, **params: Any) -> ChatRequest:
    """Give a request of a responses run with one user message."""
    return ChatRequest("any", [{"role": "user", "content": content}], params, "responses")


async def ask(sampler: ProviderSampler, content: str = QUESTION, **params: Any) -> Completion:
    return await sampler.sample(request(content, **params), "run")


async def failure(sampler: ProviderSampler, **params: Any) -> ModelUnavailable:
    with pytest.raises(ModelUnavailable) as caught:
        await ask(sampler, **params)
    return caught.value


def paths(models: ModelServer) -> list[str]:
    """Give the paths that were asked, each without its prefix."""
    return [seen.path.removeprefix("/v1") for seen in models.requests()]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_response_is_given_as_a_chat_completion(
    models: ModelServer, sampler: MakeSampler, stream: bool
) -> None:
    models.script(
        Step(
            text="Let me see.",
            reasoning="Hm, well.",
            tool_calls=[ToolCall("f", '{"a": 1}')],
            cached_tokens=2,
            answers_as="m-2026",
        )
    )

    completion = await ask(sampler(stream=stream))

    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    assert message_of(completion) == {
        "role": "assistant",
        "content": "Let me see.",
        "tool_calls": [call],
        "reasoning_content": "Hm, well.",
    }
    assert choice_of(completion)["finish_reason"] == "tool_calls"
    assert completion.body["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 3,
        "total_tokens": 8,
        "prompt_tokens_details": {"cached_tokens": 2},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert (completion.body["model"], completion.attempts, completion.api) == (
        *("m-2026", 1),
        "responses",
    )


async def test_what_is_sent_has_the_names_of_the_api(
    models: ModelServer, sampler: MakeSampler
) -> None:
    params: Any = {
        "max_completions_tokens": 9,
        "reasoning_effort": "low",
        "seed": 7,
        "tools": [MCP],
    }

    await ask(sampler(developer_role="system"), **params)

    (seen,) = models.requests()
    assert seen.path == "/v1/responses"
    assert seen.body == {
        "model": "any",
        "input": [{"role": "user", "content": QUESTION}],
        "store": False,
        "max_output_tokens": 9,
        "reasoning": {"effort": "low"},
        "tools": [MCP],
        "stream": True,
    }


async def test_a_response_is_asked_for_whole_where_the_provider_is_set_so(
    models: ModelServer, sampler: MakeSampler
) -> None:
    await ask(sampler(stream=False))

    assert "stream" not in models.requests()[0].body


ENDS: dict[str, tuple[Step, str | None, str]] = {
    "cut at the limit": (Step(text="4 and", finish_reason="length"), "4 and", "length"),
    "filtered": (Step(text="4", finish_reason="content_filter"), "4", "content_filter"),
    "a refusal": (Step(refusal="No."), None, "stop"),
    "an empty text": (Step(text=""), "", "stop"),
}


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("name", ENDS)
async def test_an_answer_that_ended_otherwise_is_a_sample_that_says_how(
    models: ModelServer, sampler: MakeSampler, name: str, stream: bool
) -> None:
    step, content, finish_reason = ENDS[name]
    models.script(step)

    choice = choice_of(await ask(sampler(stream=stream)))

    message = choice["message"]
    assert isinstance(message, dict)
    assert (message["content"], choice["finish_reason"]) == (content, finish_reason)


PASSING = {
    "cut before": Step(fault=Fault.CUT_BEFORE),
    "cut within": Step(fault=Fault.CUT_WITHIN),
    "broken JSON": Step(fault=Fault.BROKEN_JSON),
    "no UTF-8": Step(fault=Fault.NOT_UTF8),
    "an error within": Step(fault=Fault.ERROR_WITHIN),
    "closed without its last event": Step(fault=Fault.UNENDED),
    "done without its last event": Step(body="data: [DONE]\n\n", headers=STREAM),
    "a last event without a response": Step(
        body='data: {"type":"response.completed"}\n\n', headers=STREAM
    ),
    "an event that is no object": Step(body="data: 5\n\n", headers=STREAM),
    "failed": Step(response_status="failed", code="server_error"),
    "canceled": Step(response_status="cancelled"),
    "overloaded": Step(status=503),
    "too many": Step(status=429),
    "no response": Step(body='{"choices": []}'),
    "no object": Step(body="[]"),
}


@pytest.mark.parametrize("name", PASSING)
async def test_a_fault_that_may_pass_is_tried_again(
    models: ModelServer, sampler: MakeSampler, name: str
) -> None:
    models.script(PASSING[name], Step())

    completion = await ask(sampler())

    assert message_of(completion)["content"] == QUESTION
    assert (completion.attempts, models.stats().started) == (2, 2)


@pytest.mark.parametrize("name", ["cut within", "broken JSON", "an error within", "failed"])
async def test_a_whole_answer_with_a_fault_is_tried_again(
    models: ModelServer, sampler: MakeSampler, name: str
) -> None:
    models.script(PASSING[name], Step())

    completion = await ask(sampler(stream=False))

    assert (message_of(completion)["content"], completion.attempts) == (QUESTION, 2)


LASTING = {
    "a refusal": (
        *(Step(status=400, message="no such tool"), "invalid_request"),
        "400 from scripted: no such tool",
    ),
    "an unknown model": (
        *(Step(status=404, message="The model 'any' does not exist."), "not_found"),
        "404 from scripted: The model 'any' does not exist.",
    ),
    "a response that failed for good": (
        Step(response_status="failed", code="invalid_prompt", message="Not this."),
        "invalid_request",
        "Error from scripted: The response failed: invalid_prompt: Not this.",
    ),
    "an error event that lasts": (
        Step(fault=Fault.ERROR_WITHIN, code="invalid_image_url", message="No picture."),
        "invalid_request",
        "Error from scripted: The response failed: invalid_image_url: No picture.",
    ),
    "a response that is not finished": (
        *(Step(response_status="queued"), "invalid_response"),
        "Error from scripted: The response is not finished: its status is queued.",
    ),
    "an error event with a status": (
        Step(body='data: {"error": {"code": 400, "message": "Bad."}}\n\n', headers=STREAM),
        *("upstream_error", "Error from scripted: Bad."),
    ),
}


@pytest.mark.parametrize("name", LASTING)
async def test_a_fault_that_lasts_is_told_in_the_words_of_the_endpoint(
    models: ModelServer, sampler: MakeSampler, name: str
) -> None:
    step, code, message = LASTING[name]
    models.script(step)

    error = await failure(sampler())

    assert (error.code, error.message) == (code, message)
    assert models.stats().started == 1


async def test_what_the_last_event_does_not_repeat_is_taken_from_those_before(
    models: ModelServer, sampler: MakeSampler
) -> None:
    item = {"type": "message", "role": "assistant", "content": "4"}
    events: list[Any] = [
        {"type": "response.output_item.done", "output_index": 1, "item": item},
        {"type": "response.output_item.done", "output_index": 0, "item": {"type": "reasoning"}},
        {"type": "response.completed", "response": {"status": "completed", "output": []}},
    ]
    models.script(Step(body=stream_of(events), headers=STREAM))

    completion = await ask(sampler())

    assert message_of(completion)["content"] == "4"
    assert completion.body["output_items"] == [{"type": "reasoning"}, item]


async def test_without_items_the_text_is_that_of_the_pieces(
    models: ModelServer, sampler: MakeSampler
) -> None:
    events: list[Any] = [
        {"type": "response.output_text.delta", "delta": "Four"},
        {"type": "response.output_text.delta", "delta": "teen"},
        {"type": "response.completed", "response": {"status": "completed"}},
    ]
    models.script(Step(body=stream_of(events), headers=STREAM))

    assert message_of(await ask(sampler()))["content"] == "Fourteen"


def stream_of(events: list[dict[str, Any]]) -> str:
    return "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in events)


async def test_an_endpoint_that_refuses_to_stream_is_asked_without(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(refuse=["stream"]))
    asking = sampler()

    completions = [await ask(asking), await ask(asking)]

    assert [each.attempts for each in completions] == [1, 1]
    assert [seen.body.get("stream") for seen in models.requests()] == [True, None, None]


UNDER_WAY = {
    "a stream in its middle": (True, Step(hold="within")),
    "a stream that goes on and on": (True, Step(fault=Fault.ENDLESS, gap_ms=1)),
    "before the first byte": (True, Step(hold="before")),
    "an answer in its middle": (False, Step(hold="within")),
}


@pytest.mark.parametrize("name", UNDER_WAY)
async def test_a_cancelled_call_closes_its_connection(
    models: ModelServer, sampler: MakeSampler, name: str
) -> None:
    stream, step = UNDER_WAY[name]
    models.script(step)
    asking = sampler(stream=stream)
    call = asyncio.create_task(ask(asking))
    await wait(models, in_flight=1)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    stats = await wait(models, aborted=1, in_flight=0)
    assert (stats.started, stats.finished) == (1, 0)
    assert asking.calls_in_flight("run") == 0


async def test_an_endpoint_without_the_path_is_asked_by_chat_completions_from_then_on(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script_rules(NO_PATH)
    asking = sampler()
    params: Any = {"max_completions_tokens": 9, "tools": [TOOL], "seed": 7}

    completions = [await ask(asking, **params), await ask(asking)]

    assert paths(models) == ["/responses", "/chat/completions", "/chat/completions"]
    assert [(each.attempts, each.api) for each in completions] == [(1, "chat"), (1, "chat")]
    assert models.requests()[1].body == {
        "model": "any",
        "messages": [{"role": "user", "content": QUESTION}],
        "tools": [
            {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
        ],
        "seed": 7,
        "max_completion_tokens": 9,
        "stream": True,
        "stream_options": {"include_usage": True},
    }


@pytest.mark.parametrize("status", [405, 501])
async def test_other_answers_to_an_unknown_path_mean_the_same(
    models: ModelServer, sampler: MakeSampler, status: int
) -> None:
    models.script_rules(Rule([Step(status=status)], api="responses"))

    assert (await ask(sampler())).api == "chat"


async def test_a_path_that_is_missing_only_now_is_asked_for_again_by_the_next_call(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script_rules(NO_PATH, Rule([Step(status=400)], api="chat"))
    asking = sampler()

    await failure(asking)
    models.script(Step())

    assert (await ask(asking)).api == "responses"


async def test_what_chat_completions_cannot_be_asked_for_is_an_error_that_says_what(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script_rules(NO_PATH)
    asking = sampler()
    await ask(asking)

    error = await failure(asking, tools=[MCP])

    assert error.code == "responses_not_supported"
    assert error.message == (
        "404 from scripted: Not Found. It seems to have no /responses, and chat completions, by "
        "which it was to be asked instead, know no tools of type 'mcp'."
    )
    assert (error.attempts, error.status) == (1, 404)
    assert paths(models)[-1] == "/responses"


async def test_a_provider_that_is_to_be_asked_by_responses_is_not_asked_otherwise(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script_rules(NO_PATH)

    error = await failure(sampler(api="responses"))

    assert error.code == "responses_not_supported"
    assert error.message.endswith(
        'set api = "chat" for this provider, and it is asked by chat completions.'
    )
    assert paths(models) == ["/responses"]


async def test_a_provider_that_is_to_be_asked_by_chat_completions_is_never_asked_otherwise(
    models: ModelServer, sampler: MakeSampler
) -> None:
    asking = sampler(api="chat")

    completion = await ask(asking, text={"format": {"type": "json_object"}})
    error = await failure(asking, tools=[MCP])

    assert completion.api == "chat"
    assert models.requests()[0].body["response_format"] == {"type": "json_object"}
    assert paths(models) == ["/chat/completions"]
    assert (error.code, error.attempts) == ("responses_not_supported", 0)
    assert "know no tools of type 'mcp'" in error.message


async def test_a_chat_request_goes_by_responses_where_the_provider_is_set_so(
    models: ModelServer, sampler: MakeSampler
) -> None:
    form: JsonObject = {"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}
    asked = ChatRequest("any", [{"role": "user", "content": "Hi"}], {"response_format": form})

    completion = await sampler(api="responses").sample(asked, "run")

    assert completion.api == "responses"
    assert models.requests()[0].body["text"] == {
        "format": {"type": "json_schema", "name": "n", "schema": {}}
    }


async def test_items_that_have_no_role_go_to_responses_alone(
    models: ModelServer, sampler: MakeSampler
) -> None:
    items: list[JsonObject] = [
        {"type": "reasoning", "id": "rs_1"},
        {"role": "user", "content": "?"},
    ]
    asked = ChatRequest("any", items, {}, "responses")

    await sampler().sample(asked, "run")
    with pytest.raises(ModelUnavailable, match="know no input items of type 'reasoning'"):
        await sampler(api="chat").sample(asked, "run")

    assert models.requests()[0].body["input"] == items


async def test_a_redirect_is_told_without_the_path_that_was_asked(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=307, headers={"location": "/v2/responses"}))

    assert (await failure(sampler())).message.endswith("to that address without /responses")
