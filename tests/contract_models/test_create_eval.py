"""The body of `POST /evals`: what is accepted, and in which words the rest is refused."""

import pytest

from evald.contract.data_source_configs import item_schema_of, kept_config
from evald.contract.evals import CreateEval, UpdateEval
from evald.contract.graders import Criterion, StringCheck, kept_criterion, kept_to_criterion
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import read_request
from tests.contract_models.bodies import (
    CUSTOM,
    SIMILARITY,
    STRING_CHECK,
    criterion_body,
    eval_body,
    refusal,
    without,
)

MISSING = "missing_required_parameter"
TYPE = "invalid_type"
VALUE = "invalid_value"


@pytest.mark.parametrize(
    ("body", "param", "code", "message"),
    [
        (None, None, TYPE, "The body must be a JSON object, not null."),
        ([], None, TYPE, "The body must be a JSON object, not an array."),
        ("{}", None, TYPE, "The body must be a JSON object, not a string."),
        (
            {},
            "data_source_config",
            MISSING,
            "Missing required parameter: 'data_source_config'.",
        ),
        (
            without(eval_body(), "testing_criteria"),
            "testing_criteria",
            MISSING,
            "Missing required parameter: 'testing_criteria'.",
        ),
        (
            eval_body(testing_criteria={}),
            "testing_criteria",
            TYPE,
            "Invalid type for 'testing_criteria': expected an array, not an object.",
        ),
        (
            eval_body(testing_criteria=None),
            "testing_criteria",
            TYPE,
            "Invalid type for 'testing_criteria': expected an array, not null.",
        ),
        (
            eval_body(name=5),
            "name",
            TYPE,
            "Invalid type for 'name': expected a string, not a number.",
        ),
        (
            eval_body(name="a\x00b"),
            "name",
            VALUE,
            "Invalid value for 'name': it cannot hold the NUL character.",
        ),
        (
            eval_body(name="a" * 1025),
            "name",
            VALUE,
            "Invalid value for 'name': a name may have 1,024 characters, not 1,025.",
        ),
        (
            eval_body(data_source_config="custom"),
            "data_source_config",
            TYPE,
            "Invalid type for 'data_source_config': expected an object, not a string.",
        ),
        (
            eval_body(data_source_config={"item_schema": {}}),
            "data_source_config.type",
            MISSING,
            "Missing required parameter: 'data_source_config.type'.",
        ),
        (
            eval_body(data_source_config={"type": "file"}),
            "data_source_config.type",
            VALUE,
            "Unknown type 'file' for 'data_source_config'. "
            "Known types: custom, logs, stored_completions.",
        ),
        (
            eval_body(data_source_config={"type": None}),
            "data_source_config.type",
            TYPE,
            "Invalid type for 'data_source_config.type': expected a string, not null.",
        ),
        (
            eval_body(data_source_config={"type": "custom"}),
            "data_source_config.item_schema",
            MISSING,
            "Missing required parameter: 'data_source_config.item_schema'.",
        ),
        (
            eval_body(data_source_config={"type": "custom", "item_schema": []}),
            "data_source_config.item_schema",
            TYPE,
            "Invalid type for 'data_source_config.item_schema': expected an object, not an array.",
        ),
        (
            eval_body(data_source_config=CUSTOM | {"include_sample_schema": "true"}),
            "data_source_config.include_sample_schema",
            TYPE,
            "Invalid type for 'data_source_config.include_sample_schema': "
            "expected a boolean, not a string.",
        ),
        (
            eval_body(data_source_config={"type": "logs", "metadata": []}),
            "data_source_config.metadata",
            TYPE,
            "Invalid type for 'data_source_config.metadata': expected an object, not an array.",
        ),
    ],
)
def test_a_wrong_body_is_refused_in_words_that_a_client_knows(
    body: JsonValue, param: str | None, code: str, message: str
) -> None:
    assert refusal(CreateEval, body) == (param, code, message)


@pytest.mark.parametrize(
    ("criterion", "param", "code", "message"),
    [
        (
            5,
            "testing_criteria[1]",
            TYPE,
            "Invalid type for 'testing_criteria[1]': expected an object, not a number.",
        ),
        (
            {},
            "testing_criteria[1].type",
            MISSING,
            "Missing required parameter: 'testing_criteria[1].type'.",
        ),
        (
            {"type": "label"},
            "testing_criteria[1].type",
            VALUE,
            "Unknown type 'label' for 'testing_criteria[1]'. "
            "Known types: string_check, text_similarity, label_model, score_model, python, multi.",
        ),
        (
            {"type": 5},
            "testing_criteria[1].type",
            TYPE,
            "Invalid type for 'testing_criteria[1].type': expected a string, not a number.",
        ),
        (
            STRING_CHECK | {"operation": "equals"},
            "testing_criteria[1].operation",
            VALUE,
            "Invalid value for 'testing_criteria[1].operation': "
            "expected 'eq', 'ne', 'like' or 'ilike'.",
        ),
        (
            STRING_CHECK | {"input": {"text": "x"}},
            "testing_criteria[1].input",
            TYPE,
            "Invalid type for 'testing_criteria[1].input': expected a string, not an object.",
        ),
        (
            SIMILARITY | {"evaluation_metric": "beauty"},
            "testing_criteria[1].evaluation_metric",
            VALUE,
            "Invalid value for 'testing_criteria[1].evaluation_metric': expected 'cosine', "
            "'fuzzy_match', 'bleu', 'gleu', 'meteor', 'rouge_1', 'rouge_2', 'rouge_3', 'rouge_4', "
            "'rouge_5' or 'rouge_l'.",
        ),
    ],
)
def test_a_wrong_criterion_is_refused_by_its_place_in_the_list(
    criterion: JsonValue, param: str, code: str, message: str
) -> None:
    assert refusal(CreateEval, criterion_body(criterion)) == (param, code, message)


@pytest.mark.parametrize(
    ("criterion", "key"),
    [(criterion, key) for criterion in (STRING_CHECK, SIMILARITY) for key in criterion],
)
def test_every_key_of_a_criterion_is_required(criterion: JsonObject, key: str) -> None:
    param, code, _ = refusal(CreateEval, criterion_body(without(criterion, key)))

    assert (param, code) == (f"testing_criteria[1].{key}", MISSING)


@pytest.mark.parametrize("threshold", ["0.8", "nan", "inf", True, None, [], {}])
def test_a_threshold_that_is_no_number_is_refused(threshold: JsonValue) -> None:
    body = criterion_body(SIMILARITY | {"pass_threshold": threshold})

    assert refusal(CreateEval, body)[:2] == ("testing_criteria[1].pass_threshold", TYPE)


@pytest.mark.parametrize("threshold", [-1, -1e-9, 1.0000001, 2, 1e300])
def test_a_threshold_that_every_or_no_similarity_reaches_is_refused(threshold: float) -> None:
    similarity = SIMILARITY | {"pass_threshold": threshold}
    multi: JsonObject = {
        "type": "multi",
        "name": "all",
        "graders": {"close": similarity},
        "calculate_output": "close",
    }

    alone = refusal(CreateEval, criterion_body(similarity))
    part = refusal(CreateEval, criterion_body(multi))

    place = "testing_criteria[1]"
    assert alone[:2] == (f"{place}.pass_threshold", VALUE)
    assert part[:2] == (f"{place}.graders.close.pass_threshold", VALUE)
    assert "outside the range from 0 to 1" in alone[2]


@pytest.mark.parametrize("threshold", [-1, 2])
def test_a_threshold_that_an_earlier_version_took_can_still_be_read(threshold: float) -> None:
    kept = SIMILARITY | {"pass_threshold": threshold, "id": "close-1"}

    assert kept_criterion(kept_to_criterion(kept), "close-1") == kept


@pytest.mark.parametrize("threshold", [0, 1, 0.8])
def test_a_threshold_is_a_number_from_0_to_1(threshold: float) -> None:
    body = criterion_body(SIMILARITY | {"pass_threshold": threshold})

    criterion = read_request(CreateEval, body).testing_criteria[1]
    assert kept_criterion(criterion, "id")["pass_threshold"] == threshold


def test_a_hundred_criteria_are_taken_and_one_more_is_refused() -> None:
    assert read_request(CreateEval, eval_body(testing_criteria=[STRING_CHECK] * 100))

    refused = refusal(CreateEval, eval_body(testing_criteria=[STRING_CHECK] * 101))
    assert refused[:2] == ("testing_criteria", VALUE)


def test_neq_is_taken_for_ne() -> None:
    body = criterion_body(STRING_CHECK | {"operation": "neq"})

    assert read_request(CreateEval, body).testing_criteria[1] == StringCheck(
        type="string_check",
        name="Correct team",
        input="{{ sample.output_text }}",
        reference="{{ item.team }}",
        operation="ne",
    )


@pytest.mark.parametrize("criterion", [STRING_CHECK, SIMILARITY])
def test_a_criterion_comes_back_from_its_kept_form(criterion: JsonObject) -> None:
    read: Criterion = read_request(CreateEval, criterion_body(criterion)).testing_criteria[1]
    kept = kept_criterion(read, "Close-1")

    assert kept == criterion | {"id": "Close-1"}
    assert kept_to_criterion(kept) == read


def test_keys_that_are_not_known_are_ignored() -> None:
    body = eval_body(share_with_openai=True, type="metadata", metadata={"type": "custom"})

    assert read_request(CreateEval, body).metadata == {"type": "custom"}


def test_no_criteria_no_name_and_no_metadata_are_accepted() -> None:
    created = read_request(CreateEval, eval_body(testing_criteria=[], name=None, metadata=None))

    assert (created.testing_criteria, created.name, created.metadata) == ([], None, None)


@pytest.mark.parametrize(
    ("metadata", "param", "code"),
    [
        ("text", "metadata", TYPE),
        ([], "metadata", TYPE),
        ({"a": 5}, "metadata.a", TYPE),
        ({"a": None}, "metadata.a", TYPE),
        ({"a": {"b": "c"}}, "metadata.a", TYPE),
        ({"custom": 5}, "metadata.custom", TYPE),
        ({"template": 5}, "metadata.template", TYPE),
        ({str(number): "" for number in range(17)}, "metadata", VALUE),
        ({"k" * 65: ""}, "metadata", VALUE),
        ({"k": "v" * 513}, "metadata", VALUE),
    ],
)
@pytest.mark.parametrize("model", [CreateEval, UpdateEval])
def test_metadata_beyond_the_limits_is_refused(
    model: type[CreateEval], metadata: JsonValue, param: str, code: str
) -> None:
    assert refusal(model, eval_body(metadata=metadata))[:2] == (param, code)


def test_metadata_at_the_limits_is_accepted() -> None:
    metadata: JsonValue = {f"{number:064}": "é" * 512 for number in range(16)}

    assert read_request(CreateEval, eval_body(metadata=metadata)).metadata == metadata


def test_a_custom_config_is_kept_as_the_schema_of_a_row() -> None:
    read = read_request(CreateEval, eval_body()).data_source_config

    kept = kept_config(read)

    assert kept == {
        "type": "custom",
        "schema": {
            "type": "object",
            "properties": {"item": {"type": "object"}},
            "required": ["item"],
        },
    }
    assert item_schema_of(kept) == {"type": "object"}


def test_a_config_with_a_sample_asks_for_one() -> None:
    body = eval_body(data_source_config=CUSTOM | {"include_sample_schema": True})

    schema = kept_config(read_request(CreateEval, body).data_source_config)["schema"]

    assert schema == {
        "type": "object",
        "properties": {"item": {"type": "object"}, "sample": {"type": "object"}},
        "required": ["item", "sample"],
    }


@pytest.mark.parametrize("kind", ["logs", "stored_completions"])
def test_a_logs_config_keeps_the_name_it_was_given(kind: str) -> None:
    body = eval_body(data_source_config={"type": kind, "metadata": {"usecase": ["a", 1]}})

    kept = kept_config(read_request(CreateEval, body).data_source_config)

    assert (kept["type"], kept["metadata"]) == (kind, {"usecase": ["a", 1]})
    assert item_schema_of(kept) == {"type": "object"}


@pytest.mark.parametrize("key", ["schema", "properties"])
def test_an_item_schema_with_keys_of_its_own_is_found_again(key: str) -> None:
    schema: JsonObject = {key: {"item": {"type": "string"}}}
    body = eval_body(data_source_config={"type": "custom", "item_schema": schema})

    assert item_schema_of(kept_config(read_request(CreateEval, body).data_source_config)) == schema


def test_an_update_tells_null_from_absent() -> None:
    assert read_request(UpdateEval, {}).model_fields_set == set()
    assert read_request(UpdateEval, {"metadata": None}).model_fields_set == {"metadata"}
