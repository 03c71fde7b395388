"""What holds for every route: prefixes, headers, unknown keys, errors (contract 1)."""

from typing import Any

import openai
import pytest

from tests.contract.making import EXACT, completed, custom, items_of, jsonl, new_eval, new_run, row
from tests.contract.schema import REQUEST_ID
from tests.contract.watching import Watch
from tests.server import EvaldServer


@pytest.mark.parametrize("prefix", ["/v1", "", "/openai/v1"])
def test_every_route_is_served_under_every_prefix(
    server: EvaldServer, watch: Watch, prefix: str
) -> None:
    with watch.client(server.url + prefix) as client:
        created = new_eval(client)
        client.evals.update(created.id, name="renamed")
        run = completed(client, created.id, jsonl(row("a")))
        (item,) = items_of(client, run)
        client.evals.runs.output_items.retrieve(item.id, run_id=run.id, eval_id=created.id)
        client.evals.runs.cancel(run.id, eval_id=created.id)
        assert len(list(client.evals.runs.list(created.id))) == 1
        client.evals.runs.delete(run.id, eval_id=created.id)
        client.evals.delete(created.id)
        file = client.files.create(file=("a.jsonl", b'{"item": {}}'), purpose="evals")
        assert client.files.content(client.files.retrieve(file.id).id).read() == b'{"item": {}}'
        client.files.delete(file.id)
        assert client.files.list(limit=1).to_dict()["object"] == "list"
        # Another test's eval, whose criteria may be of a type that this client does not know.
        assert client.evals.list(limit=1).to_dict(warnings=False)["object"] == "list"
        assert client.models.retrieve(next(iter(client.models.list())).id).object == "model"


def test_an_eval_made_under_one_prefix_is_found_under_another(
    server: EvaldServer, watch: Watch
) -> None:
    with watch.client(server.url) as bare, watch.client(f"{server.url}/openai/v1") as azure:
        assert azure.evals.retrieve(new_eval(bare, name="shared").id).name == "shared"


ODD: Any = {
    "extra_headers": {"aoai-evals": "preview", "x-unknown": "1", "openai-organization": "org-1"},
    "extra_query": {"api-version": "preview", "unknown[deep]": "1", "before": "eval_x"},
}


def test_unknown_keys_parameters_and_headers_are_ignored(client: openai.OpenAI) -> None:
    criterion: Any = {**EXACT, "image_tag": "2025-05-08"}
    config: Any = {**custom(), "metadata": {"x": "y"}}
    created = client.evals.create(
        data_source_config=config,
        testing_criteria=[criterion],
        extra_body={"share_with_openai": True, "model": "gpt-4o", "unknown": {"deep": [None]}},
        **ODD,
    )
    data_source: Any = {**jsonl({**row("a"), "note": 1}), "unknown": 1}
    run = client.evals.runs.create(
        created.id, data_source=data_source, extra_body={"unknown": 1}, **ODD
    )

    found = [
        client.evals.retrieve(created.id, **ODD).id,
        client.evals.update(created.id, name="n", extra_body={"unknown": 1}, **ODD).id,
        client.evals.runs.retrieve(run.id, eval_id=created.id, **ODD).eval_id,
        client.evals.runs.list(created.id, **ODD).data[0].eval_id,
        client.evals.runs.cancel(run.id, eval_id=created.id, **ODD).eval_id,
    ]

    assert found == [created.id] * 5
    assert "image_tag" not in created.testing_criteria[0].to_dict()


def test_a_key_may_come_in_either_header_or_not_at_all(server: EvaldServer) -> None:
    for headers in ({}, {"api-key": "k"}, {"authorization": "Bearer k"}, {"authorization": "x"}):
        assert server.ask("GET", "/v1/evals?limit=1", headers=headers).status == 200


def test_every_answer_has_a_request_id_of_its_own(client: openai.OpenAI) -> None:
    created = [new_eval(client) for _ in range(3)]

    found = {each._request_id for each in created}
    assert len(found) == 3
    assert all(REQUEST_ID.fullmatch(str(each)) for each in found)


def test_an_error_has_its_four_keys_and_a_request_id(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        client.evals.retrieve("eval_0")

    error = missing.value
    assert error.body == {
        "message": "No eval found with id 'eval_0'.",
        "type": "invalid_request_error",
        "param": "eval_id",
        "code": None,
    }
    assert REQUEST_ID.fullmatch(str(error.request_id))


@pytest.mark.parametrize("eval_id", ["eval 0", "é/../x", "%", "a?b", "a#b", "x" * 5000])
def test_ids_with_odd_characters_are_unknown_ids(client: openai.OpenAI, eval_id: str) -> None:
    for ask in (client.evals.retrieve, client.evals.runs.list, client.evals.delete):
        with pytest.raises(openai.NotFoundError):
            ask(eval_id)


def test_a_repeated_create_makes_a_second_object(client: openai.OpenAI) -> None:
    eval_id = new_eval(client, name="same").id

    assert new_eval(client, name="same").id != eval_id
    first, second = [new_run(client, eval_id, jsonl(row("a")), name="same") for _ in range(2)]
    assert first.id != second.id


def test_a_repeated_create_under_a_key_makes_no_second_object(client: openai.OpenAI) -> None:
    named: Any = {"extra_headers": {"Idempotency-Key": "a key of the SDK's user"}}

    evals = [new_eval(client, name="same", **named) for _ in range(2)]
    runs = [new_run(client, evals[0].id, jsonl(row("a")), **named) for _ in range(2)]

    assert evals[0].to_dict() == evals[1].to_dict()
    assert runs[0].to_dict() == runs[1].to_dict()
    assert len(list(client.evals.runs.list(evals[0].id))) == 1
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, name="other", **named)
    assert refused.value.code == "idempotency_key_reused"


def test_the_server_is_healthy_and_says_its_version(server: EvaldServer) -> None:
    answer = server.ask("GET", "/healthz")

    assert (answer.status, answer.json["status"]) == (200, "ok")
    assert answer.json["version"]
