"""Evals of the real package, imported with the command and run on the real small model.

Its texts are poor and its verdicts are chance. What is asserted is that every verdict on them is the
registry's own.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from demo.local_model import MODEL_NAME
from demo.servers import ModelServer, provider_table
from evald.openai_registry.rows import prompt_as_text
from tests.demo.brief_model import LONGEST_ANSWER
from tests.demo.conftest import served
from tests.isolation import needs_isolation
from tests.registry.made import imported
from tests.registry.meaning import meant
from tests.registry.package import verdicts, wheel
from tests.runs.making import asked, get_final, items_of
from tests.server import EvaldServer

ROWS = 2
WITHIN_S = 240
"""Much more than a run takes, for machines that do much else."""
TEXTS = {
    "born-first.dev.v0": "Match",
    "chinese_famous_novel.dev.v0": "Match",
    "anagrams.test.v1": "Match",
    "ral_to_hex.dev.v0": "Includes",
    "korean_romanization.dev.v0": "Includes",
    "sindarin-fluency.dev.v0": "Includes",
    "music_theory_scale_modes.dev.v0": "FuzzyMatch",
    "icelandic-inflection-easy.dev.v0": "JsonMatch",
}
IGNORES_CASE = "korean_romanization.dev.v0"
METAEVAL = "joke-fruits-ans-meta.dev.v0"
SAMPLED_AND_JUDGED = "joke-fruits.dev.v0"
JUDGED = "naughty_strings_graded.test.v1"
BEGUN = ["ral_to_hex.dev.v0", JUDGED]
SHORTER = [name for name in [*TEXTS, METAEVAL, SAMPLED_AND_JUDGED] if name not in BEGUN]
VERDICT_ERRORS = ("judge_label_unknown", "judge_unparseable", "judge_truncated", "judge_empty")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelServer]:
    with served("tests.registry.brief_model", tmp_path_factory) as model:
        yield model


@pytest.fixture(scope="module")
def server(model: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EvaldServer]:
    needs_isolation()
    config = provider_table(model.base_url) + "max_attempts = 1\n"
    with EvaldServer(tmp_path_factory.mktemp("evald"), config=config) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture(scope="module")
def items(server: EvaldServer) -> dict[str, list[Any]]:
    """The output items of a run of each eval: two as the command begins them, the rest made shorter."""
    options = ["--judge", MODEL_NAME, "--run", MODEL_NAME, "--limit", str(ROWS)]
    begun = imported(server, wheel(), *BEGUN, *options)
    printed = imported(server, wheel(), *SHORTER, *options, "--print")
    assert (begun.returncode, printed.returncode) == (0, 0), begun.stderr + printed.stderr
    for line in printed.stdout.splitlines():
        asked(server, "POST", *shortened(json.loads(line)))
    evals = asked(server, "GET", "/v1/evals?limit=100")["data"]
    assert sorted(each["name"] for each in evals) == sorted([*BEGUN, *SHORTER])
    runs = {
        each["name"]: asked(server, "GET", f"/v1/evals/{each['id']}/runs")["data"][0]
        for each in evals
    }
    finals = {name: get_final(server, run, WITHIN_S) for name, run in runs.items()}
    assert {run["status"] for run in finals.values()} == {"completed"}
    return {name: items_of(server, run) for name, run in runs.items()}


def shortened(body: Any) -> tuple[str, Any]:
    """Give where the body of a run is sent, and the body; the registry allows a thousand tokens."""
    if params := body["data_source"].get("sampling_params"):
        params["max_completion_tokens"] = LONGEST_ANSWER
    return f"/v1/evals/{body['eval_id']}/runs", {"data_source": body["data_source"]}


def test_every_verdict_on_a_text_is_that_of_the_registry_row_by_row(
    items: dict[str, list[Any]],
) -> None:
    rows = [(name, item) for name in TEXTS for item in items[name]]
    cases = [
        (TEXTS[name], said(item), item["datasource_item"]["ideal"], name == IGNORES_CASE)
        for name, item in rows
    ]

    ours = [item["results"][0]["passed"] for _, item in rows]

    assert len(rows) == ROWS * len(TEXTS)
    assert [item["results"][0].get("error") for _, item in rows] == [None] * len(rows)
    assert ours == verdicts(cases) == [meant(*case) for case in cases]


def test_a_metaeval_reads_the_choice_of_the_model_as_the_registry_does(
    items: dict[str, list[Any]],
) -> None:
    choices = ["Yes", "No", "Unsure"]
    found = items[METAEVAL]

    chosen = [each["datasource_item"]["choice"] for each in found]
    cases = [
        ("choice", said(item), ["classify", choices, choice], False)
        for item, choice in zip(found, chosen, strict=True)
    ]
    assert [item["results"][0]["passed"] for item in found] == verdicts(cases)
    for item in found:
        asked_for = item["sample"]["input"][0]["content"]
        assert item["datasource_item"]["completion"] in asked_for
        assert '"Yes" or "No" or "Unsure"' in asked_for


@pytest.mark.parametrize("name", [SAMPLED_AND_JUDGED, JUDGED])
def test_a_judge_gives_one_of_the_labels_or_an_error_and_saw_the_answer(
    items: dict[str, list[Any]], name: str
) -> None:
    assert len(items[name]) == ROWS
    for item in items[name]:
        (result,) = item["results"]
        answer = item["datasource_item"].get("completion") or said(item)
        assert answer in result["sample"]["input"][0]["content"]
        if "error" in result:
            assert result["error"]["code"] in VERDICT_ERRORS
        else:
            assert result["passed"] is (result["label"] == "Yes")


def test_examples_of_an_eval_are_sent_before_its_question(items: dict[str, list[Any]]) -> None:
    for item in items["anagrams.test.v1"]:
        row, sent = item["datasource_item"], item["sample"]["input"]
        assert (sent[0], sent[-1]) == (row["input"][0], row["input"][-1])
        assert len(sent) == len(row["input"]) + 2 * 5
        assert "User: " in prompt_as_text(sent)


def said(item: Any) -> str:
    """Give what the model answered."""
    answer: str = item["sample"]["output"][0]["content"]
    return answer
