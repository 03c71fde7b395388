"""Judges: how they are asked, and that nothing but a verdict becomes a score."""

import math
from typing import Any

import pytest

from evald.contract.json_types import JsonObject, JsonValue
from evald.errors import ModelUnavailable
from evald.graders.interface import Grade
from evald.graders.label_model import label_model
from evald.graders.score_model import clamped, score_model, threshold_of
from tests.graders.criteria import label_criterion, score_criterion, seen
from tests.graders.judging import Judging, completion, unsupported, verdict

SEEN = seen("an answer", "a reference")


async def scored(judging: Judging, **changes: JsonValue) -> Grade:
    return await score_model(score_criterion(**changes), judging.tools())(SEEN)


async def labelled(judging: Judging, **changes: JsonValue) -> Grade:
    return await label_model(label_criterion(**changes), judging.tools())(SEEN)


def code_of(grade: Grade) -> JsonValue:
    return None if grade.error is None else grade.error["code"]


async def test_a_judge_is_held_to_a_strict_schema_of_steps_and_result() -> None:
    judging = Judging(verdict("good"))

    await labelled(judging)

    (request,) = judging.asked
    form: Any = request.params["response_format"]
    step = {"description": {"type": "string"}, "conclusion": {"type": "string"}}
    assert (request.model, form["json_schema"]["strict"]) == ("judge", True)
    assert request.messages == [{"role": "user", "content": "Which mood has an answer?"}]
    assert form["json_schema"]["schema"] == {
        "type": "object",
        "properties": {
            "steps": {
                "type": "array",
                "items": {
                    "type": "object",
                    "properties": step,
                    "required": ["description", "conclusion"],
                    "additionalProperties": False,
                },
            },
            "result": {"type": "string", "enum": ["good", "bad", "none"]},
        },
        "required": ["steps", "result"],
        "additionalProperties": False,
    }


@pytest.mark.parametrize(("label", "passes"), [("good", True), ("none", True), ("bad", False)])
async def test_a_row_passes_by_a_passing_label_and_shows_it(label: str, *, passes: bool) -> None:
    grade = await labelled(Judging(verdict(label)))

    assert (grade.passed, grade.score) == (passes, 1.0 if passes else 0.0)
    assert grade.extras == {"label": label}
    assert grade.outcome == ("passed" if passes else "failed")


SCORES = [
    # range, threshold, said, score, passes, clamped
    (None, None, 0.5, 0.5, True, False),
    (None, None, 0.49, 0.49, False, False),
    (None, None, 7, 7.0, True, False),
    (None, None, -3, -3.0, False, False),
    (None, 5.5, 6, 6.0, True, False),
    ([0, 1], None, 0.5, 0.5, True, False),
    ([1, 7], None, 4, 4.0, True, False),
    ([1, 7], None, 3.9, 3.9, False, False),
    ([1, 7], 5.5, 5.5, 5.5, True, False),
    ([1, 7], 5.5, 9, 7.0, True, True),
    ([1, 7], 5.5, 0, 1.0, False, True),
    ([-1, 0], None, -0.5, -0.5, True, False),
    ([0, 1], 0, -5, 0.0, True, True),
    ([0, 1], 1, 1.0000001, 1.0, True, True),
]


@pytest.mark.parametrize(("limits", "threshold", "said", "score", "passes", "marked"), SCORES)
async def test_a_score_reaches_its_threshold_and_is_clamped_only_to_a_range_that_was_given(
    limits: JsonValue,
    threshold: JsonValue,
    said: float,
    score: float,
    *,
    passes: bool,
    marked: bool,
) -> None:
    given = {"range": limits, "pass_threshold": threshold}

    grade = await scored(Judging(verdict(said)), **given)

    assert (grade.score, grade.passed, grade.error) == (score, passes, None)
    assert grade.extras == ({"clamped": True} if marked else {})


def test_the_middle_of_the_widest_range_is_a_number() -> None:
    widest = score_criterion(range=[-1.7e308, 1.7e308])

    assert threshold_of(widest) == 0
    assert clamped(math.pi, widest.range) == math.pi


async def test_a_result_shows_the_judges_call_in_the_observed_form() -> None:
    said = verdict(0.25)

    grade = await scored(
        Judging(said), sampling_params={"temperature": 0, "seed": 7, "max_completions_tokens": 512}
    )

    assert grade.sample == {
        "input": [{"role": "user", "content": "How good is an answer?"}],
        "output": [{"role": "assistant", "content": said}],
        "finish_reason": "stop",
        "model": "judge-2026",
        "usage": {
            "total_tokens": 15,
            "completion_tokens": 5,
            "prompt_tokens": 10,
            "cached_tokens": 0,
        },
        "error": None,
        "seed": 7,
        "temperature": 0,
        "top_p": 1.0,
        "reasoning_effort": None,
        "max_completions_tokens": 512,
    }


async def test_sampling_params_are_passed_on_but_the_form_of_the_answer_is_ours() -> None:
    judging = Judging(verdict(1))
    params: JsonObject = {
        "top_k": 5,
        "reasoning_effort": "low",
        "seed": None,
        "response_format": {"type": "x"},
    }

    await scored(judging, sampling_params=params)

    sent = judging.asked[0].params
    assert (sent["top_k"], sent["reasoning_effort"], sent["seed"]) == (5, "low", None)
    assert judging.forms() == ["json_schema"]


async def test_pictures_and_sounds_are_passed_on_as_they_are() -> None:
    judging = Judging(verdict(1))
    parts: JsonValue = [
        {"type": "input_text", "text": "See {{ item.reference }}"},
        {"type": "input_image", "image_url": "https://example.test/{{ item.reference }}"},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
    ]
    criterion = score_criterion(input=[{"role": "user", "content": parts}])

    grade = await score_model(criterion, judging.tools())(seen("x", "a.png"))

    assert judging.asked[0].messages[0]["content"] == [
        {"type": "text", "text": "See a.png"},
        {"type": "image_url", "image_url": {"url": "https://example.test/a.png"}},
        {"type": "input_audio", "input_audio": {"data": "QUJD", "format": "wav"}},
    ]
    shown: Any = grade.sample
    flat = "See a.png <image>https://example.test/a.png</image> <audio>wav</audio>"
    assert shown["input"] == [{"role": "user", "content": flat}]


WAYS: list[tuple[list[str], list[str | None]]] = [
    (["json_schema"], ["json_schema", "json_object"]),
    (["json_schema", "json_object"], ["json_schema", "json_object", None]),
]


@pytest.mark.parametrize(("refuses", "forms"), WAYS)
async def test_an_endpoint_without_a_form_is_asked_in_a_weaker_way_which_is_remembered(
    refuses: list[str], forms: list[str | None]
) -> None:
    judging = Judging(verdict("good"), refuses=refuses)
    tools = judging.tools()

    first = await label_model(label_criterion(), tools)(SEEN)
    second = await label_model(label_criterion(), tools)(SEEN)

    assert (first.passed, second.passed) == (True, True)
    assert judging.forms() == [*forms, forms[-1]]
    assert len(first.usage) == len(second.usage) == 1
    last: Any = judging.asked[-1].messages
    assert [message["role"] for message in last] == ["user"]
    assert "JSON" in last[0]["content"]
    assert '"good", "bad", "none"' in last[0]["content"]


async def test_a_refusal_with_another_reason_is_not_asked_again() -> None:
    judging = Judging(unsupported("This content is not allowed."))

    grade = await labelled(judging)

    assert len(judging.asked) == 1
    assert grade.error == {
        "code": "judge_unavailable",
        "message": "400 from p: This content is not allowed.",
    }
    assert grade.usage == ()
    shown: Any = grade.sample
    assert (shown["output"], shown["error"]["code"]) == ([], "invalid_request")


@pytest.mark.parametrize("status", [401, 429, 503])
async def test_a_failure_that_is_no_refusal_of_the_form_is_not_asked_again(status: int) -> None:
    judging = Judging(ModelUnavailable("upstream_error", "no JSON today", status=status))

    assert code_of(await labelled(judging)) == "judge_unavailable"
    assert len(judging.asked) == 1


async def test_an_answer_that_missed_the_form_is_asked_for_once_more() -> None:
    judging = Judging("It is rather good.", verdict("good"))
    tools = judging.tools()
    grader = label_model(label_criterion(), tools)

    grade = await grader(SEEN)

    assert (grade.passed, len(grade.usage), judging.forms()) == (True, 2, ["json_schema"] * 2)
    roles = [message["role"] for message in judging.asked[1].messages]
    assert roles == ["user", "assistant", "user"]
    assert "It is rather good." in str(judging.asked[1].messages[1]["content"])
    await grader(SEEN)
    assert judging.forms()[2:] == ["json_object"]
    assert "JSON" in str(judging.asked[2].messages[-1]["content"])


async def test_an_answer_that_misses_the_form_twice_is_an_error_and_costs_both_calls() -> None:
    judging = Judging("It is rather good.")

    grade = await labelled(judging)

    assert (code_of(grade), grade.score, grade.passed) == ("judge_unparseable", 0.0, False)
    assert (grade.outcome, len(judging.asked), len(grade.usage)) == ("errored", 2, 2)
    shown: Any = grade.sample
    assert shown["error"] == grade.error
    assert shown["output"] == [{"role": "assistant", "content": "It is rather good."}]


async def test_a_judge_that_is_gone_at_the_second_call_still_shows_what_the_first_cost() -> None:
    gone = ModelUnavailable("timeout", "nothing within 1 s")

    grade = await labelled(Judging("no form", gone))

    assert (code_of(grade), len(grade.usage)) == ("judge_unavailable", 1)


async def test_an_instruction_is_a_message_of_its_own_after_one_that_no_user_wrote() -> None:
    judging = Judging(verdict(1), refuses=["json_schema"])

    await scored(judging, input=[{"role": "system", "content": "Score."}], range=[1, 7])

    system, told = judging.asked[1].messages
    assert system == {"role": "system", "content": "Score."}
    assert told["role"] == "user"
    assert "a number from 1 to 7" in str(told["content"])


async def test_an_instruction_joins_the_parts_of_a_message() -> None:
    judging = Judging(verdict(1), refuses=["json_schema"])
    parts: JsonValue = ["Look: ", {"type": "input_image", "image_url": "data:image/png;base64,AA"}]

    await scored(judging, input=[{"role": "user", "content": parts}])

    (told,) = judging.asked[1].messages
    content: Any = told["content"]
    assert [part["type"] for part in content] == ["text", "image_url", "text"]


FINAL_FAULTS = {
    "refusal": (completion(None, refusal="I cannot judge this."), "judge_refused"),
    "refusal that is no text": (completion(verdict(1), refusal=[[5]]), "judge_refused"),
    "endless": (completion("x" * 200_001), "judge_unparseable"),
    "refusal beside a verdict": (completion(verdict(1), refusal="No."), "judge_refused"),
    "cut": (completion(verdict(1), "length"), "judge_truncated"),
    "cut within": (completion('{"steps": [', "length"), "judge_truncated"),
    "withheld": (completion(verdict(1), "content_filter"), "judge_filtered"),
    "nothing": (completion(""), "judge_empty"),
    "null": (completion(None), "judge_empty"),
    "blank": (completion(" \n\t"), "judge_empty"),
    "only thoughts": (completion(f"<think>{verdict(1)}"), "judge_empty"),
    "tool calls": (completion(None, "tool_calls", tool_calls=[{"id": "x"}]), "judge_empty"),
}


@pytest.mark.parametrize(("said", "code"), FINAL_FAULTS.values(), ids=FINAL_FAULTS)
async def test_an_answer_that_was_not_given_is_an_error_at_once(said: Any, code: str) -> None:
    judging = Judging(said)

    grade = await scored(judging)

    assert (code_of(grade), grade.score, grade.outcome) == (code, 0.0, "errored")
    assert (len(judging.asked), len(grade.usage)) == (1, 1)
