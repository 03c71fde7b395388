"""Requests of real clients, replayed."""

import json
from typing import Any

import openai
import pytest

from tests.contract.making import completed, completions, items_of, jsonl, new_eval, row
from tests.contract.replay import FOLDER, NOT_REPLAYED, Replay
from tests.isolation import needs_isolation
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.server import EvaldServer

NEEDS_STEPS = {"observed_output_item.json", "export_archive_shapes.json"}
"""They hold answers and archives; there is nothing to send in them."""

WHOLE = {
    "agentevals_ephemeral.json",
    "all_grader_types.json",
    "audio_inputs.json",
    "azure_foundry_openai_graders.json",
    "bulk_experimentation.json",
    "completion_monitoring.json",
    "curl_evals4life.json",
    "image_inputs.json",
    "java_python_grader.json",
    "litellm_passthrough.json",
    "structured_outputs.json",
    "wrapper_odd_bodies.json",
}


def steps_of(name: str) -> Any:
    if not FOLDER.exists():
        pytest.skip(NOT_REPLAYED)
    steps = json.loads((FOLDER / name).read_text())["steps"]
    if '"type": "python"' in json.dumps(steps):
        needs_isolation()
    return [*second_prompt(steps[0]), *steps] if name == "completion_monitoring.json" else steps


def second_prompt(step: Any) -> Any:
    """Give what this client also sends, and its file leaves out: the same with its second prompt."""
    metadata = {**step["body"]["metadata"], "prompt_version": "v2"}
    return [{**step, "body": {**step["body"], "metadata": metadata}}]


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_client_gets_through_all_its_steps(server: EvaldServer, name: str) -> None:
    replay = Replay(server)

    outcomes = replay.all_steps(steps_of(name))

    assert [f"{each.op}: {each}" for each in outcomes if str(each)[0] != "2"] == []
    assert replay.complaints == []


def test_every_file_of_requests_is_replayed() -> None:
    if not FOLDER.exists():
        pytest.skip(NOT_REPLAYED)

    found = {file.name for file in FOLDER.iterdir()}

    assert found == WHOLE | NEEDS_STEPS


# The live item has 4096 here when no limit was asked for, and evald null (contract 3.5).
OBSERVED_KEYS_WE_ADD = {"type", "evald", "max_completion_tokens"}


def test_an_output_item_has_the_keys_of_the_observed_one(client: openai.OpenAI) -> None:
    if not FOLDER.exists():
        pytest.skip(NOT_REPLAYED)
    observed = json.loads((FOLDER / "observed_output_item.json").read_text())["output_item"]
    run = completed(client, new_eval(client).id, completions(row("a")))

    (item,) = [each.to_dict() for each in items_of(client, run)]

    assert item.keys() - OBSERVED_KEYS_WE_ADD == observed.keys()
    assert item["sample"].keys() - OBSERVED_KEYS_WE_ADD == observed["sample"].keys()
    assert item["sample"]["usage"].keys() == observed["sample"]["usage"].keys()
    assert item["results"][0].keys() - OBSERVED_KEYS_WE_ADD == observed["results"][0].keys()


def test_the_result_of_a_judge_has_the_form_of_the_observed_one(
    client: openai.OpenAI, models: ModelServer
) -> None:
    if not FOLDER.exists():
        pytest.skip(NOT_REPLAYED)
    observed = json.loads((FOLDER / "observed_output_item.json").read_text())["output_item"]
    expected = observed["results"][0]["sample"]
    models.script(Step(text=expected["output"][0]["content"], answers_as=expected["model"]))
    steps = steps_of("image_inputs.json")
    created = new_eval(client, *steps[0]["body"]["testing_criteria"], item_schema={})
    picture = {"item": observed["datasource_item"], "sample": {"output_text": "A blue shed."}}

    run = completed(client, created.id, jsonl(picture))

    (result,) = [result for item in items_of(client, run) for result in item.to_dict()["results"]]
    assert result["sample"].keys() == expected.keys()
    for key in ("output", "finish_reason", "model", "error", "seed", "temperature", "top_p"):
        assert result["sample"][key] == expected[key]
    assert "<image>https://example.test/a.png</image>" in result["sample"]["input"][1]["content"]
    assert result["sample"]["usage"].keys() == expected["usage"].keys()
    assert (result["passed"], result["score"]) == (False, 0.0)
    assert result["name"].startswith("Score Model Grader-")
