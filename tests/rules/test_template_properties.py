"""What holds for every template: it compiles, renders, and costs no more than its length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.json_text import BadJson, dump
from evald.rules.template import Path, as_text, compile_path, compile_template
from tests.rules.json_values import JSON_OBJECTS, JSON_VALUES, ends_within, nested

PIECES = st.sampled_from(
    [
        "{{",
        "}}",
        "{",
        "}",
        "item",
        "sample",
        ".",
        "[",
        "]",
        "0",
        "-1",
        " ",
        "\n",
        "x",
        "'",
        "item.x",
    ]
)
TEMPLATES = st.lists(PIECES | st.text(max_size=3), max_size=25).map("".join)
LETTERS = st.text("abcdefghij", min_size=1, max_size=4)
SECONDS = 30


@given(TEMPLATES, JSON_OBJECTS, JSON_OBJECTS)
def test_no_template_fails_whatever_the_row(
    text: str, item: JsonObject, sample: JsonObject
) -> None:
    rendered = compile_template(text).render({"item": item, "sample": sample})

    assert isinstance(rendered, str)


@given(TEMPLATES)
def test_a_template_without_references_is_unchanged(text: str) -> None:
    template = compile_template(text)
    literal = "".join(part for part in template.parts if isinstance(part, str))

    if not any(isinstance(part, Path) for part in template.parts):
        assert literal == text
        assert template.render({"item": {"x": "y"}, "sample": {}}) == text


@given(st.text())
def test_a_text_without_double_braces_is_unchanged(text: str) -> None:
    text = text.replace("{{", "{")

    assert compile_template(text).render({"item": {}, "sample": {}}) == text


@given(JSON_VALUES, st.lists(LETTERS | st.integers(0, 2), min_size=1, max_size=5))
def test_a_value_is_found_wherever_it_lies(value: JsonValue, place: list[str | int]) -> None:
    item: JsonValue = value
    for step in reversed(place[1:]):
        item = {step: item} if isinstance(step, str) else [None] * step + [item]
    written = "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in place[1:])

    rendered = compile_template(f"<{{{{ item.at{written} }}}}>").render({"item": {"at": item}})

    assert rendered == f"<{as_text(value)}>"


@given(JSON_OBJECTS | st.lists(JSON_VALUES) | st.integers(-(2**63), 2**64 - 1) | st.booleans())
def test_a_rendered_value_can_be_walked_into_again(value: JsonValue) -> None:
    text = as_text(value)

    template = compile_template("{{ item.x }}|{{ item }}")

    assert template.render({"item": dump({"x": value})}) == f'{text}|{{"x":{text}}}'


@given(st.text(), st.text())
def test_what_the_data_holds_is_never_expanded(secret: str, around: str) -> None:
    text = f"{around}{{{{ sample.secret }}}}{around}"

    rendered = compile_template("{{ item.x }}").render(
        {"item": {"x": text}, "sample": {"secret": secret}}
    )

    assert rendered == text


HOSTILE = {
    "an open reference": "{{ item." * 125_000,
    "spaces after a dot": "{{ item." + " " * 1_000_000,
    "spaces after braces": "{{" + " " * 1_000_000,
    "spaces after a namespace": "{{ item" + " " * 1_000_000,
    "spaces after an index": "{{ item[0]" + " " * 1_000_000,
    "steps with a space between": "{{ item" + ".a " * 300_000 + "!{",
    "indexes with a space between": "{{ item" + " [0]" * 250_000 + "!{",
    "spaces within an index": "{{ item[x" + " " * 1_000_000 + "y] }}",
    "spaces before an open index": "{{ item.x" + " " * 1_000_000 + "[ }}",
    "spaces before an empty step": "{{ item.x" + " " * 1_000_000 + "..}}",
    "an index without end": "{{ item[" + " " * 1_000_000,
    "many indexes": "{{ item" + "[0]" * 300_000 + " }}",
    "many steps": "{{ item" + ".a" * 500_000 + " }}",
    "only braces": "{" * 1_000_000,
    "closing braces": "{{ item.x " + "}" * 1_000_000,
    "many references": "{{item.x}}" * 100_000,
    "only spaces": " " * 1_000_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_megabyte_of_anything_renders_at_once(text: str) -> None:
    with ends_within(SECONDS):
        compile_template(text).render({"item": {"x": "y"}, "sample": {}})


@pytest.mark.parametrize("text", ["item[" + " " * 100_000, "item[x" + " " * 100_000 + "y]"])
def test_a_long_reference_is_read_at_once(text: str) -> None:
    with ends_within(SECONDS):
        compile_path(text)


@pytest.mark.parametrize("step", [".{}", "[{}]", "[-{}]"])
def test_an_index_of_any_length_leads_nowhere(step: str) -> None:
    template = compile_template("{{ item.list" + step.format("9" * 5000) + " }}")

    assert template.render({"item": {"list": ["zero"]}}) == ""


def test_a_value_too_deep_to_be_written_is_an_error_and_no_empty_text() -> None:
    template = compile_template("{{ item.text.deep }}")
    within: JsonValue = '{"deep":' + "[" * 300 + "]" * 300 + "}"

    with pytest.raises(BadJson, match="254"):
        template.render({"item": {"text": within}})


def test_a_value_as_deep_as_can_be_written_is_rendered() -> None:
    assert (
        compile_template("{{ item.x }}").render({"item": {"x": nested(254)}})
        == "[" * 254 + "]" * 254
    )
