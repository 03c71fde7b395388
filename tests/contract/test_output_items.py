"""Output items: their form, their numbers, the results in them (contract 2.3, 3.3 to 3.5)."""

import re
import time
from typing import Any

import openai
import pytest

from tests.contract.making import (
    EXACT,
    SIMILAR,
    completed,
    completions,
    finished,
    ids,
    items_of,
    jsonl,
    new_eval,
    new_run,
    row,
)
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.waiting import until


def test_an_output_item_has_every_field(client: openai.OpenAI, models: ModelServer) -> None:
    models.script(Step(text="a", answers_as="scripted-2026-01-01"))
    before = int(time.time())
    run = completed(client, new_eval(client, EXACT).id, completions(row("a")))

    (item,) = [each.to_dict() for each in items_of(client, run)]

    assert re.fullmatch("outputitem_[0-9a-f]{32}", item["id"])
    assert before <= item.pop("created_at") <= int(time.time())
    assert re.fullmatch("[0-9a-f]{64}", item.pop("_datasource_item_content_hash"))
    item.pop("evald")
    usage = item["sample"].pop("usage")
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    assert item == {
        "object": "eval.run.output_item",
        "id": item["id"],
        "run_id": run.id,
        "eval_id": run.eval_id,
        "status": "pass",
        "datasource_item_id": 0,
        "datasource_item": {"question": "a", "answer": "a"},
        "results": [
            {
                "name": run.per_testing_criteria_results[0].testing_criteria,
                "type": "string_check",
                "passed": True,
                "score": 1.0,
                "sample": None,
            }
        ],
        "sample": {
            "input": [{"role": "user", "content": "a"}],
            "output": [{"role": "assistant", "content": "a"}],
            "finish_reason": "stop",
            "model": "scripted-2026-01-01",
            "error": None,
            "temperature": 1.0,
            "top_p": 1.0,
            "seed": None,
            "max_completions_tokens": None,
            "max_completion_tokens": None,
        },
    }


def test_a_retrieved_item_is_the_listed_one(client: openai.OpenAI) -> None:
    run = completed(client, new_eval(client).id, completions(row("a"), row("b")))

    for item in items_of(client, run):
        found = client.evals.runs.output_items.retrieve(item.id, eval_id=run.eval_id, run_id=run.id)
        assert found.to_dict() == item.to_dict()


def test_item_numbers_are_the_rows_from_0_without_gaps(
    client: openai.OpenAI, models: ModelServer
) -> None:
    rows = [row(f"question {number}") for number in range(300)]
    models.script_rules(Rule([Step(delay_ms=20)], contains="7"))

    run = completed(client, new_eval(client).id, completions(*rows))
    items = items_of(client, run, limit=100)

    assert [item.datasource_item_id for item in items] == list(range(300))
    assert [{"item": item.datasource_item} for item in items] == rows
    assert len(set(ids(items))) == 300


def test_results_carry_the_ids_of_the_criteria_in_their_order(client: openai.OpenAI) -> None:
    created = new_eval(client, SIMILAR, EXACT, {**EXACT, "name": "Exact, again / é"})
    run = completed(client, created.id, completions(row("a"), row("b", "x")))

    named = [criterion.to_dict()["id"] for criterion in created.testing_criteria]
    for item in items_of(client, run):
        assert [result.to_dict()["name"] for result in item.results] == named
    assert [each.testing_criteria for each in run.per_testing_criteria_results] == named


def test_a_row_passes_only_when_every_criterion_passes(client: openai.OpenAI) -> None:
    created = new_eval(client, EXACT, SIMILAR)
    near = row("the capital of France", "The capital of France.")

    run = completed(client, created.id, completions(row("a"), near, row("b", "xyz")))

    assert [item.status for item in items_of(client, run)] == ["pass", "fail", "fail"]
    passed = [[result.passed for result in item.results] for item in items_of(client, run)]
    assert passed == [[True, True], [False, True], [False, False]]


def test_a_score_lies_beside_its_verdict(client: openai.OpenAI) -> None:
    created = new_eval(client, SIMILAR, EXACT)
    run = completed(client, created.id, completions(row("abcd", "abcx"), row("a")))

    first, second = items_of(client, run)

    assert [result.score for result in second.results] == [1.0, 1.0]
    assert 0 < first.results[0].score < 0.8
    assert [result.score for result in first.results][1:] == [0.0]
    assert [result.type for result in first.results] == ["text_similarity", "string_check"]


FILTERS = [
    ("pass", ["right"]),
    ("passed", ["right"]),
    ("fail", ["wrong"]),
    ("failed", ["wrong"]),
    ("error", ["broken"]),
    ("errored", ["broken"]),
]


@pytest.mark.parametrize(("word", "expected"), FILTERS, ids=[word for word, _ in FILTERS])
def test_items_are_filtered_by_status_in_either_spelling(
    client: openai.OpenAI, models: ModelServer, word: Any, expected: list[str]
) -> None:
    models.script_rules(Rule([Step(status=400)], contains="broken"))
    rows = [row("right"), row("wrong", "x"), row("broken")]
    run = completed(client, new_eval(client).id, completions(*rows))

    found = items_of(client, run, status=word)

    assert [item.datasource_item["question"] for item in found] == expected


def test_an_unknown_status_filter_is_refused(client: openai.OpenAI) -> None:
    run = completed(client, new_eval(client).id, jsonl(row("a")))

    with pytest.raises(openai.BadRequestError) as refused:
        items_of(client, run, status="good")

    assert refused.value.param == "status"
    assert "pass" in refused.value.message


def test_items_can_be_had_in_the_order_of_the_rows(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script_rules(Rule([Step(hold="before")], contains="first"))
    rows = [row("first"), row("second"), row("third")]
    run = new_run(client, new_eval(client).id, completions(*rows))
    models.wait(held=1, finished=2)
    until(lambda: len(items_of(client, run)) == 2)
    models.release()
    finished(client, run)

    def order(**query: Any) -> list[int]:
        listing = client.evals.runs.output_items
        found = listing.list(run.id, eval_id=run.eval_id, limit=2, extra_query=query)
        return [item.datasource_item_id for item in found]

    assert order(order_by="datasource_item_id") == [0, 1, 2]
    assert order(order_by="datasource_item_id", order="desc") == [2, 1, 0]
    assert order(order_by="created_at")[-1] == 0
    assert order() == order(order_by="created_at")


def test_the_same_item_has_the_same_content_hash_in_every_run(client: openai.OpenAI) -> None:
    eval_id = new_eval(client).id
    turned = {"item": {"answer": "a", "question": "a"}}

    def content_hash(rows: Any) -> list[str]:
        items = items_of(client, completed(client, eval_id, jsonl(*rows)))
        return [item.to_dict()["_datasource_item_content_hash"] for item in items]

    first, second = content_hash([row("a"), row("b")]), content_hash([turned])
    assert first[0] == second[0]
    assert first[0] != first[1]


def test_an_items_values_come_back_exactly(client: openai.OpenAI) -> None:
    values = {
        "text": "nul \x00, \u2028, \U0001f600, </script>, {{ item.text }}",
        "whole": 2**63 - 1,
        "negative": -(2**63),
        "huge": 2**64 - 1,
        "fraction": 0.1,
        "tiny": 5e-324,
        "large": 1.7976931348623157e308,
        "none": None,
        "yes": True,
        "list": [[], {}, "", 0, -0.5],
        "": {"": ""},
    }
    run = completed(client, new_eval(client, item_schema={}).id, jsonl({"item": values}))

    (item,) = items_of(client, run)

    assert item.datasource_item == values
    kept: Any = client.evals.runs.retrieve(run.id, eval_id=run.eval_id).to_dict()
    assert kept["data_source"]["source"]["content"] == [{"item": values}]
