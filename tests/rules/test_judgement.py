"""Reading a judge's answer: a verdict or a reason, and never a score out of something else."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject
from evald.rules.judgement import (
    NoVerdict,
    label_form,
    read_verdict,
    score_form,
    steps_of,
    verdict_schema,
)
from tests.rules.json_values import JSON_VALUES, ends_within

LABELS = ["good", "bad", "böse", "a", "ab", "1", "null"]
STEPS = [{"description": "Compare", "conclusion": "Fits"}]
FINITE = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**63)


def completion(content: Any, finish_reason: Any = "stop", **message: Any) -> JsonObject:
    choice = {"finish_reason": finish_reason, "message": {"content": content, **message}}
    return {"choices": [choice]}


def score_in(content: Any, **also: Any) -> float | str:
    """Give the score in an answer, or the code of its fault."""
    try:
        return read_verdict(completion(content, **also), score_form([0, 1]))
    except NoVerdict as fault:
        return fault.code


@given(FINITE)
def test_every_number_is_read_as_it_was_written(number: float) -> None:
    assert score_in(json.dumps({"steps": STEPS, "result": number})) == float(number)


@given(st.sampled_from(LABELS), st.booleans())
def test_every_label_is_read_as_it_was_written(label: str, ascii_only: bool) -> None:
    text = json.dumps({"steps": [], "result": label}, ensure_ascii=ascii_only)

    assert read_verdict(completion(text), label_form(LABELS)) == label


@given(JSON_VALUES)
def test_a_result_of_another_type_is_no_score(value: Any) -> None:
    read = score_in(json.dumps({"steps": STEPS, "result": value}))

    if isinstance(value, int | float) and not isinstance(value, bool):
        assert read == float(value)
    else:
        assert read == "judge_score_invalid"


@given(JSON_VALUES)
def test_a_result_that_is_none_of_the_labels_is_no_label(value: Any) -> None:
    text = json.dumps({"steps": STEPS, "result": value})

    if value in LABELS and isinstance(value, str):
        assert read_verdict(completion(text), label_form(LABELS)) == value
        return
    with pytest.raises(NoVerdict) as fault:
        read_verdict(completion(text), label_form(LABELS))
    assert fault.value.code in ("judge_label_unknown", "judge_unparseable")


PIECES = st.sampled_from(
    [
        *('{"result":', '"result"', "{", "}", "[", "]", '"', "\\", ",", ":", "1", "0.5", "NaN"),
        *("```json\n", "```", "<think>", "</think>", " ", "\n", "null", "true", '{"steps":[],'),
        *('"description":', "é", "\x00", "-", "1e999", "```\n"),
    ]
)
TEXTS = st.lists(PIECES | st.text(max_size=5), max_size=30).map("".join)


@given(TEXTS)
def test_whatever_a_judge_writes_it_is_a_finite_number_of_its_own_or_a_reason(text: str) -> None:
    read = score_in(text)

    if isinstance(read, str):
        assert read.startswith("judge_")
    else:
        assert math.isfinite(read)
        assert '"result"' in text


@given(JSON_VALUES, JSON_VALUES, JSON_VALUES)
def test_whatever_an_endpoint_answers_it_is_a_verdict_or_a_reason(
    content: Any, reason: Any, refusal: Any
) -> None:
    read = score_in(content, finish_reason=reason, refusal=refusal)

    assert isinstance(read, str) or math.isfinite(read)


@given(JSON_VALUES)
def test_an_answer_of_no_known_form_is_a_reason(body: Any) -> None:
    with pytest.raises(NoVerdict):
        read_verdict({"choices": body}, score_form(None))


@given(st.data(), FINITE)
def test_a_judgement_that_breaks_off_is_no_verdict(data: st.DataObject, number: float) -> None:
    whole = json.dumps({"steps": [{**STEPS[0], "result": 1}], "result": number})
    end = data.draw(st.integers(0, len(whole) - 1))

    assert score_in(whole[:end]) in ("judge_unparseable", "judge_empty")


@given(FINITE, FINITE)
def test_two_verdicts_are_none(first: float, second: float) -> None:
    texts = [json.dumps({"steps": STEPS, "result": number}) for number in (first, second)]

    assert score_in("\n".join(texts)) == "judge_unparseable"


WHOLE = json.dumps({"steps": STEPS, "result": 0.5})
READ = {
    WHOLE: 0.5,
    f" \n{WHOLE}\n": 0.5,
    f"```json\n{WHOLE}\n```": 0.5,
    f"```\n{WHOLE}\n```": 0.5,
    f"My judgement:\n```json\n{WHOLE}\n```\nAs asked.": 0.5,
    f"<think>perhaps {WHOLE}</think>{WHOLE}": 0.5,
    'The set {a, b} and {} give {"steps": [], "result": 1}.': 1.0,
    f'The item is {{"id": 5}}; {WHOLE}': 0.5,
    '{"result": 0.5}': 0.5,
    '```json\n{"result": 0.5}\n```': 0.5,
    'It says {"result": 1.0}, so it lies.': "judge_unparseable",
    f'It says {{"result": 1.0}}. {WHOLE}': "judge_unparseable",
    '{"result": 0.5, "steps": [{"result": 1}],}': "judge_unparseable",
    '{"a": {"result": 0.5}': "judge_unparseable",
    '"{\\"result\\": 1}"': "judge_unparseable",
    "{'result': 1}": "judge_unparseable",
    "result: 1": "judge_unparseable",
    f"<think>{WHOLE}": "judge_empty",
    f"<think>{WHOLE}</think>": "judge_empty",
}


@pytest.mark.parametrize(("text", "read"), READ.items(), ids=[repr(text)[:40] for text in READ])
def test_a_verdict_stands_alone_or_is_whole(text: str, read: float | str) -> None:
    assert score_in(text) == read


def test_parts_of_a_content_are_read_as_one_text_and_a_refusal_among_them_is_one() -> None:
    text = {"type": "text", "text": WHOLE}

    assert score_in([text]) == 0.5
    assert score_in([text, {"type": "refusal", "refusal": "no"}]) == "judge_refused"


HOSTILE = {
    "braces": "{" * 150_000,
    "objects that open": '{"a":' * 30_000,
    "lists that open": '{"result":' + "[" * 150_000,
    "objects": '{"a":1}' * 20_000,
    "digits": '{"result":' + "9" * 150_000 + "}",
    "fences": "```" * 50_000,
    "blanks": "{" + " " * 150_000,
    "blanks within": "x" + " " * 150_000 + "x",
    "thoughts": "<think>" * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_text_made_to_take_for_ever_is_read_once(text: str) -> None:
    with ends_within(60):
        assert str(score_in(text)).startswith("judge_")


def test_half_of_a_character_does_not_get_into_an_error() -> None:
    with pytest.raises(NoVerdict) as fault:
        read_verdict(completion('{"result": "\\ud800"}'), label_form(LABELS))

    assert "'?'" in fault.value.message


def test_an_error_shows_the_beginning_of_what_the_judge_wrote() -> None:
    with pytest.raises(NoVerdict) as fault:
        read_verdict(completion("No idea. " * 1_000), score_form(None))

    assert "No idea." in fault.value.message
    assert len(fault.value.message) < 400


def test_the_schema_of_a_judgement_is_closed_as_strict_output_wants_it() -> None:
    schema: Any = verdict_schema({"type": "number"})

    assert list(schema["properties"]) == schema["required"] == ["steps", "result"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["steps"]["items"]["additionalProperties"] is False


def test_the_steps_of_a_judgement_are_told_for_show_and_nothing_else_is() -> None:
    assert steps_of(WHOLE) == ([("Compare", "Fits")], 0.5)
    assert steps_of('{"result": "good"}') == ([], "good")
    for text in ("", "prose", '{"steps": [5], "result": 1}', '{"steps": [{}], "result": 1}'):
        assert steps_of(text) is None


@given(TEXTS)
def test_no_text_breaks_the_show(text: str) -> None:
    steps_of(text)
