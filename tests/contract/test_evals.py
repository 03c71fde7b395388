"""Evals: create, retrieve, update, delete (contract 2.1, 3.1, 4)."""

import re
import time
from typing import Any

import openai
import pytest

from tests.contract.making import (
    EXACT,
    ITEM_SCHEMA,
    SIMILAR,
    UUID4,
    completed,
    custom,
    jsonl,
    new_eval,
    raw,
    row,
)


def test_a_created_eval_is_answered_with_201_and_every_field(client: openai.OpenAI) -> None:
    before = int(time.time())

    answer = client.evals.with_raw_response.create(
        name="capitals",
        metadata={"team": "geo"},
        data_source_config=custom(),
        testing_criteria=[EXACT],  # type: ignore[list-item]
    )
    found = raw(answer)

    assert answer.status_code == 201
    assert re.fullmatch("eval_[0-9a-f]{32}", found["id"])
    assert before <= found.pop("created_at") <= int(time.time())
    criterion_id = found["testing_criteria"][0]["id"]
    assert re.fullmatch(f"exact-{UUID4}", criterion_id)
    assert found == {
        "object": "eval",
        "id": found["id"],
        "name": "capitals",
        "metadata": {"team": "geo"},
        "data_source_config": {
            "type": "custom",
            "schema": {
                "type": "object",
                "properties": {"item": ITEM_SCHEMA, "sample": {"type": "object"}},
                "required": ["item", "sample"],
            },
        },
        "testing_criteria": [{**EXACT, "id": criterion_id}],
    }


def test_an_eval_is_retrieved_as_it_was_created(client: openai.OpenAI) -> None:
    created = new_eval(client, EXACT, SIMILAR, name="same")

    assert client.evals.retrieve(created.id).to_dict() == created.to_dict()


def test_without_the_sample_schema_a_row_is_its_item_alone(client: openai.OpenAI) -> None:
    config: Any = {"type": "custom", "item_schema": ITEM_SCHEMA}

    created = client.evals.create(data_source_config=config, testing_criteria=[])

    assert created.data_source_config.to_dict() == {
        "type": "custom",
        "schema": {"type": "object", "properties": {"item": ITEM_SCHEMA}, "required": ["item"]},
    }


@pytest.mark.parametrize("kind", ["logs", "stored_completions"])
def test_a_config_over_captured_traffic_has_open_schemas(client: openai.OpenAI, kind: str) -> None:
    config: Any = {"type": kind, "metadata": {"usecase": "alerts", "version": 2}}

    answer = client.evals.with_raw_response.create(data_source_config=config, testing_criteria=[])

    assert raw(answer)["data_source_config"] == {
        "type": kind,
        "metadata": {"usecase": "alerts", "version": 2},
        "schema": {
            "type": "object",
            "properties": {"item": {"type": "object"}, "sample": {"type": "object"}},
            "required": ["item", "sample"],
        },
    }


def test_an_eval_without_a_name_and_metadata_gets_a_name_and_an_empty_map(
    client: openai.OpenAI,
) -> None:
    created = new_eval(client)

    assert created.name == "Untitled eval"
    assert created.metadata == {}


def test_metadata_null_is_an_empty_map(client: openai.OpenAI) -> None:
    assert new_eval(client, metadata=None).metadata == {}


def test_criteria_of_the_same_name_get_different_ids_in_the_order_sent(
    client: openai.OpenAI,
) -> None:
    created = new_eval(client, EXACT, SIMILAR, EXACT)

    found = [criterion.to_dict() for criterion in created.testing_criteria]
    assert [criterion["name"] for criterion in found] == ["exact", "close enough", "exact"]
    assert len({criterion["id"] for criterion in found}) == 3
    for criterion in found:
        assert re.fullmatch(f"{criterion['name']}-{UUID4}", str(criterion["id"]))


def test_the_operation_neq_is_kept_as_ne(client: openai.OpenAI) -> None:
    created = new_eval(client, {**EXACT, "operation": "neq"})

    assert created.testing_criteria[0].operation == "ne"


def test_a_pydantic_schema_with_references_and_titles_is_taken_as_it_is(
    client: openai.OpenAI,
) -> None:
    item_schema = {
        "$defs": {"Mail": {"title": "Mail", "type": "object", "required": []}},
        "title": "Row",
        "type": "object",
        "properties": {
            "mail": {"$ref": "#/$defs/Mail"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None},
        },
        "required": ["mail"],
    }

    created = new_eval(client, item_schema=item_schema)
    run = completed(client, created.id, jsonl({"item": {"mail": {}, "note": None}}))

    assert created.data_source_config.to_dict()["schema"]["properties"]["item"] == item_schema
    assert run.result_counts.total == 1


def test_an_update_changes_the_name_and_leaves_the_metadata(client: openai.OpenAI) -> None:
    created = new_eval(client, name="old", metadata={"team": "geo"})

    updated = client.evals.update(created.id, name="new")

    assert updated.to_dict() == {**created.to_dict(), "name": "new"}
    assert client.evals.retrieve(created.id).to_dict() == updated.to_dict()


def test_an_update_replaces_the_whole_metadata(client: openai.OpenAI) -> None:
    created = new_eval(client, name="same", metadata={"team": "geo", "stage": "test"})

    updated = client.evals.update(created.id, metadata={"stage": "done"})

    assert updated.to_dict() == {**created.to_dict(), "metadata": {"stage": "done"}}


def test_metadata_null_in_an_update_clears_it(client: openai.OpenAI) -> None:
    created = new_eval(client, name="same", metadata={"team": "geo"})

    updated = client.evals.update(created.id, metadata=None)

    assert updated.name == "same"
    assert updated.metadata == {}


def test_an_update_changes_nothing_but_name_and_metadata(client: openai.OpenAI) -> None:
    created = new_eval(client)

    updated = client.evals.update(
        created.id, extra_body={"testing_criteria": [], "id": "eval_other", "created_at": 0}
    )

    assert updated.to_dict() == created.to_dict()


def test_a_deleted_eval_is_gone_with_its_runs(client: openai.OpenAI) -> None:
    created = new_eval(client)
    run = completed(client, created.id, jsonl(row("a")))

    answer = client.evals.with_raw_response.delete(created.id)

    assert raw(answer) == {"object": "eval.deleted", "deleted": True, "eval_id": created.id}
    with pytest.raises(openai.NotFoundError):
        client.evals.retrieve(created.id)
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.retrieve(run.id, eval_id=created.id)
    with pytest.raises(openai.NotFoundError):
        client.evals.runs.output_items.list(run.id, eval_id=created.id)


FULL = {f"key {number:060}": "v" * 512 for number in range(16)}


def test_metadata_may_have_16_pairs_of_64_and_512_characters(client: openai.OpenAI) -> None:
    created = new_eval(client, metadata=FULL)
    run = client.evals.runs.create(created.id, data_source=jsonl(row("a")), metadata=FULL)

    assert client.evals.retrieve(created.id).metadata == FULL
    assert run.metadata == FULL


@pytest.mark.parametrize(
    "metadata",
    [{**FULL, "one": "more"}, {"k" * 65: "v"}, {"k": "v" * 513}, {"k": 1}, {"k": None}, ["k"]],
    ids=["17 pairs", "long key", "long value", "number", "null", "list"],
)
def test_metadata_beyond_its_limits_is_refused(client: openai.OpenAI, metadata: Any) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, metadata=metadata)

    assert str(refused.value.param).startswith("metadata")
