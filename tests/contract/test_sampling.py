"""What a model is asked, and how its answer is shown (contract 3.5, 5.2, 5.3, 5.5)."""

import json
from typing import Any

import openai
import pytest

from tests.contract.making import (
    EXACT,
    completed,
    completions,
    items_of,
    new_eval,
    row,
)
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step, ToolCall

STREAMED = {"stream": True, "stream_options": {"include_usage": True}}


def asked(models: ModelServer) -> Any:
    """Give the body of the one call that was made, without its streaming keys."""
    (seen,) = models.requests()
    return {key: value for key, value in seen.body.items() if key not in STREAMED}


def sampled(client: openai.OpenAI, criterion: Any = EXACT, **also: Any) -> tuple[Any, Any]:
    """Run one row and give its run and its output item."""
    run = completed(client, new_eval(client, criterion).id, completions(row("a"), **also))
    (item,) = items_of(client, run)
    return run, item


def test_a_call_holds_the_model_and_the_messages_and_is_streamed(
    client: openai.OpenAI, models: ModelServer
) -> None:
    sampled(client)

    (seen,) = models.requests()
    assert seen.body == {
        "model": "scripted",
        "messages": [{"role": "user", "content": "a"}],
        **STREAMED,
    }


PARAMS = {
    "temperature": 0.25,
    "top_p": 0.5,
    "seed": 7,
    "reasoning_effort": "xhigh",
    "verbosity": "low",
    "presence_penalty": -0.5,
    "stop": ["\n"],
    "some_option_of_tomorrow": {"deep": [1, None]},
    "response_format": {"type": "json_object"},
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
}


def test_all_sampling_params_are_passed_on_and_echoed_as_sent(
    client: openai.OpenAI, models: ModelServer
) -> None:
    run, item = sampled(client, sampling_params=PARAMS)

    assert asked(models) == {
        "model": "scripted",
        "messages": [{"role": "user", "content": "a"}],
        **PARAMS,
    }
    assert run.data_source.to_dict()["sampling_params"] == PARAMS
    shown = item.sample
    assert (shown.temperature, shown.top_p, shown.seed) == (0.25, 0.5, 7)


def test_sampling_params_that_are_null_are_echoed_and_not_passed_on(
    client: openai.OpenAI, models: ModelServer
) -> None:
    nulls: Any = {"temperature": None, "seed": None, "max_completions_tokens": None}

    run, item = sampled(client, sampling_params=nulls)

    assert asked(models).keys() == {"model", "messages"}
    assert run.data_source.to_dict()["sampling_params"] == nulls
    assert (item.sample.temperature, item.sample.seed) == (1.0, None)


SPELLINGS = [
    "max_completion_tokens",
    "max_completions_tokens",
    "max_tokens",
    "max_output_tokens",
]


@pytest.mark.parametrize("name", SPELLINGS)
def test_the_token_limit_is_known_by_each_of_its_names(
    client: openai.OpenAI, models: ModelServer, name: str
) -> None:
    run, item = sampled(client, sampling_params={name: 77})

    assert asked(models).keys() == {"model", "messages", "max_completion_tokens"}
    assert asked(models)["max_completion_tokens"] == 77
    assert run.data_source.to_dict()["sampling_params"] == {name: 77}
    shown = item.sample.to_dict()
    assert (shown["max_completion_tokens"], shown["max_completions_tokens"]) == (77, 77)


def test_of_two_token_limits_the_one_that_is_shown_was_sent(
    client: openai.OpenAI, models: ModelServer
) -> None:
    _, item = sampled(
        client, sampling_params={"max_completion_tokens": 5, "max_completions_tokens": 7}
    )

    assert asked(models)["max_completion_tokens"] == item.sample.max_completion_tokens


@pytest.mark.parametrize("name", ["model", "messages", "stream", "n", "stream_options"])
def test_sampling_params_do_not_replace_what_a_run_decides(
    client: openai.OpenAI, models: ModelServer, name: str
) -> None:
    sampled(client, sampling_params={name: False})

    (seen,) = models.requests()
    assert seen.body == {
        "model": "scripted",
        "messages": [{"role": "user", "content": "a"}],
        **STREAMED,
    }


SCHEMA = {
    "type": "json_schema",
    "json_schema": {"name": "out", "strict": True, "schema": {"type": "object"}},
}


def test_a_structured_output_can_be_walked_into_by_templates(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text='{"symbols": [{"name": "area"}, {"name": "LIMIT"}]}'))
    criterion = {
        **EXACT,
        "input": "{{ sample.output_json.symbols[1].name }} of {{sample.output_json.symbols}}",
        "reference": 'LIMIT of [{"name":"area"},{"name":"LIMIT"}]',
    }

    run, item = sampled(client, criterion, sampling_params={"response_format": SCHEMA})

    assert run.result_counts.passed == 1
    assert asked(models)["response_format"] == SCHEMA
    assert json.loads(item.sample.output[0].content)["symbols"][0] == {"name": "area"}


TOOL = {"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}


def test_tool_calls_stand_in_the_sample_in_chat_form(
    client: openai.OpenAI, models: ModelServer
) -> None:
    calls = [ToolCall("weather", '{"city": "Oslo"}'), ToolCall("weather", "{}", id="call_2")]
    models.script(Step(text="", tool_calls=calls))
    criterion = {
        **EXACT,
        "input": "{{ sample.output_tools[0].function.arguments.city }}"
        " {{sample.output_tools[1].id}}",
        "reference": "Oslo call_2",
    }

    run, item = sampled(client, criterion, sampling_params={"tools": [TOOL]})

    assert run.result_counts.passed == 1
    assert item.sample.finish_reason == "tool_calls"
    output = item.sample.to_dict()["output"][0]
    assert json.loads(output["tool_calls"][0]["function"]["arguments"]) == {"city": "Oslo"}
    assert [call["id"] for call in output["tool_calls"]] == ["call_1", "call_2"]
    assert output["content"] == ""


def test_an_image_is_sent_as_an_image_and_shown_as_its_url(
    client: openai.OpenAI, models: ModelServer
) -> None:
    url = "https://example.test/a.png"
    picture = {"type": "input_image", "image_url": "{{ item.answer }}", "detail": "low"}
    messages: Any = [
        {"role": "user", "content": picture},
        {"role": "user", "content": ["Look:", {"type": "input_text", "text": "this"}, picture]},
    ]
    template = {"type": "template", "template": messages}

    run = completed(
        client, new_eval(client).id, completions(row("q", url), input_messages=template)
    )

    image = {"type": "image_url", "image_url": {"url": url, "detail": "low"}}
    assert [message["content"] for message in asked(models)["messages"]] == [
        [image],
        [{"type": "text", "text": "Look:"}, {"type": "text", "text": "this"}, image],
    ]
    (item,) = items_of(client, run)
    assert [message.content for message in item.sample.input] == [
        f"<image>{url}</image>",
        f"Look: this <image>{url}</image>",
    ]


def test_a_sound_is_sent_as_a_sound(client: openai.OpenAI, models: ModelServer) -> None:
    sound = {"data": "{{ item.answer }}", "format": "wav"}
    message = {"role": "user", "content": {"type": "input_audio", "input_audio": sound}}
    template = {"type": "template", "template": [message]}

    run = completed(
        client, new_eval(client).id, completions(row("q", "UklGRg=="), input_messages=template)
    )

    (sent,) = asked(models)["messages"]
    heard = {"data": "UklGRg==", "format": "wav"}
    assert sent["content"] == [{"type": "input_audio", "input_audio": heard}]
    (item,) = items_of(client, run)
    assert "UklGRg" not in item.sample.input[0].content


def test_roles_are_passed_on_as_they_are(client: openai.OpenAI, models: ModelServer) -> None:
    roles = ["system", "developer", "user", "assistant", "user"]
    template = {
        "type": "template",
        "template": [{"role": role, "content": role} for role in roles],
    }

    _, item = sampled(client, input_messages=template)

    assert [message["role"] for message in asked(models)["messages"]] == roles
    assert [message.role for message in item.sample.input] == roles


LISTED = [
    {"role": "system", "content": "Answer."},
    {"role": "user", "content": [{"type": "input_text", "text": "2+2? {{ item.x }}"}]},
]


@pytest.mark.parametrize("reference", ["item.input", "{{ item.input }}", "item.deep[0].input"])
def test_messages_can_be_taken_from_the_row(
    client: openai.OpenAI, models: ModelServer, reference: str
) -> None:
    content = {"item": {"input": LISTED, "deep": [{"input": LISTED}], "x": "no"}}
    messages = {"type": "item_reference", "item_reference": reference}

    created = new_eval(client, item_schema={})
    run = completed(client, created.id, completions(content, input_messages=messages))

    assert asked(models)["messages"] == [
        {"role": "system", "content": "Answer."},
        {"role": "user", "content": "2+2? {{ item.x }}"},
    ]
    assert run.data_source.to_dict()["input_messages"] == messages
    (item,) = items_of(client, run)
    assert [message.content for message in item.sample.input] == ["Answer.", "2+2? {{ item.x }}"]


def test_a_row_without_the_messages_referred_to_is_an_errored_row(
    client: openai.OpenAI, models: ModelServer
) -> None:
    messages = {"type": "item_reference", "item_reference": "item.input"}
    rows = [{"item": {"input": LISTED}}, {"item": {}}, {"item": {"input": [1]}}]

    created = new_eval(client, item_schema={})
    run = completed(client, created.id, completions(*rows, input_messages=messages))

    assert [item.status for item in items_of(client, run)][1:] == ["error", "error"]
    assert models.stats().started == 1


def test_the_rows_of_a_run_are_asked_of_its_model_alone(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script_rules(Rule([Step(text="small")], model="small"), Rule([Step(text="large")]))

    _, item = sampled(client, model="small")

    assert item.sample.output[0].content == "small"
    assert asked(models)["model"] == "small"


def test_an_answer_without_a_text_is_shown_as_an_empty_one(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(text="", refusal="I would rather not.", finish_reason="content_filter"))

    run, item = sampled(client)

    assert run.status == "completed"
    output = item.sample.to_dict()["output"][0]
    assert output["refusal"] == "I would rather not."
    assert output["content"] == ""
    assert item.sample.finish_reason == "content_filter"


def test_a_template_of_a_message_sees_the_row_and_no_sample(
    client: openai.OpenAI, models: ModelServer
) -> None:
    text = "{{item.question}}|{{ item.missing }}|{{ sample.output_text }}|{{ other.x }}|{{item"
    template = {"type": "template", "template": [{"role": "user", "content": text}]}

    sampled(client, input_messages=template)

    assert asked(models)["messages"][0]["content"] == "a|||{{ other.x }}|{{item"


def test_the_default_question_is_the_template_that_was_sent(client: openai.OpenAI) -> None:
    run, _ = sampled(client)

    (kept,) = run.data_source.to_dict()["input_messages"]["template"]
    assert kept["content"]["text"] == "{{ item.question }}"
