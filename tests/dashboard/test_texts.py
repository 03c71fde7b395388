"""Texts that try to deceive the eye or to be endless."""

import pytest

from evald.contract.json_types import JsonObject, JsonValue
from evald.dashboard.criteria import criteria_of
from evald.dashboard.texts import Text, as_json, call_texts, clip, content_text, said_text, visible


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext\n", "plain\ttext\n"),
        ("windows\r\nline", "windows\nline"),
        ("admin\u202etxt.exe", "admin⟨U+202E⟩txt.exe"),
        ("a\u2066b\u2069c", "a⟨U+2066⟩b⟨U+2069⟩c"),
        ("nul\x00bell\x07", "nul⟨U+0000⟩bell⟨U+0007⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
        ("tag\U000e0041", "tag⟨U+E0041⟩"),
        ("half\ud800pair", "half⟨U+D800⟩pair"),
        ("fam\u200dily \u0645\u200c\u06cc שלום", "fam\u200dily \u0645\u200c\u06cc שלום"),
    ],
)
def test_invisible_characters_are_shown_and_no_others_change(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_text_is_cut_and_says_how_much_is_missing() -> None:
    assert clip("x" * 1_000_000, 4_000) == Text("x" * 4_000, hidden=996_000)
    assert clip("short", 4_000) == Text("short", hidden=0)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("as it is", "as it is"),
        (None, ""),
        ({"type": "input_text", "text": "inside"}, "inside"),
        (["one", {"type": "input_text", "text": "two"}], "one\ntwo"),
        (
            [{"type": "input_image", "image_url": "http://127.0.0.1/x.png"}],
            '{"type": "input_image", "image_url": "http://127.0.0.1/x.png"}',
        ),
    ],
)
def test_every_kind_of_content_becomes_text(content: JsonValue, text: str) -> None:
    assert content_text(content) == text


def test_tool_calls_of_both_generations_are_shown_as_calls() -> None:
    message: JsonObject = {
        "tool_calls": [{"function": {"name": "look_up", "arguments": '{"order": 1}'}}],
        "function_call": {"name": "older", "arguments": "{}"},
    }

    assert call_texts(message) == ['look_up({"order": 1})', "older({})"]


def test_calls_of_every_kind_are_shown_with_what_came_of_them_where_it_is_known() -> None:
    search: JsonObject = {
        "type": "mcp_call",
        "server_label": "docs",
        "function": {"name": "search", "arguments": '{"query": "tokens"}'},
        "output": "three pages",
        "error": None,
    }
    message: JsonObject = {
        "tool_calls": [
            {"type": "custom", "custom": {"name": "shell", "input": "ls"}},
            search,
            {**search, "output": None, "error": {"type": "http_error", "code": 502}},
            "odd",
        ]
    }

    assert call_texts(message) == [
        "shell(ls)",
        'docs.search({"query": "tokens"})\n→ three pages',
        'docs.search({"query": "tokens"})\n→ {"type": "http_error", "code": 502}',
        "()",
    ]


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ({"content": "4", "refusal": None}, "4"),
        ({"content": "", "refusal": "No."}, "No."),
        ({"refusal": 5}, ""),
    ],
)
def test_a_refusal_is_shown_where_there_is_no_text(message: JsonObject, text: str) -> None:
    assert said_text(message) == text


def test_json_nested_too_deep_is_said_to_be_so() -> None:
    nested: JsonValue = []
    for _ in range(100_000):
        nested = [nested]

    assert as_json(nested, 100) == Text("(nested too deep to be shown here)")


def test_a_multi_is_described_by_its_formula_and_its_threshold() -> None:
    grader: JsonObject = {"type": "multi", "calculate_output": "min(a, b)", "pass_threshold": 0.7}

    (criterion,) = criteria_of({"testing_criteria": [grader]})

    assert criterion.summary == "min(a, b), passes at 0.7"


@pytest.mark.parametrize(
    ("grader", "threshold"),
    [
        ({"type": "multi"}, 0.5),
        ({"type": "score_model"}, 0.5),
        ({"type": "score_model", "range": [1, 7]}, 4.0),
        ({"type": "score_model", "range": [1, 7], "pass_threshold": None}, 4.0),
        ({"type": "score_model", "range": [1, 7], "pass_threshold": 0}, 0.0),
        ({"type": "label_model"}, None),
        ({"type": "string_check"}, None),
    ],
)
def test_a_criterion_has_the_threshold_that_counts_where_none_is_given(
    grader: JsonObject, threshold: float | None
) -> None:
    (criterion,) = criteria_of({"testing_criteria": [grader]})

    assert criterion.threshold == threshold
    assert ("passes at" in criterion.summary) == (threshold is not None)
