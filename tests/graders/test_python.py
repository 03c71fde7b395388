"""The `python` grader: what a program is given, and what becomes of what it gave."""

from typing import Any

import pytest

from evald.contract.graders import kept_criterion, kept_to_criterion
from evald.contract.json_types import JsonObject
from evald.contract.python_grader import PythonGrader
from evald.contract.validation import read_request
from evald.graders.error_flags import error_flags
from evald.graders.interface import Grade, GraderTools, graded
from evald.graders.registry import grader_for
from evald.rules.sample import sample_namespace
from evald.sandbox.interface import Executed
from tests.graders.criteria import multi_criterion, part
from tests.graders.judging import Judging
from tests.graders.test_text_similarity import Recorder

SOURCE = "def grade(sample, item): return 1.0"
PROGRAM: JsonObject = {"type": "python", "name": "program", "source": SOURCE}


class Sandbox:
    """Gives one answer, and keeps what it was asked."""

    def __init__(self, answer: Executed) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    async def __call__(self, source: str, sample: JsonObject, item: JsonObject) -> Executed:
        self.asked.append((source, sample, item))
        return self.answer

    @property
    def tools(self) -> GraderTools:
        return GraderTools(Recorder(), Judging().ask, run_code=self)


async def grade(answer: Executed, **changes: Any) -> Grade:
    criterion = read_request(PythonGrader, {**PROGRAM, **changes})
    namespaces: JsonObject = {"item": {"a": 1}, "sample": {}}
    return await graded(grader_for(criterion, Sandbox(answer).tools), namespaces)


@pytest.mark.parametrize(
    ("threshold", "passes"), [(None, True), (0.5, True), (0.51, False), (-1, True), (0, True)]
)
async def test_a_row_passes_from_the_threshold_on_and_from_one_half_without_one(
    threshold: float | None, passes: bool
) -> None:
    given = {} if threshold is None else {"pass_threshold": threshold}

    assert await grade(Executed(0.5), **given) == Grade(passed=passes, score=0.5)


@pytest.mark.parametrize("score", [-3.5, 0.0, 1e300])
async def test_a_score_stays_as_the_program_gave_it(score: float) -> None:
    assert (await grade(Executed(score))).score == score


async def test_what_a_program_printed_stands_where_a_judges_answer_would() -> None:
    found = await grade(Executed(1.0, output="a\n", seconds=0.25))

    assert found == Grade(
        passed=True,
        score=1.0,
        sample={
            "output": [{"role": "stdout", "content": "a\n"}],
            "traceback": None,
            "error": None,
            "seconds": 0.25,
        },
    )


async def test_a_program_that_failed_is_an_error_with_its_traceback_and_no_score() -> None:
    failed = Executed(None, "python_exception", "KeyError: 'a'", "", "Traceback: 'a'", 0.5)

    error: JsonObject = {"code": "python_exception", "message": "KeyError: 'a'"}
    assert await grade(failed, pass_threshold=-1) == Grade(
        passed=False,
        score=0.0,
        sample={"output": [], "traceback": "Traceback: 'a'", "error": error, "seconds": 0.5},
        error=error,
    )


async def test_where_no_program_is_run_the_grade_is_an_error() -> None:
    grader = grader_for(read_request(PythonGrader, PROGRAM), GraderTools(Recorder(), Judging().ask))

    found = await graded(grader, {"item": {}, "sample": {}})

    assert found.error is not None
    assert (found.error["code"], found.outcome) == ("python_unavailable", "errored")


MESSAGE: JsonObject = {"role": "assistant", "content": '{"b": 1}', "tool_calls": None}
CHOICES: JsonObject = {"choices": [{"index": 0, "message": MESSAGE, "finish_reason": "length"}]}


@pytest.mark.parametrize(
    ("sample", "given"),
    [
        ({}, {"output_text": "", "output_tools": [], "choices": []}),
        (
            {"output_text": "x"},
            {
                "output_text": "x",
                "output_tools": [],
                "choices": [
                    {
                        "index": 0,
                        "message": {"role": "assistant", "content": "x"},
                        "finish_reason": "stop",
                    }
                ],
            },
        ),
        (
            {**CHOICES, "model": "m"},
            {
                "output_text": '{"b": 1}',
                "output_json": {"b": 1},
                "output_tools": [],
                "model": "m",
                **CHOICES,
            },
        ),
    ],
)
async def test_a_program_gets_the_row_and_a_sample_with_the_documented_keys(
    sample: JsonObject, given: JsonObject
) -> None:
    sandbox = Sandbox(Executed(1.0))
    criterion = read_request(PythonGrader, PROGRAM)
    namespaces: JsonObject = {"item": {"a": 1}, "sample": sample_namespace(sample)}

    await grader_for(criterion, sandbox.tools)(namespaces)

    assert sandbox.asked == [(SOURCE, given, {"a": 1})]


async def test_a_program_is_a_part_of_a_formula_and_shows_there_what_it_printed() -> None:
    criterion = multi_criterion("program + exact", {"program": PROGRAM, "exact": part()})
    tools = Sandbox(Executed(0.25, output="a")).tools
    namespaces: JsonObject = {"item": {"reference": "x"}, "sample": {"output_text": "x"}}

    found = await grader_for(criterion, tools)(namespaces)

    assert (found.score, found.passed) == (1.25, True)
    shown: Any = found.extras["sub_results"]
    assert shown["program"]["sample"]["output"][0]["content"] == "a"
    assert shown["program"]["score"] == 0.25


@pytest.mark.parametrize("given", [{}, {"image_tag": "2025-05-08", "pass_threshold": 1}])
def test_a_criterion_is_kept_as_it_was_given(given: JsonObject) -> None:
    criterion = read_request(PythonGrader, {**PROGRAM, **given})

    kept = kept_criterion(criterion, "program-1")

    assert kept == {**PROGRAM, **given, "id": "program-1"}
    assert kept_to_criterion(kept) == criterion


async def test_a_kept_program_that_is_no_python_is_still_read() -> None:
    kept: JsonObject = {**PROGRAM, "source": "no Python", "id": "program-1"}

    assert kept_to_criterion(kept).name == "program"


FAULTS: dict[Any, tuple[set[str], str | None, str | None]] = {
    # the error's code, the flags, the type of a server's error, the details of a program's
    "python_source": ({"python_grader_runtime_error"}, None, "told"),
    "python_exception": ({"python_grader_runtime_error"}, None, "told"),
    "python_result": ({"python_grader_runtime_error"}, None, "told"),
    "python_time_limit": (
        {"python_grader_runtime_error", "unresponsive_reward_error"},
        None,
        "told",
    ),
    "python_memory_limit": ({"python_grader_runtime_error"}, None, "told"),
    "python_scratch_limit": ({"python_grader_runtime_error"}, None, "told"),
    "python_died": ({"python_grader_runtime_error"}, None, "told"),
    "python_server_error": ({"python_grader_server_error"}, "python_server_error", None),
    "python_unavailable": ({"python_grader_server_error"}, "python_unavailable", None),
}


@pytest.mark.parametrize("code", FAULTS)
@pytest.mark.parametrize("is_part", [False, True])
async def test_every_fault_of_a_program_has_its_flags(code: Any, is_part: bool) -> None:
    criterion = (
        multi_criterion("program", {"program": PROGRAM})
        if is_part
        else read_request(PythonGrader, PROGRAM)
    )
    tools = Sandbox(Executed(None, code, "told")).tools
    namespaces: JsonObject = {"item": {}, "sample": {"output_text": "x"}}

    found = await graded(grader_for(criterion, tools), namespaces)
    flags = error_flags(found, kept_criterion(criterion, "1"), namespaces)

    assert (set(flags.raised), flags.sandbox_error, flags.runtime_error) == FAULTS[code]


async def test_the_details_of_an_exception_are_its_traceback() -> None:
    found = await grade(Executed(None, "python_exception", "KeyError", "", "Traceback: 'a'"))

    flags = error_flags(found, PROGRAM, {})

    assert flags.as_json()["python_grader_runtime_error_details"] == "Traceback: 'a'"
