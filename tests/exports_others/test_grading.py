"""What other tools call an output, as the sample that evald's graders see."""

from typing import Any

import pytest

from evald.elsewhere.carried.grading import completion_of
from evald.rules.sample import sample_namespace

CALL = {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}


@pytest.mark.parametrize(
    ("output", "text", "tools"),
    [
        ("said", "said", []),
        ("", "", []),
        (None, "", []),
        ([CALL], "", [CALL]),
        ({"role": "assistant", "content": "first", "tool_calls": [CALL]}, "first", [CALL]),
        ({"a": "é"}, '{"a": "é"}', []),
    ],
)
def test_an_output_is_a_sample_with_its_text_and_its_calls(
    output: Any, text: str, tools: list[Any]
) -> None:
    sample = sample_namespace(completion_of(output))

    assert (sample["output_text"], sample["output_tools"]) == (text, tools)


def test_a_refusal_is_no_text() -> None:
    sample: Any = sample_namespace(completion_of("I cannot", is_refusal=True))

    assert sample["output_text"] == ""
    assert sample["choices"][0]["message"]["refusal"] == "I cannot"
