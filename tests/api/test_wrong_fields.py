"""Each field of each request object: missing, of a wrong type, of a wrong value."""

import copy
from typing import Any

import pytest

from tests.api.refusals import (
    CRITERION,
    EVAL,
    ROW,
    SIMILAR,
    Prepared,
    check_refusal,
    sampled_run_of,
)

MISSING = "missing_required_parameter"
TYPE = "invalid_type"
VALUE = "invalid_value"
REMOVED = object()

FULL_METADATA = {str(number): "v" for number in range(17)}
MESSAGE = {"role": "user", "content": "x"}

# where in the body, what stands there, the code, a part of the message; the place is the param
# unless a fifth entry names another
Row = tuple[Any, ...]

EVALS: list[Row] = [
    ("name", 1, TYPE, "string"),
    ("name", ["x"], TYPE, "an array"),
    ("name", {"x": 1}, TYPE, "an object"),
    ("name", True, TYPE, "a boolean"),
    ("name", "a\x00b", VALUE, "NUL"),
    ("name", "x" * 1025, VALUE, "1,024"),
    ("metadata", [], TYPE, "an array"),
    ("metadata", "x", TYPE, "a string"),
    ("metadata", {"a": 1}, TYPE, "a number", "metadata.a"),
    ("metadata", {"a": None}, TYPE, "null", "metadata.a"),
    ("metadata", {"a": {"b": "c"}}, TYPE, "an object", "metadata.a"),
    ("metadata", {"a": "x" * 513}, VALUE, "512"),
    ("metadata", {"k" * 65: "v"}, VALUE, "64"),
    ("metadata", FULL_METADATA, VALUE, "16 pairs"),
    ("data_source_config", REMOVED, MISSING, "data_source_config"),
    ("data_source_config", None, TYPE, "null"),
    ("data_source_config", [], TYPE, "an array"),
    ("data_source_config", "custom", TYPE, "a string"),
    ("data_source_config", {}, MISSING, "type", "data_source_config.type"),
    (
        "data_source_config",
        {"type": "file"},
        VALUE,
        "'file' for 'data_source_config'. Known types: custom, logs, stored_completions",
        "data_source_config.type",
    ),
    ("data_source_config", {"type": ""}, VALUE, "Known types", "data_source_config.type"),
    ("data_source_config", {"type": 5}, TYPE, "a number", "data_source_config.type"),
    ("data_source_config", {"type": None}, TYPE, "null", "data_source_config.type"),
    ("data_source_config", {"type": []}, TYPE, "an array", "data_source_config.type"),
    ("data_source_config.item_schema", REMOVED, MISSING, "item_schema"),
    ("data_source_config.item_schema", None, TYPE, "null"),
    ("data_source_config.item_schema", [], TYPE, "an array"),
    ("data_source_config.item_schema", True, TYPE, "a boolean"),
    ("data_source_config.item_schema", "{}", TYPE, "a string"),
    ("data_source_config.include_sample_schema", "yes", TYPE, "a string"),
    ("data_source_config.include_sample_schema", 1, TYPE, "a number"),
    ("data_source_config.include_sample_schema", None, TYPE, "null"),
    ("testing_criteria", REMOVED, MISSING, "testing_criteria"),
    ("testing_criteria", None, TYPE, "null"),
    ("testing_criteria", {}, TYPE, "an object"),
    ("testing_criteria", "string_check", TYPE, "a string"),
    ("testing_criteria", [CRITERION] * 101, VALUE, "expected at most 100 elements, not 101."),
    ("testing_criteria", [CRITERION] * 1100, VALUE, "expected at most 100 elements, not 1,100."),
    ("testing_criteria[0]", None, TYPE, "null"),
    ("testing_criteria[0]", "x", TYPE, "a string"),
    ("testing_criteria[0]", {}, MISSING, "type", "testing_criteria[0].type"),
    ("testing_criteria[0].type", "python", MISSING, "source", "testing_criteria[0].source"),
    (
        "testing_criteria[0].type",
        "beauty",
        VALUE,
        "Unknown type 'beauty' for 'testing_criteria[0]'. Known types: string_check, text_similarity, "
        "label_model, score_model, python, multi",
    ),
    ("testing_criteria[0].type", "", VALUE, "Known types"),
    ("data_source_config.type", "python", VALUE, "Unknown type 'python'"),
    ("testing_criteria[0].type", None, TYPE, "null"),
    ("testing_criteria[0].type", 7, TYPE, "a number"),
    ("testing_criteria[0].name", REMOVED, MISSING, "name"),
    ("testing_criteria[0].name", None, TYPE, "null"),
    ("testing_criteria[0].name", 5, TYPE, "a number"),
    ("testing_criteria[0].name", "a\x00", VALUE, "NUL"),
    ("testing_criteria[0].input", REMOVED, MISSING, "input"),
    ("testing_criteria[0].input", None, TYPE, "null"),
    ("testing_criteria[0].input", ["x"], TYPE, "an array"),
    ("testing_criteria[0].reference", REMOVED, MISSING, "reference"),
    ("testing_criteria[0].reference", 4, TYPE, "a number"),
    ("testing_criteria[0].operation", REMOVED, MISSING, "operation"),
    ("testing_criteria[0].operation", "equals", VALUE, "'eq', 'ne', 'like' or 'ilike'"),
    ("testing_criteria[0].operation", "EQ", VALUE, "'eq'"),
    ("testing_criteria[0].operation", None, VALUE, "'eq'"),
    ("testing_criteria[0].operation", ["eq"], VALUE, "'eq'"),
    ("testing_criteria[1].evaluation_metric", REMOVED, MISSING, "evaluation_metric"),
    ("testing_criteria[1].evaluation_metric", "exact", VALUE, "fuzzy_match"),
    ("testing_criteria[1].evaluation_metric", None, VALUE, "fuzzy_match"),
    ("testing_criteria[1].pass_threshold", REMOVED, MISSING, "pass_threshold"),
    ("testing_criteria[1].pass_threshold", None, TYPE, "null"),
    ("testing_criteria[1].pass_threshold", "0.5", TYPE, "a string"),
    ("testing_criteria[1].pass_threshold", True, TYPE, "a boolean"),
    ("testing_criteria[1].pass_threshold", [], TYPE, "an array"),
]

IN_SOURCE = "data_source.source"
MESSAGES = "data_source.input_messages"
FIRST = f"{MESSAGES}.template[0]"

RUNS: list[Row] = [
    ("name", 1, TYPE, "a number"),
    ("name", "\x00", VALUE, "NUL"),
    ("metadata", "x", TYPE, "a string"),
    ("metadata", {"a": 1.5}, TYPE, "a number", "metadata.a"),
    ("metadata", FULL_METADATA, VALUE, "16 pairs"),
    ("data_source", REMOVED, MISSING, "data_source"),
    ("data_source", None, TYPE, "null"),
    ("data_source", [], TYPE, "an array"),
    ("data_source", {}, MISSING, "type", "data_source.type"),
    ("data_source.type", "csv", VALUE, "Known types: jsonl, completions, responses"),
    ("data_source.type", None, TYPE, "null"),
    (IN_SOURCE, REMOVED, MISSING, "source"),
    (IN_SOURCE, None, TYPE, "null"),
    (IN_SOURCE, "file-1", TYPE, "a string"),
    (IN_SOURCE, {}, MISSING, "type", f"{IN_SOURCE}.type"),
    (f"{IN_SOURCE}.type", "responses", VALUE, "Known types: file_content, file_id"),
    (f"{IN_SOURCE}.type", "logs", VALUE, "Known types: file_content, file_id"),
    (f"{IN_SOURCE}.content", REMOVED, MISSING, "content"),
    (f"{IN_SOURCE}.content", None, TYPE, "null"),
    (f"{IN_SOURCE}.content", {}, TYPE, "an object"),
    (f"{IN_SOURCE}.content", "x", TYPE, "a string"),
    (IN_SOURCE, {"type": "file_id"}, MISSING, "id", f"{IN_SOURCE}.id"),
    (IN_SOURCE, {"type": "file_id", "id": None}, TYPE, "null", f"{IN_SOURCE}.id"),
    (IN_SOURCE, {"type": "file_id", "id": 5}, TYPE, "a number", f"{IN_SOURCE}.id"),
    (IN_SOURCE, {"type": "file_id", "id": ""}, VALUE, "1 character", f"{IN_SOURCE}.id"),
    (IN_SOURCE, {"type": "file_id", "id": "x" * 300}, VALUE, "256", f"{IN_SOURCE}.id"),
    (IN_SOURCE, {"type": "file_id", "id": "x"}, "file_not_found", "'x'", f"{IN_SOURCE}.id"),
    (IN_SOURCE, {"type": "file_id", "id": "\x00"}, VALUE, "NUL", f"{IN_SOURCE}.id"),
    ("data_source.model", REMOVED, MISSING, "model"),
    ("data_source.model", None, MISSING, "model"),
    ("data_source.model", 4, TYPE, "a number"),
    ("data_source.model", "", VALUE, "1 character"),
    ("data_source.model", "x" * 300, VALUE, "256"),
    ("data_source.model", "gpt-4o", "model_not_found", "'gpt-4o'"),
    ("data_source.model", "scripted ", "model_not_found", "GET /v1/models"),
    ("data_source.model", "Small-1", "model_not_found", "Small-1"),
    (MESSAGES, REMOVED, MISSING, "input_messages"),
    (MESSAGES, [], TYPE, "an array"),
    (MESSAGES, "hello", TYPE, "a string"),
    (MESSAGES, {}, MISSING, "type", f"{MESSAGES}.type"),
    (f"{MESSAGES}.type", "messages", VALUE, "Known types: template, item_reference"),
    (f"{MESSAGES}.template", REMOVED, MISSING, "template"),
    (f"{MESSAGES}.template", [], VALUE, "expected at least 1 element, not 0."),
    (f"{MESSAGES}.template", {}, TYPE, "an object"),
    (
        f"{MESSAGES}.template",
        [MESSAGE] * 1001,
        VALUE,
        "expected at most 1,000 elements, not 1,001.",
    ),
    (FIRST, "x", TYPE, "a string"),
    (FIRST, None, TYPE, "null"),
    (f"{FIRST}.role", REMOVED, MISSING, "role"),
    (f"{FIRST}.role", None, TYPE, "null"),
    (f"{FIRST}.role", 1, TYPE, "a number"),
    (f"{FIRST}.content", REMOVED, MISSING, "content"),
    (f"{FIRST}.content", None, TYPE, "expected a string, not null"),
    (f"{FIRST}.content", 7, TYPE, "expected a string, not a number"),
    (f"{FIRST}.content", [None], TYPE, "expected a string, not null", f"{FIRST}.content[0]"),
    (f"{FIRST}.role", "", VALUE, "expected at least 1 character, not 0."),
    (f"{FIRST}.role", "r" * 65, VALUE, "expected at most 64 characters, not 65."),
    (f"{FIRST}.content", {}, MISSING, "type", f"{FIRST}.content.type"),
    (
        f"{FIRST}.content",
        {"type": "text", "text": "x"},
        VALUE,
        "Known types: input_text, output_text, input_image, input_audio",
        f"{FIRST}.content.type",
    ),
    (f"{FIRST}.content", {"type": "input_text"}, MISSING, "text", f"{FIRST}.content.text"),
    (
        f"{FIRST}.content",
        {"type": "input_text", "text": None},
        TYPE,
        "null",
        f"{FIRST}.content.text",
    ),
    (f"{FIRST}.content", ["x", 1], TYPE, "a number", f"{FIRST}.content[1]"),
    (f"{FIRST}.content", ["x", ["y"]], TYPE, "an array", f"{FIRST}.content[1]"),
    (f"{FIRST}.content", [{"type": "x"}], VALUE, "Known types", f"{FIRST}.content[0].type"),
    (
        f"{FIRST}.content",
        [{"type": "input_image", "image_url": {"url": "x"}}],
        TYPE,
        "an object",
        f"{FIRST}.content[0].image_url",
    ),
    (
        f"{FIRST}.content",
        {"type": "input_audio", "input_audio": {"data": "x"}},
        MISSING,
        "format",
        f"{FIRST}.content.input_audio.format",
    ),
    (MESSAGES, {"type": "item_reference"}, MISSING, "item_reference", f"{MESSAGES}.item_reference"),
    (
        MESSAGES,
        {"type": "item_reference", "item_reference": 1},
        TYPE,
        "a number",
        f"{MESSAGES}.item_reference",
    ),
    ("data_source.sampling_params", [], TYPE, "an array"),
    ("data_source.sampling_params", "x", TYPE, "a string"),
    (
        "data_source.sampling_params",
        {"temperature": "hot"},
        TYPE,
        "a string",
        "data_source.sampling_params.temperature",
    ),
    (
        "data_source.sampling_params",
        {"seed": 1.5},
        TYPE,
        "a number",
        "data_source.sampling_params.seed",
    ),
    (
        "data_source.sampling_params",
        {"max_completions_tokens": "many"},
        TYPE,
        "a string",
        "data_source.sampling_params.max_completions_tokens",
    ),
]

UPDATES: list[Row] = [row for row in EVALS if row[0] in ("name", "metadata")]


def changed(body: Any, place: str, value: Any) -> Any:
    """Give a copy of a body with another value at a place such as `a.b[0].c`."""
    body = copy.deepcopy(body)
    *path, last = [
        int(step) if step.isdecimal() else step
        for step in place.replace("[", ".").replace("]", "").split(".")
    ]
    here = body
    for step in path:
        here = here[step]
    if value is REMOVED:
        del here[last]
    else:
        here[last] = value
    return body


def named(rows: list[Row]) -> Any:
    """Give the parameters of a test, each with a name."""
    return [pytest.param(*row, *[None] * (5 - len(row)), id=_name(row)) for row in rows]


def _name(row: Row) -> str:
    return f"{row[0]}={'missing' if row[1] is REMOVED else repr(row[1])[:40]}"


def check(prepared: Prepared, path: str, body: Any, code: str, says: str, param: str) -> None:
    answer = prepared.server.ask("POST", path, body)

    check_refusal(answer, param=param, code=code, says=says)


@pytest.mark.parametrize(("place", "value", "code", "says", "param"), named(EVALS))
def test_an_eval_is_not_created(
    prepared: Prepared, place: str, value: Any, code: str, says: str, param: str | None
) -> None:
    whole = {**EVAL, "testing_criteria": [CRITERION, SIMILAR]}

    check(prepared, "/v1/evals", changed(whole, place, value), code, says, param or place)


@pytest.mark.parametrize(("place", "value", "code", "says", "param"), named(UPDATES))
def test_an_eval_is_not_updated(
    prepared: Prepared, place: str, value: Any, code: str, says: str, param: str | None
) -> None:
    path = f"/v1/evals/{prepared.eval_id}"

    check(prepared, path, changed({"name": "n"}, place, value), code, says, param or place)


@pytest.mark.parametrize(("place", "value", "code", "says", "param"), named(RUNS))
def test_a_run_is_not_created(
    prepared: Prepared, place: str, value: Any, code: str, says: str, param: str | None
) -> None:
    body = changed(sampled_run_of(ROW), place, value)

    check(prepared, prepared.runs, body, code, says, param or place)


def test_of_many_criteria_the_wrong_one_is_named(prepared: Prepared) -> None:
    criteria = [CRITERION, SIMILAR, {**SIMILAR, "type": "endpoint"}]

    answer = prepared.server.ask("POST", "/v1/evals", {**EVAL, "testing_criteria": criteria})

    check_refusal(answer, param="testing_criteria[2].type", code=VALUE, says="endpoint")


def test_a_field_of_the_name_of_a_type_is_named_in_full(prepared: Prepared) -> None:
    body = {"metadata": {"template": 1, "custom": "x"}}

    answer = prepared.server.ask("POST", f"/v1/evals/{prepared.eval_id}", body)

    check_refusal(answer, param="metadata.template", code=TYPE)


@pytest.mark.parametrize("model", ["scripted", "small-1", "small-"])
def test_a_model_that_a_pattern_covers_is_taken(prepared: Prepared, model: str) -> None:
    body = changed(sampled_run_of(ROW), "data_source.model", model)
    body = changed(body, f"{FIRST}.role", "")  # refused for another reason

    answer = prepared.server.ask("POST", prepared.runs, body)

    check_refusal(answer, param=f"{FIRST}.role", code=VALUE)
