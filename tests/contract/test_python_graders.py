"""Python graders as official clients send them, and what those read afterwards (contract 6.6)."""

from typing import Any

import openai
import pytest

from tests.contract.making import MULTI, completed, completions, items_of, jsonl, new_eval, raw, row
from tests.contract.replay import Replay
from tests.contract.test_replay import steps_of
from tests.isolation import needs_isolation
from tests.server import EvaldServer

RIGHT = """
def grade(sample: dict, item: dict) -> float:
    print(sample["output_text"], "for", item["answer"])
    return 1.0 if sample["output_text"] == item["answer"] else 0.25
"""
PROGRAM: dict[str, Any] = {
    "type": "python",
    "name": "program",
    "source": RIGHT,
    "image_tag": "2025-05-08",
    "pass_threshold": 0.75,
}


@pytest.fixture(autouse=True, scope="module")
def isolated() -> None:
    needs_isolation()


def test_a_program_grades_the_samples_of_a_model(client: openai.OpenAI) -> None:
    created = new_eval(client, PROGRAM)

    run = completed(client, created.id, completions(row("a"), row("b", "c")))

    (criterion,) = created.testing_criteria
    assert criterion.to_dict() == {**PROGRAM, "id": criterion.to_dict()["id"]}
    results = [item.results[0] for item in items_of(client, run)]
    assert [(each.passed, each.score) for each in results] == [(True, 1.0), (False, 0.25)]
    assert [each.sample["output"] for each in results] == [
        [{"role": "stdout", "content": "a for a\n"}],
        [{"role": "stdout", "content": "b for c\n"}],
    ]
    assert run.result_counts.to_dict() == {"total": 2, "passed": 1, "failed": 1, "errored": 0}


def test_a_program_that_fails_is_an_errored_item(client: openai.OpenAI) -> None:
    created = new_eval(client, {**PROGRAM, "source": "def grade(s, item): return item['nothing']"})

    run = completed(client, created.id, completions(row("a")))

    (item,) = items_of(client, run)
    result = item.results[0].to_dict()
    assert (item.status, result["passed"], result["score"]) == ("error", False, 0.0)
    assert result["error"] == {"code": "python_exception", "message": "KeyError: 'nothing'"}
    assert "KeyError: 'nothing'" in result["sample"]["traceback"]
    assert run.result_counts.errored == 1


GRADERS: list[Any] = [
    PROGRAM,
    {key: PROGRAM[key] for key in ("type", "name", "source")},
    {**MULTI, "graders": {"program": PROGRAM}, "calculate_output": "program"},
]


@pytest.mark.parametrize("grader", GRADERS)
def test_a_program_is_validated_and_tried_out(client: openai.OpenAI, grader: Any) -> None:
    graders = client.fine_tuning.alpha.graders.with_raw_response

    validated = raw(graders.validate(grader=grader))["grader"]
    answer = raw(graders.run(grader=grader, model_sample="a", item={"answer": "a"}))

    assert validated == grader
    assert answer["reward"] == 1.0


LARGEST = 256 * 1024


@pytest.mark.parametrize(("size", "status"), [(LARGEST - 1, 200), (LARGEST, 400)])
@pytest.mark.parametrize("filler", ["#", "é"])
def test_a_source_has_less_than_256_kilobytes(
    server: EvaldServer, size: int, status: int, filler: str
) -> None:
    room = size - len(RIGHT.encode()) - 1
    width = len(filler.encode())
    source = f"{RIGHT}#{'x' * (room % width)}{filler * (room // width)}"
    assert len(source.encode()) == size

    grader = {"type": "python", "source": source}
    answer = server.ask("POST", "/v1/graders/validate", {"grader": grader})

    assert answer.status == status
    if status == 400:
        assert answer.json["error"]["param"] == "grader.source"
        assert "less than 256 kB" in answer.json["error"]["message"]


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("def grade(sample): return 1.0", "exactly two parameters"),
        ("def other(sample, item): return 1.0", "defines no function"),
        ("def grade(sample, item:", "line 1"),
    ],
)
def test_an_eval_whose_program_cannot_work_is_refused_by_its_place(
    client: openai.OpenAI, source: str, says: str
) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        new_eval(client, PROGRAM, {**PROGRAM, "source": source})

    assert refused.value.param == "testing_criteria[1].source"
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("name", "verdicts"),
    [
        ("all_grader_types.json", [(True, 1.0), (False, 0.0)]),
        ("java_python_grader.json", [(False, 0.0)]),
    ],
)
def test_the_programs_of_real_clients_give_their_verdicts(
    server: EvaldServer, name: str, verdicts: Any
) -> None:
    replay = Replay(server)
    steps = [step for step in steps_of(name) if step["op"] != "evals.delete"]

    replay.all_steps(steps)

    path = f"/v1/evals/{replay.named['$EVAL_ID']}/runs/{replay.named['$RUN_ID']}/output_items"
    items = server.ask("GET", path).json["data"]
    found = [
        (result["passed"], result["score"])
        for item in sorted(items, key=lambda item: int(item["datasource_item_id"]))
        for result in item["results"]
        if result["type"] == "python"
    ]
    assert found == verdicts


def test_a_row_that_brings_a_completion_is_graded_as_it_is(client: openai.OpenAI) -> None:
    source = "def grade(sample, item): return float(sample['choices'][0]['message']['content'])"
    message = {"role": "assistant", "content": "0.8"}
    sample = {"model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
    created = new_eval(client, {**PROGRAM, "source": source})

    run = completed(client, created.id, jsonl({**row("a"), "sample": sample}))

    (item,) = items_of(client, run)
    assert (item.status, item.results[0].score) == ("pass", 0.8)
