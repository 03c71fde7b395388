"""The requests of real clients, replayed with the official SDK, and what that reads afterwards."""

from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.contract.making import FINAL
from tests.contract.sdk_replay import SdkReplay
from tests.contract.test_replay import WHOLE, steps_of
from tests.contract.watching import Watch
from tests.server import EvaldServer
from tests.waiting import until


@pytest.fixture
def client(server: EvaldServer) -> Iterator[openai.OpenAI]:
    """A client whose answers are held against evald's own document alone.

    The steps list the evals of other tests too, with forms that OpenAI's document does not know.
    """
    watch = Watch(lambda: None)
    with watch.client(server.base_url) as client:
        yield client
    assert watch.complaints == []


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_the_sdk_gets_through_all_the_steps_of_a_client(
    server: EvaldServer, client: openai.OpenAI, name: str
) -> None:
    outcomes = SdkReplay(server, client=client).all_steps(steps_of(name))

    assert [f"{each.op}: {each}" for each in outcomes if str(each)[0] != "2"] == []


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_the_sdk_reads_what_the_server_has(
    server: EvaldServer, client: openai.OpenAI, name: str
) -> None:
    replay = SdkReplay(server, client=client)
    replay.all_steps([step for step in steps_of(name) if step["op"] != "evals.delete"])
    eval_id = replay.named["$EVAL_ID"]
    kept = until(lambda: final_runs(server, eval_id))

    created = client.evals.retrieve(eval_id)
    runs = list(client.evals.runs.list(eval_id, limit=1))

    assert (
        created.to_dict(mode="json", warnings=False)
        == server.ask("GET", f"/v1/evals/{eval_id}").json
    )
    assert [run.to_dict(mode="json", warnings=False) for run in runs] == kept
    for run in runs:
        assert_reads_the_items(server, client, run)


def final_runs(server: EvaldServer, eval_id: str) -> Any:
    runs = server.ask("GET", f"/v1/evals/{eval_id}/runs?limit=1000").json["data"]
    return all(run["status"] in FINAL for run in runs) and runs


def assert_reads_the_items(server: EvaldServer, client: openai.OpenAI, run: Any) -> None:
    path = f"/v1/evals/{run.eval_id}/runs/{run.id}/output_items?limit=1000"
    kept = server.ask("GET", path).json["data"]

    items = list(client.evals.runs.output_items.list(run.id, eval_id=run.eval_id, limit=1))

    assert run.status == "completed"
    assert run.report_url.startswith(f"{server.url}/evaluations/{run.eval_id}")
    assert run.result_counts.total == len(items)
    assert len(run.per_testing_criteria_results) == len(kept[0]["results"])
    assert [item.to_dict(mode="json", warnings=False) for item in items] == kept
    for item in items:
        assert all(isinstance(each.content, str) for each in item.sample.output)
