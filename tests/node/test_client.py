"""What the SDK for Node does with cancels, pages and errors."""

from typing import Any

import pytest

from tests.contract.making import EXACT, FINAL, MODEL, completions, custom, row
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.node.sdk import NodeSdk
from tests.server import EvaldServer
from tests.waiting import until

EVAL = {"data_source_config": custom(), "testing_criteria": [EXACT]}


def test_a_cancel_goes_to_its_own_path_and_gives_the_final_counts(
    server: EvaldServer, node: NodeSdk, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    of_eval = f"/v1/evals/{node.call(server.base_url, 'evals.create', body=EVAL).read['id']}"
    body = {"data_source": completions(row("a"), row("b"))}
    run = node.call(server.base_url, "runs.create", of_eval, body=body).read
    models.wait(in_flight=1)
    path = f"{of_eval}/runs/{run['id']}"

    canceled = node.call(server.base_url, "runs.cancel", path)

    assert (canceled.status, canceled.path) == (200, f"{path}/cancel")
    assert canceled.read["status"] == "canceled"
    assert canceled.read["result_counts"] == {"total": 0, "errored": 0, "failed": 0, "passed": 0}
    assert canceled.read == node.call(server.base_url, "runs.retrieve", path).read


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_follow_each_other_to_the_end(server: EvaldServer, node: NodeSdk, order: str) -> None:
    of_eval = f"/v1/evals/{node.call(server.base_url, 'evals.create', body=EVAL).read['id']}"
    rows = [row(f"question {number}") for number in range(5)]
    run = node.call(
        server.base_url, "runs.create", of_eval, body={"data_source": completions(*rows)}
    ).read
    path = f"{of_eval}/runs/{run['id']}"
    until(lambda: server.ask("GET", path).json["status"] in FINAL)

    items = node.call(
        server.base_url,
        "output_items.list",
        path,
        query={"limit": 2, "order": order},
        every_page=True,
    ).read

    asked = [item["datasource_item"]["question"] for item in items]
    assert sorted(asked) == [f"question {number}" for number in range(5)]
    kept = server.ask("GET", f"{path}/output_items?order={order}").json["data"]
    assert items == kept


CONFIG = "data_source_config"
UNKNOWN = "/v1/evals/eval_unknown"
REFUSALS: list[tuple[str, dict[str, Any], tuple[str, int, str | None, str | None]]] = [
    ("evals.retrieve", {}, ("NotFoundError", 404, None, "eval_id")),
    ("evals.create", {"body": {}}, ("BadRequestError", 400, "missing_required_parameter", CONFIG)),
    ("evals.list", {"query": {"limit": 0}}, ("BadRequestError", 400, "invalid_value", "limit")),
    ("runs.list", {"query": {}}, ("NotFoundError", 404, None, "eval_id")),
]


@pytest.mark.parametrize(("op", "also", "expected"), REFUSALS, ids=[op for op, _, _ in REFUSALS])
def test_an_error_has_its_class_and_its_words(
    server: EvaldServer,
    node: NodeSdk,
    op: str,
    also: dict[str, Any],
    expected: tuple[str, int, str | None, str | None],
) -> None:
    refused = node.call(server.base_url, op, UNKNOWN, **also)

    error = refused.read["error"]
    assert (error["class"], refused.status, error["code"], error["param"]) == expected
    assert error["type"] == "invalid_request_error"
    assert error["requestID"].startswith("req_")


def test_a_chat_completion_passes_through_and_is_found_again(
    server: EvaldServer, node: NodeSdk
) -> None:
    body = {
        "model": MODEL,
        "store": True,
        "metadata": {"by": "node"},
        "messages": [{"role": "user", "content": "Say this."}],
    }

    answered = node.call(server.base_url, "chat.completions.create", body=body).read

    assert answered["choices"][0]["message"]["content"] == "Say this."
    query = {"metadata": {"by": "node"}}
    (stored,) = node.call(
        server.base_url, "chat.completions.list", query=query, every_page=True
    ).read
    assert stored["id"] == answered["id"]
