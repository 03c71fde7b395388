"""The requests of real clients, replayed with the SDK for Node, and what that reads afterwards."""

from typing import Any

import pytest

from tests.contract.making import FINAL
from tests.contract.test_replay import WHOLE, steps_of
from tests.node.replay import NodeReplay
from tests.node.sdk import NodeSdk
from tests.server import EvaldServer
from tests.waiting import until


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_the_node_client_gets_through_all_its_steps(
    server: EvaldServer, node: NodeSdk, name: str
) -> None:
    replay = NodeReplay(server, node=node)

    outcomes = replay.all_steps(steps_of(name))

    assert [f"{each.op}: {each}" for each in outcomes if str(each)[0] != "2"] == []
    assert replay.complaints == []


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_the_node_client_reads_what_the_server_has(
    server: EvaldServer, node: NodeSdk, name: str
) -> None:
    replay = NodeReplay(server, node=node)
    replay.all_steps([step for step in steps_of(name) if step["op"] != "evals.delete"])
    of_eval = f"/v1/evals/{replay.named['$EVAL_ID']}"
    kept = until(lambda: final_runs(server, of_eval))

    created = node.call(server.base_url, "evals.retrieve", of_eval)
    runs = node.call(server.base_url, "runs.list", of_eval, query={"limit": 1}, every_page=True)

    assert created.read == server.ask("GET", of_eval).json
    assert runs.read == kept
    for run in kept:
        assert_reads_the_run(server, node, f"{of_eval}/runs/{run['id']}")


def final_runs(server: EvaldServer, of_eval: str) -> Any:
    runs = server.ask("GET", f"{of_eval}/runs?limit=1000").json["data"]
    return all(run["status"] in FINAL for run in runs) and runs


def assert_reads_the_run(server: EvaldServer, node: NodeSdk, path: str) -> None:
    kept = server.ask("GET", f"{path}/output_items?limit=1000").json["data"]

    run = node.call(server.base_url, "runs.retrieve", path).read
    items = node.call(
        server.base_url, "output_items.list", path, query={"limit": 1}, every_page=True
    ).read
    first = node.call(
        server.base_url, "output_items.retrieve", f"{path}/output_items/{kept[0]['id']}"
    )

    assert run == server.ask("GET", path).json
    assert run["status"] == "completed"
    assert run["report_url"].startswith(f"{server.url}/evaluations/{run['eval_id']}")
    assert run["result_counts"]["total"] == len(items)
    assert len(run["per_testing_criteria_results"]) == len(items[0]["results"])
    assert items == kept
    assert first.read == kept[0]
    for item in items:
        assert all(isinstance(each["content"], str) for each in item["sample"]["output"])
        assert all(isinstance(each["passed"], bool) for each in item["results"])
