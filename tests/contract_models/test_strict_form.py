"""The strict form of answers, as a function from JSON to JSON (contract 3.6)."""

import pytest
from hypothesis import given

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.strict import strict_form
from tests.rules.json_values import JSON_OBJECTS, JSON_VALUES

NO_ERROR: JsonObject = {"code": "", "message": ""}
RUN: JsonObject = {
    "object": "eval.run",
    "status": "queued",
    "model": None,
    "per_model_usage": None,
    "per_testing_criteria_results": None,
    "data_source": {"type": "completions", "model": None, "sampling_params": {"seed": None}},
    "metadata": None,
    "error": None,
}
STRICT_RUN: JsonObject = {
    "object": "eval.run",
    "status": "queued",
    "model": "",
    "per_model_usage": [],
    "per_testing_criteria_results": [],
    "data_source": {"type": "completions", "sampling_params": {}},
    "metadata": None,
    "error": NO_ERROR,
}


def test_a_run_without_results_has_empty_lists_an_empty_model_and_an_empty_error() -> None:
    assert strict_form(RUN) == STRICT_RUN


def test_what_a_run_has_stays() -> None:
    full: JsonObject = {
        **STRICT_RUN,
        "model": "m",
        "per_model_usage": [{"model_name": "m"}],
        "per_testing_criteria_results": [{"passed": 1}],
        "error": {"code": "invalid_rows", "message": "line 1"},
    }

    assert strict_form(full) == full


def test_a_page_has_its_objects_in_their_strict_form_and_no_null_id() -> None:
    page: JsonObject = {"object": "list", "first_id": None, "data": [RUN, RUN], "has_more": False}

    assert strict_form(page) == {**page, "first_id": "", "data": [STRICT_RUN, STRICT_RUN]}


@pytest.mark.parametrize("given_number", [None, 0, 7])
def test_a_sample_has_numbers_and_an_error(given_number: int | None) -> None:
    numbers: JsonObject = dict.fromkeys(
        ("seed", "max_completions_tokens", "max_completion_tokens"), given_number
    )
    item: JsonObject = {
        "object": "eval.run.output_item",
        "datasource_item": {"error": None, "seed": None},
        "results": [{"name": "n", "sample": None}],
        "sample": {"error": None, **numbers, "temperature": 1.0},
    }

    shown: JsonObject = dict.fromkeys(numbers, given_number or 0)
    assert strict_form(item) == {
        **item,
        "sample": {"error": NO_ERROR, **shown, "temperature": 1.0},
    }


@pytest.mark.parametrize(("role", "shown"), [("tool", "tool"), (5, "5"), (None, "null")])
def test_the_messages_of_a_sample_keep_their_roles_as_texts(role: JsonValue, shown: str) -> None:
    sample: JsonObject = {"input": [{"role": role, "content": "c"}]}

    item = strict_form({"object": "eval.run.output_item", "sample": sample})

    assert isinstance(item, dict)
    assert isinstance(item["sample"], dict)
    assert item["sample"]["input"] == [{"role": shown, "content": "c"}]


ROLES = {"tool": "user", "": "user", "assistant": "assistant", "developer": "developer"}


@pytest.mark.parametrize(("role", "shown"), ROLES.items())
def test_a_judge_is_asked_by_the_roles_of_the_schema_alone(role: str, shown: str) -> None:
    def criterion(role: str, **also: JsonValue) -> JsonObject:
        judge: JsonObject = {
            "type": "label_model",
            "input": [{"role": role, "content": "c"}],
            **also,
        }
        return {"type": "multi", "graders": {"judge": judge}, "calculate_output": "judge"}

    live = criterion(role, sampling_params=None, range=None)
    found: JsonObject = {"object": "eval", "testing_criteria": [live, live]}

    strict = strict_form(found)

    assert isinstance(strict, dict)
    assert strict["testing_criteria"] == [criterion(shown), criterion(shown)]


def test_a_validated_multi_of_one_grader_has_it_without_a_map_under_the_name_of_its_key() -> None:
    part: JsonObject = {"type": "string_check", "name": "Same text", "input": "a"}
    multi: JsonObject = {"type": "multi", "graders": {"same": part}, "calculate_output": "same"}

    assert strict_form({"grader": multi}) == {
        "grader": {**multi, "graders": {**part, "name": "same"}}
    }


def test_a_validated_multi_of_several_graders_keeps_its_map() -> None:
    parts: JsonObject = {"a": {"type": "string_check"}, "b": {"type": "string_check"}}
    answer: JsonObject = {"grader": {"type": "multi", "graders": parts, "calculate_output": "a"}}

    assert strict_form(answer) == answer


def test_the_texts_of_a_string_check_stay() -> None:
    check: JsonObject = {"type": "string_check", "input": "{{ item.a }}", "reference": "tool"}
    found: JsonObject = {"object": "eval", "data_source_config": {}, "testing_criteria": [check]}

    assert strict_form(found) == found


@pytest.mark.parametrize(
    ("purpose", "shown"), [("evals", "user_data"), ("fine-tune", "fine-tune"), ("batch", "batch")]
)
def test_a_file_has_a_purpose_of_the_schema_and_no_null(purpose: str, shown: str) -> None:
    file: JsonObject = {"object": "file", "purpose": purpose, "expires_at": None, "bytes": 0}

    assert strict_form(file) == {"object": "file", "purpose": shown, "bytes": 0}


OTHERS: list[JsonValue] = [
    {"error": {"message": "no", "type": "server_error", "param": None, "code": None}},
    {"object": "file", "id": "file-1", "deleted": True},
    {"object": "eval.deleted", "eval_id": None},
    {"object": ["eval"], "error": None},
    {"object": "model", "created": None},
    None,
    [{"object": "eval.run", "error": None}],
    "eval",
]


@pytest.mark.parametrize("answer", OTHERS, ids=str)
def test_an_answer_without_another_form_stays_as_it_is(answer: JsonValue) -> None:
    assert strict_form(answer) == answer


KINDS = ("list", "eval", "eval.run", "eval.run.output_item", "file", "model")


@pytest.mark.parametrize("kind", KINDS)
@given(keys=JSON_OBJECTS, data=JSON_VALUES)
def test_a_strict_answer_is_its_own_strict_form(
    kind: str, keys: JsonObject, data: JsonValue
) -> None:
    parts = ("data", "sample", "data_source", "data_source_config", "testing_criteria", "error")
    strict = strict_form({**keys, **dict.fromkeys(parts, data), "object": kind})

    assert strict_form(strict) == strict


@given(item=JSON_OBJECTS)
def test_a_row_is_never_changed(item: JsonObject) -> None:
    source: JsonObject = {"type": "file_content", "content": [{"item": item}]}
    shown = strict_form({"object": "eval.run.output_item", "datasource_item": item})
    run = strict_form({**RUN, "data_source": {"type": "jsonl", "source": source}})

    assert isinstance(shown, dict)
    assert isinstance(run, dict)
    assert shown["datasource_item"] == item
    assert run["data_source"] == {"type": "jsonl", "source": source}
