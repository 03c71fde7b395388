"""The body of `POST /evals/{eval_id}/runs`: paths as the client wrote them, one form of messages."""

import pytest

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.run_data_sources import kept_data_source
from evald.contract.runs import CreateRun
from evald.contract.validation import read_request
from tests.contract_models.bodies import (
    INLINE,
    completions_body,
    refusal,
    responses_body,
    run_body,
    template_body,
)

MISSING = "missing_required_parameter"
TYPE = "invalid_type"
VALUE = "invalid_value"
MESSAGE = "data_source.input_messages.template[1]"


def kept(body: JsonObject) -> JsonObject:
    return kept_data_source(read_request(CreateRun, body).data_source)


@pytest.mark.parametrize(
    ("body", "param", "code"),
    [
        ({}, "data_source", MISSING),
        (run_body(None), "data_source", TYPE),
        (run_body([]), "data_source", TYPE),
        (run_body({}), "data_source.type", MISSING),
        (run_body({"type": "csv"}), "data_source.type", VALUE),
        (run_body({"type": "jsonl"}), "data_source.source", MISSING),
        (run_body({"type": "jsonl", "source": "file-1"}), "data_source.source", TYPE),
        (run_body({"type": "jsonl", "source": {}}), "data_source.source.type", MISSING),
        (
            run_body({"type": "jsonl", "source": {"type": "url"}}),
            "data_source.source.type",
            VALUE,
        ),
        (
            run_body({"type": "jsonl", "source": {"type": "file_content"}}),
            "data_source.source.content",
            MISSING,
        ),
        (
            run_body({"type": "jsonl", "source": {"type": "file_content", "content": {}}}),
            "data_source.source.content",
            TYPE,
        ),
        (
            run_body({"type": "jsonl", "source": {"type": "file_id"}}),
            "data_source.source.id",
            MISSING,
        ),
        (
            run_body({"type": "jsonl", "source": {"type": "file_id", "id": ""}}),
            "data_source.source.id",
            VALUE,
        ),
        (
            run_body({"type": "jsonl", "source": {"type": "file_id", "file_id": "file-1"}}),
            "data_source.source.id",
            MISSING,
        ),
        (completions_body(model=5), "data_source.model", TYPE),
        (completions_body(model=""), "data_source.model", VALUE),
        (completions_body(model="m" * 257), "data_source.model", VALUE),
        (completions_body(sampling_params=[]), "data_source.sampling_params", TYPE),
        (completions_body(input_messages=[]), "data_source.input_messages", TYPE),
        (completions_body(input_messages={}), "data_source.input_messages.type", MISSING),
        (
            completions_body(input_messages={"type": "text"}),
            "data_source.input_messages.type",
            VALUE,
        ),
        (
            completions_body(input_messages={"type": "template"}),
            "data_source.input_messages.template",
            MISSING,
        ),
        (template_body(), "data_source.input_messages.template", VALUE),
        (
            completions_body(input_messages={"type": "template", "template": "Hi"}),
            "data_source.input_messages.template",
            TYPE,
        ),
        (
            completions_body(input_messages={"type": "item_reference"}),
            "data_source.input_messages.item_reference",
            MISSING,
        ),
        (
            completions_body(input_messages={"type": "item_reference", "item_reference": ["a"]}),
            "data_source.input_messages.item_reference",
            TYPE,
        ),
        (responses_body(source=None), "data_source.source", TYPE),
        (responses_body(source={"type": "stored_completions"}), "data_source.source.type", VALUE),
        (responses_body(model=""), "data_source.model", VALUE),
        (responses_body(sampling_params=[]), "data_source.sampling_params", TYPE),
        (
            responses_body(sampling_params={"tools": {}}),
            *("data_source.sampling_params.tools", TYPE),
        ),
        (
            responses_body(sampling_params={"tools": [{"type": "mcp"}, 5]}),
            *("data_source.sampling_params.tools[1]", TYPE),
        ),
        (
            responses_body(sampling_params={"tools": [{}]}),
            *("data_source.sampling_params.tools[0].type", MISSING),
        ),
        (
            responses_body(sampling_params={"text": {"format": {"type": 5}}}),
            *("data_source.sampling_params.text.format.type", TYPE),
        ),
        (
            responses_body(input_messages={"type": "template", "template": ["Hi"]}),
            *("data_source.input_messages.template[0]", TYPE),
        ),
        (run_body({"type": "jsonl", "source": INLINE}) | {"name": []}, "name", TYPE),
        (
            run_body({"type": "jsonl", "source": INLINE}) | {"metadata": {"a": 1}},
            "metadata.a",
            TYPE,
        ),
    ],
)
def test_a_wrong_body_is_refused_with_the_path_as_the_client_wrote_it(
    body: JsonObject, param: str, code: str
) -> None:
    assert refusal(CreateRun, body)[:2] == (param, code)


@pytest.mark.parametrize(
    ("message", "path", "code"),
    [
        ("Hi", "", TYPE),
        ({}, ".role", MISSING),
        ({"role": "user"}, ".content", MISSING),
        ({"role": None, "content": "x"}, ".role", TYPE),
        ({"role": "", "content": "x"}, ".role", VALUE),
        ({"role": "user", "content": None}, ".content", TYPE),
        ({"role": "user", "content": 5}, ".content", TYPE),
        ({"role": "user", "content": {"text": "x"}}, ".content.type", MISSING),
        ({"role": "user", "content": {"type": "text", "text": "x"}}, ".content.type", VALUE),
        ({"role": "user", "content": {"type": "input_text"}}, ".content.text", MISSING),
        ({"role": "user", "content": {"type": "input_text", "text": 5}}, ".content.text", TYPE),
        ({"role": "user", "content": ["a", 5]}, ".content[1]", TYPE),
        ({"role": "user", "content": [["a"]]}, ".content[0]", TYPE),
        (
            {"role": "user", "content": ["a", {"type": "input_image"}]},
            ".content[1].image_url",
            MISSING,
        ),
        ({"role": "user", "content": {"type": "input_audio"}}, ".content.input_audio", MISSING),
        (
            {"role": "user", "content": {"type": "input_audio", "input_audio": "AAAA"}},
            ".content.input_audio",
            TYPE,
        ),
        (
            {"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": 5}}]},
            ".content[0].input_audio.data",
            TYPE,
        ),
    ],
)
def test_a_wrong_message_is_refused_with_its_place_and_no_word_of_ours(
    message: JsonValue, path: str, code: str
) -> None:
    param, given_code, text = refusal(
        CreateRun, template_body({"role": "user", "content": "x"}, message)
    )

    assert (param, given_code) == (MESSAGE + path, code)
    for internal in ("a text", "dictionary", "instance", "valid list", "Message", "AudioData"):
        assert internal not in text


def test_a_missing_item_reference_is_named_in_the_message_too() -> None:
    body = completions_body(input_messages={"type": "item_reference"})

    assert refusal(CreateRun, body)[2] == (
        "Missing required parameter: 'data_source.input_messages.item_reference'."
    )


@pytest.mark.parametrize(
    ("content", "form"),
    [
        ("Hi", {"type": "input_text", "text": "Hi"}),
        ({"type": "input_text", "text": "Hi"}, {"type": "input_text", "text": "Hi"}),
        (
            {"type": "output_text", "text": "Hi", "annotations": []},
            {"type": "output_text", "text": "Hi"},
        ),
        (["Hi"], ["Hi"]),
        ([], []),
        (
            [{"type": "input_image", "image_url": "{{ item.url }}"}],
            [{"type": "input_image", "image_url": "{{ item.url }}"}],
        ),
        (
            {"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}},
            {"type": "input_audio", "input_audio": {"data": "A", "format": "wav"}},
        ),
    ],
)
def test_a_text_is_kept_as_one_object_and_an_array_as_an_array(
    content: JsonValue, form: JsonValue
) -> None:
    body = template_body({"role": "user", "content": content, "phase": "x"})

    assert kept(body)["input_messages"] == {
        "type": "template",
        "template": [{"type": "message", "role": "user", "content": form}],
    }


def test_the_kept_form_of_a_run_can_be_sent_again() -> None:
    body = template_body({"role": "user", "content": "Hi"}, {"role": "system", "content": ["a"]})

    once = kept(body)

    assert kept(run_body(once)) == once


def test_what_was_not_given_is_kept_as_null() -> None:
    body = run_body({"type": "completions", "source": INLINE})

    assert kept(body) == {
        "type": "completions",
        "source": INLINE,
        "input_messages": None,
        "model": None,
        "sampling_params": None,
    }


def test_sampling_params_are_kept_as_they_were_sent() -> None:
    params: JsonObject = {"max_completions_tokens": 5, "seed": None, "new_option": {"a": [1]}}

    assert kept(completions_body(sampling_params=params))["sampling_params"] == params


def test_the_params_of_a_responses_run_are_kept_as_they_were_sent() -> None:
    params: JsonObject = {
        "text": {"format": {"type": "text"}, "verbosity": "low"},
        "tools": [{"type": "mcp", "server_label": "docs", "headers": {"a": None}}],
        "seed": None,
        "new_option": {"a": [1]},
    }

    assert kept(responses_body(sampling_params=params)) == {
        "type": "responses",
        "source": INLINE,
        "input_messages": None,
        "model": "m",
        "sampling_params": params,
    }


def test_a_jsonl_source_keeps_its_rows_and_nothing_of_a_model() -> None:
    body = run_body({"type": "jsonl", "source": INLINE, "model": "m"})

    assert kept(body) == {"type": "jsonl", "source": INLINE}


def test_rows_of_any_form_are_left_to_the_check_of_the_rows() -> None:
    content: JsonValue = [1, None, "x", {"item": 5}]
    source: JsonObject = {"type": "file_content", "content": content}

    assert kept(run_body({"type": "jsonl", "source": source}))["source"] == source
