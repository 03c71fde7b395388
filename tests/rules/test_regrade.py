"""A saved output item as a row that is graded again."""

from typing import Any

import pytest

from evald.contract.json_types import JsonObject
from evald.rules.messages import flat_messages
from evald.rules.regrade import NO_SAMPLE, error_of, messages_of, params_of, row_to_regrade
from evald.rules.sample import first_message, sample_namespace, shown_sample

CALL: JsonObject = {"id": "c", "type": "function", "function": {"name": "find", "arguments": "{}"}}


def completion(message: Any, **also: Any) -> JsonObject:
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    usage = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
    return {"model": "m", "choices": [choice], "usage": usage, **also}


def saved(sample: JsonObject | None, error: JsonObject | None = None) -> JsonObject:
    """Give the item that a run saves of a sample."""
    asked: JsonObject = {"role": "user", "content": "q"}
    params: JsonObject = {"temperature": 0.5, "seed": 7, "max_tokens": 9}
    shown = shown_sample(sample, messages=[asked], sampling_params=params, error=error)
    return {"id": "outputitem_1", "datasource_item": {"a": 1}, "sample": shown}


def shown_again(item: JsonObject) -> JsonObject:
    """Give what an item shows when the sample that another one shows is graded again."""
    row = row_to_regrade(item, None, may_lack_sample=False)
    told: Any = row["regraded"]
    sample: Any = row.get("sample")
    return shown_sample(
        sample, messages=messages_of(told), sampling_params=params_of(told), error=error_of(told)
    )


MESSAGES: list[JsonObject] = [
    {"role": "assistant", "content": "text"},
    {"role": "assistant", "content": ""},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "assistant", "content": None, "refusal": "I will not"},
    {"role": "assistant", "content": "a", "reasoning_content": "because"},
]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_sample_that_is_graded_again_is_shown_as_it_was(message: JsonObject) -> None:
    item = saved(completion(message))

    assert shown_again(item) == item["sample"]


@pytest.mark.parametrize("message", MESSAGES)
def test_templates_see_the_same_text_and_the_same_calls(message: JsonObject) -> None:
    was = completion(message)
    row = row_to_regrade(saved(was), None, may_lack_sample=False)

    again: Any = row["sample"]
    for name in ("output_text", "output_tools", "output_json", "model"):
        assert sample_namespace(again).get(name) == sample_namespace(was).get(name)


def test_a_row_whose_sampling_failed_has_its_error_and_no_sample() -> None:
    error: JsonObject = {"code": "upstream_error", "message": "no"}

    row = row_to_regrade(saved(None, error), {"output_text": "x"}, may_lack_sample=True)

    assert "sample" not in row
    assert row["regraded"]["error"] == error  # type: ignore[index,call-overload]


def test_a_row_without_a_sample_is_an_error_unless_its_run_wanted_none() -> None:
    item = saved(None)

    wanted = row_to_regrade(item, None, may_lack_sample=False)
    none_wanted = row_to_regrade(item, None, may_lack_sample=True)

    assert error_of(wanted["regraded"]) == NO_SAMPLE  # type: ignore[arg-type]
    assert error_of(none_wanted["regraded"]) is None  # type: ignore[arg-type]
    assert ("sample" in wanted, "sample" in none_wanted) == (False, False)


def test_a_sample_that_the_row_brought_is_taken_as_it_was() -> None:
    brought: JsonObject = {"output_text": "text", "mark": 1}

    row = row_to_regrade(saved(brought), brought, may_lack_sample=True)

    assert row["sample"] == brought


def test_the_empty_error_of_the_strict_form_is_none() -> None:
    item = saved(completion(MESSAGES[0]), {"code": "", "message": ""})

    assert "sample" in row_to_regrade(item, None, may_lack_sample=False)


def test_several_messages_of_elsewhere_become_one_with_their_calls() -> None:
    output: list[Any] = [
        {"role": "assistant", "content": "first "},
        {"role": "assistant", "content": "second", "tool_calls": [CALL]},
    ]
    item: JsonObject = {"datasource_item": {}, "sample": {"output": output}}

    sample: Any = row_to_regrade(item, None, may_lack_sample=False)["sample"]

    assert first_message(sample)["content"] == "first second"
    assert first_message(sample)["tool_calls"] == [CALL]


@pytest.mark.parametrize(
    "sample", [None, {}, "odd", {"output": "odd", "input": 5}, {"output": [1]}]
)
def test_an_item_of_elsewhere_without_a_sample_is_no_crash_and_no_score(sample: Any) -> None:
    row = row_to_regrade({"sample": sample}, None, may_lack_sample=False)

    told: Any = row["regraded"]
    assert error_of(told) == NO_SAMPLE
    assert (messages_of(told), params_of(told)) == ([], {})
    assert flat_messages(messages_of(told)) == []
