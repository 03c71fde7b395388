"""Responses that go on from one another, as clients see them: what is told, and what is missing."""

import json
from itertools import count
from typing import Any

import pytest

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_responses import Chain, ResponseFilter, Turn
from evald.data_sources import stored_responses as source
from evald.errors import BadRequest
from evald.store.stored_responses import LoggedResponse
from tests.capture.test_import import imported, jsonl, response
from tests.capture.test_responses import ask
from tests.model_server.client import ModelServer
from tests.runs.making import asked, get_final, items_of
from tests.server import EvaldServer

_numbers = count()


def texts(server: EvaldServer, response_id: str) -> tuple[list[str], Any]:
    """Give the texts of the input items of a response, and what evald says beside them."""
    page = server.ask("GET", f"/v1/responses/{response_id}/input_items?order=asc").json
    return [item["content"][0]["text"] for item in page["data"]], page.get("evald")


def run_over(server: EvaldServer, metadata: Any) -> list[Any]:
    """Give the rows of a run over the responses with this metadata."""
    config = {"type": "logs", "metadata": metadata}
    made = asked(
        server, "POST", "/v1/evals", {"data_source_config": config, "testing_criteria": []}
    )
    body = {"data_source": {"type": "responses", "source": {"type": "responses"}}}
    run = asked(server, "POST", f"/v1/evals/{made['id']}/runs", body)
    return [item["datasource_item"] for item in items_of(server, get_final(server, run))]


def test_a_deleted_response_is_told_nowhere_and_nobody_goes_on_from_it(
    server: EvaldServer, models: ModelServer
) -> None:
    case = {"case": f"chain-{next(_numbers)}"}
    first = ask(server, "first").json["id"]
    second = ask(server, "secret", previous_response_id=first, metadata=case).json["id"]
    third = ask(server, "third", previous_response_id=second, metadata=case).json["id"]
    whole = ["first", "first", "secret", "secret", "third"]
    assert texts(server, third) == (whole, None)
    assert [[each["content"] for each in row["input"]][-1] for row in run_over(server, case)] == [
        "secret",
        "third",
    ]
    models.reset()

    server.ask("DELETE", f"/v1/responses/{second}")

    gap = {"gap": {"response_id": second, "reason": "deleted"}}
    assert texts(server, third) == (["third"], gap)
    assert "secret" not in server.ask("GET", f"/v1/responses/{third}").body.decode()
    (row,) = run_over(server, case)
    assert row["evald"] == gap
    assert [each["content"] for each in row["input"]] == ["third"]
    refused = ask(server, "more", previous_response_id=second)
    assert (refused.status, refused.json["error"]["code"]) == (400, "previous_response_not_found")
    assert refused.json["error"]["message"] == f"Previous response with id '{second}' not found."
    assert models.stats().started == 0


def test_what_was_said_elsewhere_is_said_to_be_missing(
    server: EvaldServer, models: ModelServer
) -> None:
    made = ask(server, "here", previous_response_id="resp_elsewhere").json["id"]

    assert texts(server, made) == (
        ["here"],
        {"gap": {"response_id": "resp_elsewhere", "reason": "not_stored"}},
    )


def test_responses_of_a_log_may_come_in_any_order_and_even_run_in_a_circle(
    server: EvaldServer,
) -> None:
    case = {"case": f"chain-{next(_numbers)}"}
    one, two, three = (
        response(f"said {name}", input=f"asked {name}", metadata=case)
        for name in ("one", "two", "three")
    )
    two["previous_response_id"], three["previous_response_id"] = one["id"], two["id"]
    body = jsonl(three, two, one)
    assert imported(server, body).json["imported"] == 3

    asked_and_said = ["asked one", "said one", "asked two", "said two", "asked three"]
    assert texts(server, three["id"]) == (asked_and_said, None)

    server.ask("DELETE", f"/v1/responses/{one['id']}")
    one["previous_response_id"] = three["id"]
    assert imported(server, jsonl(one, two)).json["imported"] == 1
    gap = {"gap": {"response_id": three["id"], "reason": "loop"}}
    assert texts(server, three["id"]) == (asked_and_said, gap)
    assert {len(row["input"]) for row in run_over(server, case)} == {5}


def test_the_items_of_a_chain_are_paged_by_ids_that_stay(
    server: EvaldServer, models: ModelServer
) -> None:
    first = ask(server, "first").json["id"]
    second = ask(server, "second", previous_response_id=first).json["id"]
    third = ask(server, "third", previous_response_id=second).json["id"]
    path = f"/v1/responses/{third}/input_items?limit=1"
    last = server.ask("GET", path).json
    assert (last["data"][0]["content"][0]["text"], last["has_more"]) == ("third", True)
    before = server.ask("GET", f"{path}&after={last['last_id']}").json

    server.ask("DELETE", f"/v1/responses/{first}")

    again = server.ask("GET", f"{path}&after={last['last_id']}").json
    assert again["data"] == before["data"]
    assert again["evald"]["gap"]["response_id"] == first


def test_a_run_whose_rows_repeat_too_much_of_the_past_is_refused() -> None:
    long = Turn("resp_1", f'["{"x" * (64 * 1024 * 1024)}"]', '{"output":[]}')
    last = Turn("resp_2", '[{"role":"user","content":"go on"}]', json.dumps({"output": []}))
    logs = source.logged_responses(ResponseFilter(DEFAULT_PROJECT), with_samples=False)
    each = LoggedResponse((1, 1), Chain((long, last), None))

    for _ in range(7):
        logs.row(each)

    with pytest.raises(BadRequest, match="is longer than 512 MB, as each row has all of it"):
        logs.row(each)
