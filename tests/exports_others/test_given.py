"""What an export is made of: runs of every kind, read from the API's objects."""

from typing import Any

from evald.contract.json_types import JsonObject, JsonValue
from evald.elsewhere.carriage import Carried, any_carried
from evald.elsewhere.given import exported_eval, exported_run, row_of_output_item
from evald.elsewhere.promptfoo import promptfoo_files
from tests.exports_others.awkward import CRITERIA, eval_object, run_object

EVAL = eval_object(*CRITERIA)


def test_a_run_of_responses_is_asked_by_chat_completions_and_says_so() -> None:
    params: JsonObject = {"max_output_tokens": 5, "text": {"format": {"type": "json_object"}}}
    reference = {"type": "item_reference", "item_reference": "item.input"}
    changes: Any = {"type": "responses", "sampling_params": params, "input_messages": reference}
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    item: Any = {"input": [{"role": "user", "content": "x"}, call]}

    found = exported_run(EVAL, run_object(**changes), [{"item": item}])

    assert found.params == {"max_output_tokens": 5, "response_format": {"type": "json_object"}}
    assert len(found.notes) == 1
    assert '"tool_calls": [{"id": "c"' in promptfoo_files(found).files["tests.jsonl"].replace(
        '\\"', '"'
    )


def test_what_only_responses_can_say_is_left_out_and_named() -> None:
    params = {"tools": [{"type": "web_search"}]}
    changes: Any = {"type": "responses", "sampling_params": params}

    found = exported_run(EVAL, run_object(**changes), [])

    assert found.params == {}
    assert "tools of type 'web_search'" in found.notes[1]


def test_what_chat_can_say_stays_beside_what_it_cannot() -> None:
    tool: JsonObject = {"type": "function", "name": "f", "parameters": {}}
    alone: Any = {"type": "responses", "sampling_params": {"temperature": 0, "truncation": "auto"}}
    tools: list[JsonValue] = [tool, {"type": "web_search"}, {"type": "web_search"}]
    mixed: Any = {"type": "responses", "sampling_params": {"tools": tools, "tool_choice": "auto"}}
    only: Any = {
        "type": "responses",
        "sampling_params": {"top_p": 0.5, "tools": tools[1:], "tool_choice": "required"},
    }

    found = [exported_run(EVAL, run_object(**each), []) for each in (alone, mixed, only)]

    inner = {"type": "function", "function": {"name": "f", "parameters": {}}}
    assert found[0].params == {"temperature": 0}
    assert found[1].params == {"tools": [inner], "tool_choice": "auto"}
    assert found[2].params == {"top_p": 0.5}
    assert "has 'truncation': left out" in found[0].notes[1]
    assert [each.notes[1].count("web_search") for each in found[1:]] == [1, 1]


def test_samples_of_rows_are_chat_completions_whatever_they_came_as() -> None:
    message = {"type": "message", "content": [{"type": "output_text", "text": "said"}]}
    rows: list[Any] = [
        {"item": {}, "sample": {"object": "response", "output": [message]}},
        {"item": {}, "sample": {"object": "response", "output": [], "status": "failed"}},
        {"item": {}, "sample": {"output_text": "by hand"}},
        {"item": {}},
        {"item": "no object"},
    ]

    found = exported_run(EVAL, run_object(model=None), rows)

    said: list[Any] = [row.sample for row in found.rows]
    assert [row.number for row in found.rows] == [0, 2, 3]
    assert said[0]["choices"][0]["message"]["content"] == "said"
    assert said[1:] == [{"output_text": "by hand"}, {}]
    one = exported_run(EVAL, run_object(model=None), rows[-1:])
    assert one.notes == ["1 row is left out, since it has no item or a failed sample."]
    assert found.notes == ["2 rows are left out, since they have no item or a failed sample."]


def test_an_output_item_gives_its_row_back_with_the_message_of_its_sample() -> None:
    message: JsonObject = {"role": "assistant", "content": "4"}
    shown: JsonObject = {"output": [message], "finish_reason": "stop", "model": "m"}

    row = row_of_output_item({"datasource_item": {"q": 1}, "sample": shown})

    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    assert row == {"item": {"q": 1}, "sample": {"choices": [choice], "model": "m"}}


def test_an_eval_without_a_run_gives_its_criteria_alone() -> None:
    files = promptfoo_files(exported_eval(EVAL)).files

    assert "tests.jsonl" not in files
    assert "promptfoo's own" not in files["README.md"]  # its rows are not known
    assert "The eval has no run" in files["README.md"]


def test_something_is_carried_unless_every_criterion_is_not() -> None:
    lost = Carried("1 x", "not carried", "it cannot be read")

    assert [any_carried(each) for each in ([], [lost], [lost, Carried("2", "nearly", "")])] == [
        True,
        False,
        True,
    ]
