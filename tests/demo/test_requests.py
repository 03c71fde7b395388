"""The requests of real clients, replayed with the official SDK and answered by the real small model.

Only what holds with any model is asserted: its texts are poor, and its verdicts are chance.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from demo.servers import ModelServer, provider_table
from tests.contract.replay import FOLDER, NOT_REPLAYED
from tests.contract.sdk_replay import SdkReplay
from tests.contract.test_replay import NEEDS_STEPS, steps_of
from tests.contract.test_sdk_replay import assert_reads_the_items, final_runs
from tests.demo.judging import check_form, check_result, check_sample
from tests.graders.metrics.small_wordnet import write_small_wordnet
from tests.runs.invariants import check
from tests.runs.making import asked, path_of
from tests.server import CHECKOUT, EvaldServer, FreshServer
from tests.waiting import until

WITHIN_S = 240
"""Much more than a run takes, for machines that do much else."""

MANY = 60
"""Of so many results of judges some are verdicts, be they chance."""

WHOLE = {
    "agentevals_ephemeral.json",
    "all_grader_types.json",
    "azure_foundry_openai_graders.json",
    "completion_monitoring.json",
    "curl_evals4life.json",
    "java_python_grader.json",
    "litellm_passthrough.json",
    "structured_outputs.json",
    "wrapper_odd_bodies.json",
}
CANCELED = {"bulk_experimentation.json": 180}
"""So many calls of the model, for which it takes 97 s of a core. It is sent whole, and canceled."""
REFUSED = {
    "audio_inputs.json": "audio input is not supported",
    "image_inputs.json": "image input is not supported",
}
"""What a model of texts cannot be asked, and how its endpoint says so: each row is an error with it."""


@pytest.fixture(scope="module")
def server(
    brief_model: ModelServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[EvaldServer]:
    folder = tmp_path_factory.mktemp("evald")
    write_small_wordnet(folder / "nltk_data" / "corpora" / "wordnet")
    with FreshServer(
        folder,
        # What the model cannot do, it answers with a 500, as if another try could help.
        config=provider_table(brief_model.base_url) + "max_attempts = 1\n",
        environment={
            "NLTK_DATA": str(folder / "nltk_data"),
            "EVALD_EMBEDDINGS_MODEL": "embedder",
        },
    ) as server:
        yield server
        assert "Traceback" not in server.log()


@pytest.fixture
def replay(server: EvaldServer) -> Iterator[SdkReplay]:
    with OpenAI(base_url=server.base_url, api_key="not needed", max_retries=0) as client:
        yield SdkReplay(server, within=WITHIN_S, client=client)


def test_of_every_file_it_is_known_how_a_real_model_does_with_it() -> None:
    if not FOLDER.exists():
        pytest.skip(NOT_REPLAYED)
    files = {file.name: json.loads(file.read_text()) for file in FOLDER.iterdir()}

    assert files.keys() == WHOLE | CANCELED.keys() | REFUSED.keys() | NEEDS_STEPS
    assert {name for name, content in files.items() if "steps" not in content} == NEEDS_STEPS
    page = (CHECKOUT / "CONTRIBUTING.md").read_text()
    assert [name for name in files if f"`{name.removesuffix('.json')}`" not in page] == []


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_a_client_reads_what_a_real_model_made_of_its_requests(
    replay: SdkReplay, name: str
) -> None:
    steps = steps_of(name)
    send(replay, [step for step in steps if step["op"] != "evals.delete"])
    criteria, runs = at_the_end(replay)
    verdicts = [verdict for run in runs for verdict in check_run(replay, run, criteria)]

    assert any(verdicts) or len(verdicts) < MANY
    send(replay, [step for step in steps if step["op"] == "evals.delete"])


@pytest.mark.parametrize("name", sorted(CANCELED))
def test_all_the_runs_of_a_client_are_taken_at_once_and_their_cancel_frees_a_real_model(
    replay: SdkReplay, brief_model: ModelServer, name: str
) -> None:
    assert replay.client is not None
    steps = steps_of(name)
    send(replay, steps)
    runs = f"/v1/evals/{replay.named['$EVAL_ID']}/runs"
    until(brief_model.busy_slots, within=WITHIN_S)

    for run in asked(replay.server, "GET", runs)["data"]:
        replay.client.evals.runs.cancel(run["id"], eval_id=run["eval_id"])
    until(lambda: brief_model.busy_slots() == 0, within=WITHIN_S)
    criteria, ended = at_the_end(replay)

    assert len(ended) == sum(step["op"] == "runs.create" for step in steps)
    assert {run["status"] for run in ended} == {"canceled"}
    rows = sum(run["evald"]["rows"] for run in ended)
    assert rows * (1 + len(criteria)) == CANCELED[name]  # each is sampled and judged
    for run in ended:
        list(check_run(replay, run, criteria))
        page = run["report_url"].removeprefix(replay.server.url)
        assert replay.server.ask("GET", page).status == 200


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_a_model_of_texts_cannot_take_is_an_error_of_each_row(
    replay: SdkReplay, name: str
) -> None:
    assert replay.client is not None
    send(replay, steps_of(name))
    _, (run,) = at_the_end(replay)
    run, items = check(replay.server, run["eval_id"], run["id"])

    assert run["result_counts"]["errored"] == len(items) > 0
    for item in items:
        assert REFUSED[name] in item["sample"]["error"]["message"]
        assert {result["error"]["code"] for result in item["results"]} == {"no_sample"}
    (read,) = replay.client.evals.runs.list(run["eval_id"])
    assert_reads_the_items(replay.server, replay.client, read)


def send(replay: SdkReplay, steps: Any) -> None:
    outcomes = replay.all_steps(steps)
    assert [f"{each.op}: {each}" for each in outcomes if str(each)[0] != "2"] == []


def at_the_end(replay: SdkReplay) -> tuple[Any, Any]:
    """Give the eval's criteria by the names of their results, and its runs once all are final."""
    eval_id = replay.named["$EVAL_ID"]
    runs = until(lambda: final_runs(replay.server, eval_id), within=WITHIN_S)
    created = asked(replay.server, "GET", f"/v1/evals/{eval_id}")
    return {each["id"]: each for each in created["testing_criteria"]}, runs


def check_run(replay: SdkReplay, run: Any, criteria: Any) -> Iterator[bool]:
    """See that a run agrees with its items, and the SDK with both.

    Give for each result whether it has a judge's verdict.
    """
    assert replay.client is not None
    run, items = check(replay.server, run["eval_id"], run["id"])
    if run["status"] == "completed":
        read = replay.client.evals.runs.retrieve(run["id"], eval_id=run["eval_id"])
        assert_reads_the_items(replay.server, replay.client, read)
    for item in items:
        if run["data_source"].get("model"):
            check_sample(item["sample"])
            check_form(item["sample"], run["data_source"])
        for result in item["results"]:
            yield check_result(result, criteria[result["name"]])
    assert asked(replay.server, "GET", path_of(run)) == run
