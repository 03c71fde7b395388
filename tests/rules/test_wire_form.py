"""What the Python SDK dumped has the keys of the API again, and what the API sent stays as it is."""

import json
from typing import Any

from hypothesis import given

from evald.rules.wire_form import wire_form
from tests.importing.making import new_archive
from tests.rules.json_values import JSON_VALUES

FORMAT = {"type": "json_schema", "json_schema": {"name": "a", "schema_": {"type": "object"}}}
TEXT = {"format": {"type": "json_schema", "name": "a", "schema_": {}}, "verbosity": None}
PART = {"type": "input_text", "text": "hi", "prompt_cache_breakpoint": None}
TEXT_PART = {"type": "input_text", "text": "hi"}


def test_what_the_api_sent_stays_as_it_is() -> None:
    archive = new_archive()

    assert [wire_form(each) for each in archive.whole] == archive.whole


def test_a_dumped_eval_has_a_schema_and_criteria_without_nulls() -> None:
    judge: Any = {
        "type": "score_model",
        "input": [{"role": "user", "content": [PART, "hi"]}],
        "range": None,
        "sampling_params": {"seed": None, "top_p": 0.5},
    }
    multi: Any = {"type": "multi", "graders": {"a": {"input": [{"role": "user", "content": PART}]}}}
    config = {"type": "custom", "schema_": {"a": None}}
    dumped: Any = {
        "object": "eval",
        "data_source_config": config,
        "testing_criteria": [judge, multi],
    }

    assert wire_form(dumped) == {
        "object": "eval",
        "data_source_config": {"type": "custom", "schema": {"a": None}},
        "testing_criteria": [
            {
                "type": "score_model",
                "input": [{"role": "user", "content": [TEXT_PART, "hi"]}],
                "sampling_params": {"top_p": 0.5},
            },
            {
                "type": "multi",
                "graders": {"a": {"input": [{"role": "user", "content": TEXT_PART}]}},
            },
        ],
    }


def test_nulls_that_the_api_sent_stay() -> None:
    label: Any = {"type": "label_model", "input": [], "sampling_params": None}
    sent: Any = {
        "object": "eval",
        "data_source_config": {"schema": {}},
        "testing_criteria": [label],
    }

    assert wire_form(sent) == sent


def test_a_dumped_run_has_names_of_models_and_schemas() -> None:
    template = {"type": "template", "template": [{"role": "user", "content": PART}]}
    dumped: Any = {
        "object": "eval.run",
        "per_model_usage": [{"run_model_name": "m", "total_tokens": 3}],
        "data_source": {
            "type": "responses",
            "input_messages": template,
            "sampling_params": {"response_format": FORMAT, "text": TEXT, "seed": None},
        },
    }

    source: Any = wire_form(dumped)["data_source"]

    assert wire_form(dumped)["per_model_usage"] == [{"model_name": "m", "total_tokens": 3}]
    assert source["input_messages"]["template"] == [{"role": "user", "content": TEXT_PART}]
    assert source["sampling_params"] == {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}},
        },
        "text": {"format": {"type": "json_schema", "name": "a", "schema": {}}, "verbosity": None},
        "seed": None,
    }


def test_results_of_a_dumped_item_have_no_type_that_is_null() -> None:
    dumped: Any = {
        "object": "eval.run.output_item",
        "results": [{"name": "a", "type": None}, {"name": "b", "type": "python"}, 7],
    }

    assert wire_form(dumped)["results"] == [{"name": "a"}, {"name": "b", "type": "python"}, 7]


@given(JSON_VALUES)
def test_whatever_stands_in_an_object_it_has_a_wire_form_that_stays(value: Any) -> None:
    for kind in ("eval", "eval.run", "eval.run.output_item", "odd"):
        keys = (
            *("data_source_config", "testing_criteria", "per_model_usage", "data_source"),
            *("results", "sample"),
        )
        once = wire_form({"object": kind, **dict.fromkeys(keys, value)})

        assert wire_form(once) == once
        json.dumps(once)
