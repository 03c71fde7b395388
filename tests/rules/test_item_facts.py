"""The facts of items: numbers, outcomes and reasons, whatever an item holds."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.item_facts import facts_of, read_eval
from evald.rules.item_tags import field_tag, status_tag, verdict_tag
from evald.rules.verdict import ITEM_STATUSES, ItemStatus
from tests.rules.json_values import JSON_VALUES

CRITERIA: list[JsonValue] = [
    {
        "id": "team-1",
        "name": "Correct team",
        "type": "string_check",
        "operation": "eq",
        "input": "{{ sample.output_text }}",
        "reference": "{{ item.team }}",
    },
    {"id": "tone-1", "name": "Tone", "type": "score_model", "range": [0, 10]},
]
OF_EVAL = read_eval(CRITERIA)


def body(**changes: Any) -> JsonObject:
    return {
        "datasource_item": {"team": "technical", "number": 7, "tags": ["a"]},
        "results": [result("team-1"), result("tone-1", score=8.123456789012)],
        "sample": {
            "input": [
                {"role": "user", "content": "Which team?"},
                {"role": "tool", "content": "no"},
            ],
            "output": [{"role": "assistant", "content": "Billing", "tool_calls": None}],
            "usage": {"total_tokens": 12},
        },
        "evald": {"latency_ms": 20.5, "attempts": 3},
        **changes,
    }


def result(name: str, **changes: Any) -> JsonObject:
    return {"name": name, "passed": True, "score": 1.0, **changes}


def test_an_item_has_these_facts() -> None:
    facts = facts_of(5, "pass", body(), OF_EVAL)

    assert (facts.outcomes, facts.verdicts) == (("passed", "passed"), 0b0101)
    assert facts.scores == (1.0, 8.12345679)
    assert (facts.latency_ms, facts.tokens, facts.retries) == (20.5, 12, 2)
    assert facts.words == "which team technical 7 a billing"
    assert facts.reason is None
    assert {
        status_tag(5, "pass"),
        verdict_tag(5, 1, "passed"),
        field_tag(5, "team", "technical"),
        field_tag(5, "number", "7"),
    } <= set(facts.tags)


def test_what_errored_has_no_score_and_no_latency() -> None:
    broken = result("tone-1", passed=False, score=0, error={"message": "no verdict"})
    sample = {"error": {"message": "Timed out after 30 s."}, "usage": {"total_tokens": 0}}

    facts = facts_of(5, "error", body(results=[broken], sample=sample), OF_EVAL)

    assert (facts.outcomes, facts.scores) == ((None, "errored"), (None, None))
    assert (facts.latency_ms, facts.tokens) == (None, None)


@pytest.mark.parametrize(
    ("status", "changes", "label"),
    [
        (
            "fail",
            {"results": [result("team-1", passed=False, score=0)]},
            'Correct team: expected "technical", got "Billing"',
        ),
        (
            "fail",
            {"results": [result("tone-1", passed=False, score=4)]},
            "Tone: score below 5",
        ),
        (
            "fail",
            {"results": [result("tone-1", passed=False, label="rude")]},
            'Tone: label "rude"',
        ),
        ("fail", {"results": [result("tone-1", passed=False, score=None)]}, "Tone"),
        ("fail", {"results": [result("Other", passed=False)]}, "Other"),
        ("error", {"results": [result("tone-1", error={"code": "timeout"})]}, "timeout"),
        ("error", {"sample": {"error": {"message": "a\n b\x00\ud800"}}}, "a b?"),
        ("error", {}, "Errored without a reason"),
    ],
)
def test_an_item_has_this_reason(status: ItemStatus, changes: dict[str, Any], label: str) -> None:
    reason = facts_of(5, status, body(**changes), OF_EVAL).reason

    assert reason is not None
    assert (reason.status, reason.label) == (status, label)


def test_errors_that_differ_in_a_number_have_one_key() -> None:
    keys = {
        reason.key
        for seconds in (1, 25)
        if (
            reason := facts_of(
                5, "error", {"sample": {"error": {"message": f"wait {seconds} s"}}}, OF_EVAL
            ).reason
        )
    }

    assert len(keys) == 1


def objects(*names: str) -> st.SearchStrategy[JsonObject]:
    """Give objects that have anything under some of these names."""
    values = JSON_VALUES | st.sampled_from(["tone-1", "team-1"])
    return st.dictionaries(st.sampled_from(names), values)


results = st.lists(objects("name", "passed", "score", "error", "label"))
items = st.fixed_dictionaries(
    {},
    optional={
        "datasource_item": JSON_VALUES,
        "results": JSON_VALUES | results,
        "sample": JSON_VALUES | objects("input", "output", "usage", "error"),
        "evald": JSON_VALUES | objects("latency_ms", "attempts"),
    },
)


@given(items, st.sampled_from(ITEM_STATUSES))
def test_facts_are_found_whatever_an_item_holds(item: JsonObject, status: ItemStatus) -> None:
    facts = facts_of(5, status, item, OF_EVAL)

    orjson.dumps([facts.words, *facts.tags, facts.scores])
    assert (facts.reason is None) == (status == "pass")
    assert "\x00" not in facts.words
