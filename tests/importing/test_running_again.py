"""Imported evals run again at once, and those that cannot are refused with the reason."""

from typing import Any

import pytest

from tests.importing.making import Archive, Object, all_of, fates, imported, new_archive
from tests.model_server.client import ModelServer
from tests.runs.making import create_run, get_final, given, items_of
from tests.server import Answer, EvaldServer

MISSES = {"item": {"answer": "a"}, "sample": {"output_text": "a"}}


def run_of(server: EvaldServer, archive: Archive) -> Answer:
    return server.ask("POST", archive.runs_path, {"data_source": given([MISSES])})


def judge(model: str = "gpt-4o") -> Object:
    return {
        "type": "label_model",
        "name": "tone",
        "id": "tone-1",
        "model": model,
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": {"type": "input_text", "text": "{{ item.answer }}"},
            }
        ],
        "labels": ["a", "b"],
        "passing_labels": ["a"],
        "sampling_params": None,
    }


def test_an_imported_eval_is_graded_by_the_criteria_that_it_came_with(server: EvaldServer) -> None:
    archive = new_archive()
    imported(server, *archive.whole)

    run = get_final(server, create_run(server, archive.eval_id, given([MISSES])))

    assert (run["status"], run["result_counts"]["passed"]) == ("completed", 1)
    assert "imported" not in run["evald"]
    assert items_of(server, run)[0]["results"][0]["name"] == archive.criterion_id
    listed = server.ask("GET", archive.runs_path).json["data"]
    assert [each["id"] for each in listed] == [archive.run_id, run["id"]]


def test_rows_of_a_run_are_held_against_the_schema_that_came(server: EvaldServer) -> None:
    archive = new_archive()
    item = {"type": "object", "properties": {"answer": {"type": "integer"}}}
    schema = {"type": "object", "properties": {"item": item}, "required": ["item"]}
    imported(server, archive.eval(data_source_config={"type": "custom", "schema": schema}))

    assert run_of(server, archive).json["error"]["code"] == "invalid_row"


AZURE = {"type": "azure_ai_evaluator", "name": "odd", "evaluator_name": "builtin.x"}
NO_GRADE = {"type": "python", "name": "odd", "source": "x = 1"}
EQUAL = {"type": "string_check", "name": "a", "input": "", "reference": "", "operation": "eq"}
UNREADABLE = {
    "type": "multi",
    "name": "odd",
    "graders": {"a": EQUAL},
    "calculate_output": "a +",
}


@pytest.mark.parametrize(
    ("criterion", "says"),
    [
        (AZURE, "Unknown type 'azure_ai_evaluator' for 'testing_criteria[1]'"),
        (UNREADABLE, "Invalid value for 'testing_criteria[1].calculate_output'"),
        (NO_GRADE, "Invalid value for 'testing_criteria[1].source'"),
        ({"type": "string_check", "name": 7}, "Invalid type for 'testing_criteria[1].name'"),
        ({"name": "odd"}, "Missing required parameter: 'testing_criteria[1].type'"),
    ],
    ids=["unknown type", "broken formula", "no grade", "wrong type", "no type"],
)
def test_a_criterion_that_cannot_be_graded_here_is_kept_and_its_runs_refused(
    server: EvaldServer, criterion: Object, says: str
) -> None:
    archive = new_archive()
    sound = archive.eval()["testing_criteria"]
    odd = archive.eval(testing_criteria=[*sound, criterion])

    outcome = imported(server, odd, *archive.whole[1:])

    assert fates(outcome) == all_of(1, 1, 2)
    assert [(note["line"], note["id"]) for note in outcome["notes"]] == [(1, archive.eval_id)]
    assert says in outcome["notes"][0]["message"]
    shown = server.ask("GET", f"/v1/evals/{archive.eval_id}").json["testing_criteria"]
    assert shown[0] == sound[0]
    assert {**shown[1], "id": ""} == {**criterion, "id": ""}
    refused = run_of(server, archive)
    assert refused.status == 400
    assert says in refused.json["error"]["message"]
    assert (
        server.ask("GET", f"/evaluations/{archive.eval_id}?run_id={archive.run_id}").status == 200
    )
    assert fates(imported(server, odd)) == all_of(1, 0, 0, "existing")


def test_a_config_or_a_schema_that_cannot_be_used_refuses_runs_and_not_the_eval(
    server: EvaldServer,
) -> None:
    circle = {"type": "object", "properties": {"item": {"$ref": "#"}}}
    for config, code, says in (
        (
            {"type": "azure_ai_source", "scenario": "red_team"},
            "unusable_data_source_config",
            "azure",
        ),
        ({"type": "custom", "schema": circle}, "unusable_item_schema", "item_schema"),
    ):
        archive = new_archive()

        outcome = imported(server, archive.eval(data_source_config=config), archive.run())

        assert says in outcome["notes"][0]["message"]
        shown = server.ask("GET", f"/v1/evals/{archive.eval_id}").json
        assert shown["data_source_config"] == config
        assert run_of(server, archive).json["error"]["code"] == code


def test_a_model_that_nobody_serves_is_told_and_an_alias_serves_it(
    server: EvaldServer, models: ModelServer
) -> None:
    archive = new_archive()
    criteria = [judge("gpt-3.9"), judge()]

    outcome = imported(server, archive.eval(testing_criteria=criteria))

    assert len(outcome["notes"]) == 1
    assert "testing_criteria[0].model: No provider" in outcome["notes"][0]["message"]
    assert run_of(server, archive).json["error"]["code"] == "model_not_found"
    shown = server.ask("GET", f"/v1/evals/{archive.eval_id}").json["testing_criteria"]
    assert shown == criteria


def test_what_the_python_sdk_dumped_runs_as_what_the_api_sent(server: EvaldServer) -> None:
    archive = new_archive()
    of_eval: Any = archive.eval(testing_criteria=[{**judge(), "model": "gpt-4o"}])
    config = of_eval["data_source_config"]
    config["schema_"] = config.pop("schema")
    criterion = of_eval["testing_criteria"][0]
    criterion["input"][0]["content"]["prompt_cache_breakpoint"] = None
    run: Any = archive.run()
    usage = run["per_model_usage"][0]
    usage["run_model_name"] = usage.pop("model_name")
    item: Any = archive.item(0)
    item["results"][0]["type"] = None
    item["sample"] = {**item["sample"], "max_completion_tokens": None}

    assert imported(server, of_eval, run, item)["failed"] == 0

    shown = server.ask("GET", f"/v1/evals/{archive.eval_id}").json
    assert "schema" in shown["data_source_config"]
    assert shown["testing_criteria"][0] == judge()
    shown = server.ask("GET", archive.run_path).json
    assert shown["per_model_usage"] == archive.run()["per_model_usage"]
    (shown,) = server.ask("GET", f"{archive.run_path}/output_items").json["data"]
    assert shown["results"] == archive.item(0)["results"]
    assert shown["sample"]["max_completion_tokens"] == 4096
    wire = archive.eval(testing_criteria=[judge()])
    assert fates(imported(server, wire, archive.run(), archive.item(0))) == all_of(
        1, 1, 1, "existing"
    )
