"""Whatever a model's endpoint answers, the run goes on and its items keep their form."""

import json
from typing import Any

import openai
import pytest

from tests.contract.making import completed, completions, items_of, new_eval, row
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step

MESSAGE: Any = {"role": "assistant", "content": "odd"}
CHOICE: Any = {"index": 0, "message": MESSAGE, "finish_reason": "stop"}


def completion(**also: Any) -> str:
    """Give the text of a chat completion with some of its keys replaced."""
    return json.dumps({"object": "chat.completion", "model": "m", "choices": [CHOICE], **also})


def with_message(**also: Any) -> str:
    return completion(choices=[{**CHOICE, "message": {**MESSAGE, **also}}])


def with_usage(**usage: Any) -> str:
    return completion(usage=usage)


DEEP = "[" * 500 + "]" * 500

GRADED: dict[str, str] = {
    "no usage": completion(),
    "usage is null": completion(usage=None),
    "usage is a word": completion(usage="none"),
    "tokens are words": with_usage(prompt_tokens="5"),
    "tokens are booleans": with_usage(
        prompt_tokens=True, completion_tokens=True, total_tokens=True
    ),
    "tokens are negative": with_usage(prompt_tokens=-5, completion_tokens=-5, total_tokens=-10),
    "tokens are fractions": with_usage(prompt_tokens=1.5, total_tokens=1e300),
    "tokens beyond 64 bits": with_usage(prompt_tokens=2**64 - 1, total_tokens=2**70),
    "cached tokens are negative": with_usage(prompt_tokens_details={"cached_tokens": -1}),
    "cached tokens beyond 63 bits": with_usage(prompt_tokens_details={"cached_tokens": 2**64 - 1}),
    "cached tokens are a boolean": with_usage(prompt_tokens_details={"cached_tokens": True}),
    "token details are a list": with_usage(prompt_tokens_details=[1]),
    "no model": completion(model=None),
    "a model that is a number": completion(model=5),
    "a model with a NUL": completion(model="m\x00"),
    "a model of 100,000 letters": completion(model="m" * 100_000),
    "no role": with_message(role=None),
    "a role that is a list": with_message(role=["assistant"]),
    "no content": with_message(content=None),
    "content is a number": with_message(content=7),
    "content in parts": with_message(content=[{"type": "text", "text": "odd"}, 1, None]),
    "an empty content": with_message(content=""),
    "a content with NUL": with_message(content="a\x00b"),
    "tool calls are a word": with_message(tool_calls="f"),
    "tool calls are empty": with_message(tool_calls=[]),
    "a tool call is null": with_message(tool_calls=[None]),
    "deep tool calls": with_message(tool_calls="deep").replace('"deep"', DEEP),
    "a deep refusal": with_message(refusal="deep").replace('"deep"', DEEP),
    "a deep unknown key": completion(unknown="deep").replace('"deep"', DEEP),
    "an integer beyond 64 bits": completion(unknown=2**70),
    "an audio that is a word": with_message(audio="x"),
    "finish_reason is a number": completion(choices=[{**CHOICE, "finish_reason": 5}]),
    "finish_reason is null": completion(choices=[{**CHOICE, "finish_reason": None}]),
    "no index": completion(choices=[{"message": MESSAGE}]),
    "two choices": completion(choices=[CHOICE, {**CHOICE, "index": 1}]),
    "a text that holds JSON, 500 deep": with_message(content=DEEP),
}


@pytest.mark.parametrize("body", GRADED.values(), ids=GRADED)
def test_an_odd_completion_makes_an_item_and_ends_no_run(
    client: openai.OpenAI, models: ModelServer, body: str
) -> None:
    models.script_rules(Rule([Step(body=body)], contains="odd"))

    run = completed(client, new_eval(client).id, completions(row("odd"), row("even")))

    assert run.result_counts.total == 2
    odd, even = items_of(client, run)
    assert even.status == "pass"
    assert odd.status in ("pass", "fail", "error")
    assert isinstance(odd.sample.model, str)


REFUSED: dict[str, str] = {
    "no JSON": "<html>It works!</html>",
    "empty": " ",
    "null": "null",
    "a list": "[]",
    "no choices": '{"object": "chat.completion"}',
    "choices are empty": completion(choices=[]),
    "choices are null": completion(choices=None),
    "a choice is null": completion(choices=[None]),
    "no message": completion(choices=[{"index": 0}]),
    "a message that is a text": completion(choices=[{"message": "odd"}]),
    "a lone surrogate": completion().replace("odd", "\\ud800"),
    "NaN": completion().replace('"odd"', "NaN"),
    "an error with status 200": '{"error": {"message": "out of memory"}}',
}


@pytest.mark.parametrize("body", REFUSED.values(), ids=REFUSED)
def test_an_answer_that_is_no_completion_is_an_errored_row_that_says_so(
    client: openai.OpenAI, models: ModelServer, body: str
) -> None:
    # A second try gets an answer that is final, so that no test waits for many.
    last = Step(status=400, message="the last try")
    models.script_rules(Rule([Step(body=body), last], contains="odd"))

    run = completed(client, new_eval(client).id, completions(row("odd"), row("even")))

    assert run.result_counts.to_dict() == {"total": 2, "errored": 1, "failed": 0, "passed": 1}
    assert items_of(client, run)[0].sample.error.message
