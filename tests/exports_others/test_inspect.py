"""The task of Inspect: a fixed program beside data, which gives evald's verdicts."""

import json
import math
from pathlib import Path
from typing import Any

from evald.elsewhere.inspect_task import inspect_files
from evald.rules.messages import compile_messages
from evald.rules.verdict import item_status
from tests.exports_others.awkward import CRITERIA, LABEL, TEMPLATE, TEXTS, exported
from tests.exports_others.outside import driven, written
from tests.exports_others.test_promptfoo import verdicts


def carried_out(folder: Path, outputs: dict[str, str], judge: str = "") -> Any:
    return driven("inspect_driver.py", folder, {"outputs": outputs, "judge": judge})


async def test_the_task_asks_and_grades_as_evald_does_on_awkward_values(tmp_path: Path) -> None:
    of = exported()
    folder = written(inspect_files(of).files, tmp_path)
    outputs = {str(number): text for number, text in enumerate([*TEXTS[1:], TEXTS[0]])}
    outputs["1"] = TEXTS[1]

    found = carried_out(folder, outputs)

    messages = compile_messages(TEMPLATE)
    assert found["config"] == {"temperature": 0.5, "max_tokens": 9}
    assert len(found["answers"]) == len(TEXTS)
    for row in of.rows:
        answer = found["answers"][str(row.number)]
        expected = await verdicts(of, row.item, outputs[str(row.number)])
        verdict, *values = answer["value"].values()
        scores = [each["score"] for each in answer["metadata"]["criteria"].values()]
        assert answer["messages"] == messages({"item": row.item})
        assert [(passed == 1, score) for passed, score in zip(values, scores, strict=True)] == [
            *expected.values()
        ]
        passed = item_status("passed" if each else "failed" for each, _ in expected.values())
        assert (answer["metadata"]["status"], verdict) == (passed, float(passed == "pass"))


def test_a_judge_without_a_verdict_leaves_the_row_without_one(tmp_path: Path) -> None:
    folder = written(inspect_files(exported(LABEL)).files, tmp_path)
    outputs = {str(number): "x" for number in range(len(TEXTS))}

    good = carried_out(folder, outputs, json.dumps({"steps": [], "result": "good"}))
    none = carried_out(folder, outputs, "I like it.")

    assert good["answers"]["0"]["value"] == {"verdict": 1.0, "1 mood": 1.0}
    assert all(math.isnan(each) for each in none["answers"]["0"]["value"].values())
    assert none["answers"]["0"]["metadata"]["status"] == "error"


def test_an_image_that_names_a_file_is_not_read(tmp_path: Path) -> None:
    image = {"type": "input_image", "image_url": "{{ item.question }}"}
    template = [{"role": "user", "content": [image]}]
    of = exported(input_messages={"type": "template", "template": template})

    found = carried_out(written(inspect_files(of).files, tmp_path), {})

    number = str(TEXTS.index("file:///etc/passwd"))
    assert found["answers"][number] == {
        "error": "An image in the messages is neither a URL nor data."
    }


def test_the_program_is_the_same_for_every_eval() -> None:
    mark = "QUITE_HOSTILE"
    files = inspect_files(exported({**LABEL, "name": mark, "model": mark}, model=mark)).files
    others = inspect_files(exported(*CRITERIA)).files

    places = {path for path, text in files.items() if mark in text}
    same = {path for path in files if files[path] == others[path]}
    assert places == {"README.md", "eval.json"}
    assert {path for path in files if path not in same} == places


def test_samples_of_rows_are_graded_and_no_model_is_asked(tmp_path: Path) -> None:
    of = exported(CRITERIA[0], model=None, input_messages=None)

    found = carried_out(written(inspect_files(of).files, tmp_path), {})

    passed = [each["value"]["verdict"] == 1 for each in found["answers"].values()]
    assert passed == [row.item["answer"] == "" for row in of.rows]


def test_a_model_name_is_no_word_of_a_shell_command() -> None:
    readme = inspect_files(exported(model="m; rm -r x")).files["README.md"]

    assert "--model 'openai/m; rm -r x' -M" in readme
