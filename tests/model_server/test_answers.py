"""What the model server says: by itself, and as a script tells it."""

from typing import Any

import openai
import pytest

from tests.model_server.asking import QUESTION, answer, chunks, completion, joined
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step, ToolCall


def test_without_a_script_a_model_repeats_the_last_user_message(models: ModelServer) -> None:
    said = completion(models, model="parrot")

    assert (said["model"], said["choices"][0]["message"]["content"]) == ("parrot", QUESTION)


def test_a_stream_adds_up_to_the_unstreamed_text_and_ends_with_its_usage(
    models: ModelServer,
) -> None:
    whole = completion(models)

    _, body = answer(models, stream=True, stream_options={"include_usage": True})

    assert joined(body) == whole["choices"][0]["message"]["content"]
    assert chunks(body)[-1]["usage"] == whole["usage"]


def test_a_stream_has_no_usage_when_none_was_asked_for(models: ModelServer) -> None:
    _, body = answer(models, stream=True)

    assert all("usage" not in chunk for chunk in chunks(body))


def test_the_official_client_understands_both_kinds_of_answer(models: ModelServer) -> None:
    client = openai.OpenAI(base_url=models.url, api_key="key", max_retries=0)
    messages: Any = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]

    whole = client.chat.completions.create(model="any", messages=messages)
    stream = client.chat.completions.create(model="any", messages=messages, stream=True)
    texts = [chunk.choices[0].delta.content or "" for chunk in stream]

    assert (whole.choices[0].message.content, "".join(texts)) == (QUESTION, QUESTION)
    assert models.requests()[0].headers["authorization"] == "Bearer key"


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step(text="four"), "four"),
        (Step(text=""), ""),
        (Step(echo="upper"), QUESTION.upper()),
        (Step(tokens=3), "token token token"),
    ],
)
def test_the_text_is_the_one_that_the_step_says(models: ModelServer, step: Step, text: str) -> None:
    models.script(step)

    assert completion(models)["choices"][0]["message"]["content"] == text
    assert joined(answer(models, stream=True)[1]) == text


def test_a_tool_call_comes_whole_or_in_pieces_with_the_same_arguments(
    models: ModelServer,
) -> None:
    models.script(Step(tool_calls=[ToolCall("add", '{"a": 2, "b": 2}')]))

    choice = completion(models)["choices"][0]
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks(answer(models, stream=True)[1])]
    parts = [part["function"] for delta in deltas for part in delta.get("tool_calls", [])]

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["tool_calls"][0]["function"]["name"] == parts[0]["name"] == "add"
    assert "".join(part["arguments"] for part in parts) == '{"a": 2, "b": 2}'


def test_refusal_reasoning_and_finish_reason_are_in_the_answer(models: ModelServer) -> None:
    models.script(Step(refusal="I will not.", reasoning="Hm, no.", finish_reason="length"))

    choice = completion(models, logprobs=True)["choices"][0]
    _, body = answer(models, stream=True)

    assert choice["message"]["content"] is None
    assert choice["message"]["refusal"] == joined(body, "refusal") == "I will not."
    assert joined(body, "reasoning_content") == "Hm, no."
    assert choice["finish_reason"] == chunks(body)[-1]["choices"][0]["finish_reason"] == "length"


def test_usage_can_be_absent(models: ModelServer) -> None:
    models.script(Step(usage=False))

    _, body = answer(models, stream=True, stream_options={"include_usage": True})

    assert "usage" not in completion(models)
    assert all(chunk["usage"] is None for chunk in chunks(body))


def test_a_message_fails_so_often_as_scripted_and_then_succeeds(models: ModelServer) -> None:
    models.script(Step(status=500), Step(status=500), Step())

    statuses = [answer(models)[0].status for _ in range(4)]

    assert statuses == [500, 500, 200, 200]
    assert answer(models, content="another message")[0].status == 500


def test_the_first_rule_that_fits_decides(models: ModelServer) -> None:
    models.script_rules(
        Rule([Step(text="judge")], model="judge"),
        Rule([Step(text="row 7"), Step(text="later")], contains="row 7", per="rule"),
    )

    texts = [
        completion(models, model=model, content=content)["choices"][0]["message"]["content"]
        for model, content in [("judge", "row 7"), ("m", "row 7"), ("m", "row 77"), ("m", "x")]
    ]

    assert texts == ["judge", "row 7", "later", "x"]


def test_a_script_with_an_unknown_word_is_refused_and_changes_nothing(
    models: ModelServer,
) -> None:
    models.script(Step(text="before"))

    with pytest.raises(ValueError, match="no_such_fault"):
        models.script(Step(fault="no_such_fault"))  # type: ignore[arg-type]

    assert completion(models)["choices"][0]["message"]["content"] == "before"


def test_the_models_of_the_script_are_listed(models: ModelServer) -> None:
    models.script_rules(Rule([Step()], model="judge-1"))
    client = openai.OpenAI(base_url=models.url, api_key="key", max_retries=0)

    assert [model.id for model in client.models.list()] == ["judge-1", "scripted"]
