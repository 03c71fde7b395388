"""SIGKILL while something is created under an `Idempotency-Key`: a retry makes it once in all."""

from typing import Any

import pytest

from tests.crash.data import count_rows
from tests.crash.points import MinedServer, Point
from tests.model_server.client import ModelServer
from tests.runs.making import EXACT, accepted, asked, create_eval, get_final, rows, sampled

CONFIG = {"type": "custom", "item_schema": {"type": "object"}}
EVAL: Any = {"data_source_config": CONFIG, "testing_criteria": [EXACT]}
HEADERS = {"Idempotency-Key": "k"}

NOT_SAVED = [
    Point("evald.store.idempotency_keys:find_key", when="after"),
    Point("evald.store.idempotency_keys:expire_keys", 2, "after"),  # the first is that of the start
    Point("evald.store.idempotency_keys:insert_key", when="before"),
    Point("evald.store.idempotency_keys:insert_key", when="after"),
]
SAVED = [Point("evald.api.idempotency:created_once", when="after")]
SAVED_RUN = [
    Point("evald.dispatch.in_process:InProcessDispatch.wake", when="before"),
    # The eval is created before, by a request without a key.
    Point("evald.api.idempotency:created_once", 2, "after"),
]


@pytest.mark.parametrize("point", NOT_SAVED + SAVED, ids=str)
def test_an_eval_is_made_once_by_a_create_that_was_cut_off_and_its_retry(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    server.points = [point]
    server.start()

    assert die_asking(server, "/v1/evals", EVAL) is None

    assert count_rows(server, "evals") == count_rows(server, "idempotency_keys")
    assert count_rows(server, "evals") == (1 if point in SAVED else 0)
    server.restart()
    made = accepted(server.ask("POST", "/v1/evals", EVAL, HEADERS))
    assert asked(server, "GET", "/v1/evals")["data"] == [made]


@pytest.mark.parametrize("point", NOT_SAVED + SAVED_RUN, ids=str)
def test_a_run_is_made_and_carried_out_once_by_a_create_that_was_cut_off_and_its_retry(
    server: MinedServer, models: ModelServer, point: Point
) -> None:
    server.points = [point]
    server.start()
    path, body = f"/v1/evals/{create_eval(server)}/runs", {"data_source": sampled(rows(30))}

    assert die_asking(server, path, body) is None

    assert count_rows(server, "runs") == count_rows(server, "idempotency_keys")
    assert count_rows(server, "runs") == (1 if point in SAVED_RUN else 0)
    server.restart()
    made = accepted(server.ask("POST", path, body, HEADERS))
    assert (made["status"], made["result_counts"]["total"]) == ("queued", 0)
    assert get_final(server, made)["result_counts"]["total"] == 30
    assert [run["id"] for run in asked(server, "GET", path)["data"]] == [made["id"]]
    if point not in SAVED_RUN:
        assert models.stats().started == 30


def die_asking(server: MinedServer, path: str, body: object) -> Any:
    """Ask with the key for something that ends with the process; give the answer if one came."""
    answer = server.ask_and_see_it_die("POST", path, body, headers=HEADERS)
    server.died()
    return answer
