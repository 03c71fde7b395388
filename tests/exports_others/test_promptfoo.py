"""The config of promptfoo: its files are data, and its asserts give evald's verdicts."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from evald.contract.graders import kept_to_criterion
from evald.contract.json_types import JsonObject
from evald.elsewhere.given import Exported, Row
from evald.elsewhere.promptfoo import promptfoo_files
from evald.graders.interface import GraderTools, graded
from evald.graders.registry import grader_for
from evald.rules.messages import chat_message, compile_messages
from evald.rules.sample import sample_namespace
from tests.exports_others.awkward import (
    CRITERIA,
    LABEL,
    PROGRAM,
    TEMPLATE,
    TEXTS,
    exported,
    string_check,
)
from tests.exports_others.outside import driven, written
from tests.exports_others.reader import rendered


async def here(function: Any, *arguments: object) -> Any:
    return function(*arguments)


async def no_model(_: object) -> Any:
    raise AssertionError("no judge is asked")


TOOLS = GraderTools(here, no_model)


async def verdicts(of: Exported, item: JsonObject, output: str) -> dict[int, tuple[bool, float]]:
    """Give what evald's own graders say, by the number of the criterion."""
    message: JsonObject = {"role": "assistant", "content": output}
    sample = sample_namespace({"choices": [{"index": 0, "message": message}]})
    found = {}
    for number, criterion in enumerate(of.criteria):
        grader = grader_for(kept_to_criterion(criterion), TOOLS)
        grade = await graded(grader, {"item": item, "sample": sample})
        found[number] = (grade.passed, grade.score)
    return found


def native(assertion: Any, texts: Any, output: str) -> bool:
    """Give what an assert of promptfoo's own says of an output."""
    value = rendered(assertion["value"], texts)
    match assertion["type"]:
        case "equals":
            return output == value
        case "not-equals":
            return output != value
        case "contains":
            assert value, "promptfoo takes no empty text here"
            return value in output
    raise AssertionError(assertion["type"])


async def test_asserts_give_the_verdicts_of_evald_on_awkward_values(tmp_path: Path) -> None:
    of = exported()
    files = promptfoo_files(of).files
    folder = written(files, tmp_path)
    asserts = yaml.safe_load(files["promptfooconfig.yaml"])["defaultTest"]["assert"]
    (own,) = (each for each in asserts if each["type"] == "python")
    tests = [json.loads(line) for line in files["tests.jsonl"].split("\n") if line]
    outputs = [*TEXTS[3:], *TEXTS[:3]]
    pairs = [(text, test) for test in tests for text in (TEXTS[test["vars"]["row"]], outputs.pop())]

    answers = driven(
        "promptfoo_driver.py",
        folder,
        [(text, {"vars": test["vars"], "config": own["config"]}) for text, test in pairs],
    )

    assert len(asserts) > 5  # five of promptfoo's own, and one for all others
    for (text, test), answer in zip(pairs, answers, strict=True):
        expected = await verdicts(of, of.rows[test["vars"]["row"]].item, text)
        names = {number: name for name, number in own["config"]["criteria"].items()}
        found = {
            number: (part["pass"], part["score"])
            for number, part in zip(names, answer["componentResults"], strict=True)
        }
        for assertion in asserts:
            if assertion is not own:
                passed = native(assertion, test["vars"]["texts"], text)
                found[int(assertion["metric"].split()[0]) - 1] = (passed, float(passed))
        assert found == expected, text
        assert answer["pass"] == all(found[number][0] for number in names)


def test_prompts_say_what_evald_asks_and_no_variable_is_a_text() -> None:
    files = promptfoo_files(exported()).files
    prompt = json.loads(files["prompt.json"])
    tests = [json.loads(line) for line in files["tests.jsonl"].split("\n") if line]
    messages = compile_messages([chat_message(message) for message in TEMPLATE])

    assert len(tests) == len(TEXTS)
    for test, row in zip(tests, exported().rows, strict=True):
        variables = test["vars"]
        assert [type(value) for value in variables.values()] == [int, dict, dict]
        asked = [
            {key: rendered(value, variables["texts"]) for key, value in message.items()}
            for message in prompt
        ]
        assert asked == messages({"item": row.item})
        assert json.loads(variables["exact"]["item"]) == row.item


def test_messages_that_stand_in_the_row_are_asked_as_they_are() -> None:
    reference = {"type": "item_reference", "item_reference": "item.messages"}
    files = promptfoo_files(exported(input_messages=reference)).files

    assert files["prompt.txt"] == "{{ exact.messages }}\n"
    for line in files["tests.jsonl"].split("\n")[:-1]:
        exact = json.loads(line)["vars"]["exact"]
        assert json.loads(exact["messages"]) == json.loads(exact["item"])["messages"]


def test_rows_whose_messages_cannot_be_made_are_left_out_and_counted() -> None:
    reference = {"type": "item_reference", "item_reference": "item.nowhere"}
    made = promptfoo_files(exported(input_messages=reference))

    assert made.files["tests.jsonl"] == ""
    assert made.notes == [f"{len(TEXTS)} rows are left out, since no messages can be made of them."]


def test_only_what_means_the_same_becomes_an_assert_of_promptfoo() -> None:
    criteria = promptfoo_files(exported()).criteria

    kinds = {each.name.split()[0]: each.why for each in criteria if "promptfoo" in each.why}
    assert kinds == {
        **dict.fromkeys(("1", "3"), "promptfoo's own `equals`"),
        **dict.fromkeys(("2", "9"), "promptfoo's own `not-equals`"),
        **dict.fromkeys(("4", "6", "7"), "promptfoo's own `contains`"),
    }


def test_what_a_model_says_beside_texts_is_left_to_evalds_grader() -> None:
    params = {"response_format": {"type": "json_object"}, "temperature": 0}
    (found,) = promptfoo_files(
        exported(string_check("eq", "{{item.answer}}"), sampling_params=params)
    ).criteria

    assert (found.how, found.why) == ("exactly", "evald's own grader")


def test_a_reference_that_cannot_be_rendered_for_a_row_is_left_to_evalds_grader() -> None:
    deep: Any = []
    for _ in range(300):
        deep = [deep]
    of = exported(string_check("eq", "{{item.deep}}"))
    files = promptfoo_files(replace(of, rows=[Row(0, {"deep": deep}, None)])).files

    (found,) = yaml.safe_load(files["promptfooconfig.yaml"])["defaultTest"]["assert"]
    assert (found["type"], len(files["tests.jsonl"].split("\n"))) == ("python", 2)


def test_names_and_sampling_params_are_no_language_of_the_config() -> None:
    params = {
        "temperature": 0.5,
        "max_tokens": 9,
        "stop": ["{{ env.KEY }}"],
        "tools": "file://x.js",
    }
    made = promptfoo_files(exported(sampling_params=params, model="m{{ env.KEY }}"))
    config = yaml.safe_load(made.files["promptfooconfig.yaml"])

    assert config["description"] == "Hostile __ env.HOME __"
    assert config["providers"] == [
        {
            "id": "openai:chat:m__ env.KEY __",
            "config": {
                "omitDefaults": True,
                "showThinking": False,
                "passthrough": {"temperature": 0.5, "max_completion_tokens": 9},
            },
        }
    ]
    assert len(made.notes) == 3
    assert "{{" not in made.files["README.md"]


def test_a_program_runs_in_a_process_of_its_own_and_says_why_it_gave_no_score(
    tmp_path: Path,
) -> None:
    files = promptfoo_files(exported(PROGRAM, model=None, input_messages=None)).files
    config: Any = {"criteria": {"1 even": 0}}
    given = [{"item": json.dumps({"question": text}), "sample": "{}"} for text in ("x", "paris")]

    answers = driven(
        "promptfoo_driver.py",
        written(files, tmp_path),
        [("", {"vars": {"exact": exact}, "config": config}) for exact in given],
    )

    assert [(each["pass"], each["reason"]) for each in answers] == [
        (True, "All criteria passed"),
        (False, "1 even: no verdict, python_exception: SystemExit: 3"),
    ]
    assert "without a sandbox" in files["README.md"]


def test_an_export_holds_nothing_of_the_eval_outside_of_its_data() -> None:
    mark = "QUITE_HOSTILE"
    named = {**PROGRAM, "source": f"def grade(sample, item): return '{mark}'"}
    labelled = {**LABEL, "name": mark, "model": mark}
    files = promptfoo_files(exported(named, labelled, string_check("eq", mark), *CRITERIA)).files

    places = {path for path, text in files.items() if mark in text}
    assert places == {"README.md", "criteria.json", "promptfooconfig.yaml"}


def test_a_criterion_that_cannot_be_read_is_named_and_not_carried() -> None:
    of = exported()
    strange: JsonObject = {"type": "similarity_of_moods", "name": "mood | x"}
    made = promptfoo_files(Exported(of.eval_id, of.name, [strange], rows=of.rows))

    (found,) = made.criteria
    assert (found.name, found.how) == ("1 mood _ x", "not carried")
    assert "| 1 mood _ x | not carried |" in made.files["README.md"]
