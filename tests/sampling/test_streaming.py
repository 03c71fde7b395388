"""How a sample is asked for: streamed where the endpoint can, and what comes back either way."""

import json

import pytest

from evald.contract.json_types import JsonObject
from tests.model_server.client import ModelServer
from tests.model_server.script import Fault, Rule, Step, ToolCall
from tests.sampling.asking import (
    QUESTION,
    MakeSampler,
    ask,
    choice_of,
    failure,
    message_of,
)

WITH_USAGE = (True, {"include_usage": True})
PLAIN = (True, None)
OFF = (None, None)

Asked = tuple[object, object]


def asked(models: ModelServer) -> list[Asked]:
    """Give the streaming keys of every request that came."""
    bodies = [request.body for request in models.requests()]
    return [(body.get("stream"), body.get("stream_options")) for body in bodies]


async def test_a_sample_is_streamed_with_its_usage(
    models: ModelServer, sampler: MakeSampler
) -> None:
    completion = await ask(sampler())

    assert asked(models) == [WITH_USAGE]
    assert message_of(completion) == {"role": "assistant", "content": QUESTION}
    assert completion.body["usage"] == {
        "prompt_tokens": 5,
        "completion_tokens": 5,
        "total_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 0},
    }


async def test_a_provider_can_be_asked_without_streaming(
    models: ModelServer, sampler: MakeSampler
) -> None:
    completion = await ask(sampler(stream=False))

    assert asked(models) == [OFF]
    assert message_of(completion)["content"] == QUESTION


async def test_an_endpoint_that_refuses_stream_options_is_streamed_plainly_from_then_on(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(refuse=["stream_options"]))
    asking = sampler()

    first, second = await ask(asking), await ask(asking)

    assert asked(models) == [WITH_USAGE, PLAIN, PLAIN]
    assert (first.body["usage"], second.body["usage"]) == (None, None)
    assert message_of(first) == message_of(second) == {"role": "assistant", "content": QUESTION}


async def test_an_endpoint_that_refuses_to_stream_is_asked_unstreamed_from_then_on(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(refuse=["stream"]))
    asking = sampler()

    first, second = await ask(asking), await ask(asking)

    assert asked(models) == [WITH_USAGE, OFF, OFF]
    assert message_of(first) == message_of(second)


async def test_an_endpoint_may_refuse_first_the_one_and_then_the_other(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(refuse=["stream_options", "stream"]))
    asking = sampler()

    for _ in range(2):
        await ask(asking)

    assert asked(models) == [WITH_USAGE, PLAIN, OFF, OFF]


async def test_what_one_model_refuses_is_still_asked_of_the_others(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script_rules(Rule([Step(refuse=["stream"])], model="old"))
    asking = sampler()

    await ask(asking, model="old")
    await ask(asking, model="new")

    assert asked(models) == [WITH_USAGE, OFF, WITH_USAGE]


async def test_a_refusal_that_was_not_about_streaming_does_not_end_it(
    models: ModelServer, sampler: MakeSampler
) -> None:
    bad = Step(status=400, message="upstream: this content is not allowed")
    models.script_rules(Rule([bad], contains="bad"))
    asking = sampler()

    error = await failure(asking, "a bad row")
    await ask(asking, "a good row")

    assert error.code == "invalid_request"
    assert asked(models) == [WITH_USAGE, WITH_USAGE]


async def test_the_name_of_the_provider_is_not_taken_for_a_refusal_to_stream(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=400, message="no images please"))

    await failure(sampler(name="stream me"))

    assert asked(models) == [WITH_USAGE]


async def test_a_way_to_ask_is_kept_only_if_it_led_to_an_answer(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script_rules(
        Rule([Step(status=400, message="a text about a stream is not allowed")], contains="brook")
    )
    asking = sampler()

    await failure(asking, "a brook")
    await ask(asking, "a mountain")

    assert asked(models) == [WITH_USAGE, OFF, WITH_USAGE]


async def test_an_endpoint_that_refuses_every_form_gives_an_error_and_no_loop(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(status=400, message="stream_options, stream and all else are refused"))

    error = await failure(sampler())

    assert error.message == "400 from scripted: stream_options, stream and all else are refused"
    assert asked(models) == [WITH_USAGE, PLAIN, OFF]


async def test_json_that_comes_instead_of_a_stream_is_taken_as_it_is(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(fault=Fault.JSON_FOR_STREAM))

    completion = await ask(sampler())

    assert asked(models) == [WITH_USAGE]
    assert completion.body["object"] == "chat.completion"
    assert completion.attempts == 1


def streaming(*choices: JsonObject) -> Step:
    """Give a step that streams a chunk with each of these choices, and then says that it is done."""
    chunks = [json.dumps({"choices": [{"index": 0, **choice}]}) for choice in choices]
    events = "".join(f"data: {payload}\n\n" for payload in [*chunks, "[DONE]"])
    return Step(body=events, headers={"content-type": "text/event-stream"})


async def test_a_stream_that_is_done_needs_no_reason_for_its_end(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(
        streaming(
            {"delta": {"role": "assistant", "content": "4"}},
            {"delta": {"content": "2"}, "finish_reason": None},
        )
    )

    completion = await ask(sampler())

    assert message_of(completion)["content"] == "42"
    assert choice_of(completion)["finish_reason"] is None
    assert completion.attempts == 1


async def test_a_stream_that_is_done_without_a_choice_is_no_answer(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(streaming())

    error = await failure(sampler())

    assert (error.code, error.message) == (
        "invalid_response",
        "The model endpoint sent a stream without a choice. (tried 3 times)",
    )


async def test_a_stream_that_ends_with_neither_a_reason_nor_done_was_broken_off(
    models: ModelServer, sampler: MakeSampler
) -> None:
    models.script(Step(fault=Fault.UNENDED))

    error = await failure(sampler())

    assert (error.code, error.message) == (
        "connection_error",
        "The model endpoint broke off its answer. (tried 3 times)",
    )


ANSWERS = {
    "text": Step(text="Four, of course."),
    "an empty text": Step(text=""),
    "letters of all kinds": Step(text="vier – 四 – 🙂\n\nund\tEnde"),
    "cut at its limit": Step(tokens=3, finish_reason="length"),
    "filtered": Step(text="", finish_reason="content_filter"),
    "a refusal": Step(refusal="I will not count."),
    "reasoning before a text": Step(text="4", reasoning="Two and two. That is four."),
    "a tool call": Step(tool_calls=[ToolCall("add", '{"a": 2, "b": [2, 3]}')]),
    "two tool calls beside a text": Step(
        text="Let me see.",
        tool_calls=[ToolCall("add", '{"a": 2}', "call_1"), ToolCall("now", "{}", "call_2")],
    ),
    "another name for the model": Step(answers_as="any-2026-10-01"),
    "cached tokens": Step(cached_tokens=3),
}


@pytest.mark.parametrize("step", ANSWERS.values(), ids=ANSWERS.keys())
async def test_a_streamed_answer_adds_up_to_the_unstreamed_one(
    models: ModelServer, sampler: MakeSampler, step: Step
) -> None:
    models.script(step)

    streamed, whole = await ask(sampler()), await ask(sampler(stream=False))

    assert message_of(streamed) == message_of(whole)
    assert choice_of(streamed)["finish_reason"] == choice_of(whole)["finish_reason"]
    for key in ("object", "created", "model", "usage"):
        assert streamed.body[key] == whole.body[key]


@pytest.mark.parametrize("stream", [True, False])
async def test_an_answer_without_usage_is_a_sample_without_usage(
    models: ModelServer, sampler: MakeSampler, stream: bool
) -> None:
    models.script(Step(usage=False))

    completion = await ask(sampler(stream=stream))

    assert message_of(completion)["content"] == QUESTION
    assert completion.body.get("usage") is None


@pytest.mark.parametrize("stream", [True, False])
async def test_bytes_that_are_no_text_make_the_call_fail_and_nothing_else(
    models: ModelServer, sampler: MakeSampler, stream: bool
) -> None:
    models.script(Step(fault=Fault.NOT_UTF8))

    error = await failure(sampler(stream=stream))

    assert error.code == "invalid_response"
    assert models.stats().started == 3
