"""What holds for every template: it compiles, renders, and costs no more than its length."""

import tracemalloc
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.json_text import BadJson, dump
from evald.rules.template import (
    MOST_CHARACTERS,
    MOST_PARSED,
    PART,
    Path,
    RowNamespaces,
    TextTooLong,
    as_text,
    compile_path,
    compile_template,
)
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


WAYS: dict[str, Callable[[str], tuple[str, JsonObject]]] = {
    "a text": lambda text: ("{{ item.a }}", {"a": text}),
    "a list": lambda text: ("{{ item.a }}", {"a": [text]}),
    "JSON in a string": lambda text: ("{{ item.a.b }}", {"a": dump({"b": text, "more": text})}),
    "a text beside a long string": lambda text: (
        "{{ item.a.b }}{{ item.c }}",
        {"a": dump({"more": text, "b": "x"}), "c": text},
    ),
}


@settings(max_examples=40)
@given(st.integers(1, 60_000), st.integers(0, 300_000), st.sampled_from(sorted(WAYS)))
def test_references_times_size_make_their_text_or_too_long_a_one(
    number: int, size: int, way: str
) -> None:
    reference, item = WAYS[way]("x" * size)
    once = compile_template(reference).render({"item": item})
    parts = reference.count("{{")
    characters = number * (len(once) + parts * PART)

    with ends_within(SECONDS):
        template = compile_template(reference * number)
        if characters <= MOST_CHARACTERS:
            assert template.render({"item": item}) == once * number
        else:
            with pytest.raises(TextTooLong):
                template.render({"item": item})


def deep(place: int) -> str:
    """Give the path of this number that leads to one and the same value ten lists deep."""
    return "".join("[0]" if place >> bit & 1 else "[-1]" for bit in range(10))


MULTIPLIED: dict[str, tuple[str, JsonObject]] = {
    "a text": ("{{item.a}}" * 50_000, {"a": "x" * 50_000}),
    "a long list, spelled differently": (
        "".join(f"{{{{item.a{deep(place)}}}}}" for place in range(1024)),
        {"a": [[[[[[[[[[["x" * 1_000_000]]]]]]]]]]]},
    ),
    "nothing": ("{{item.nothing}}" * 2_100_000, {}),
    "strings of JSON": (
        "".join(f"{{{{item.a[{place}].b}}}}" for place in range(100)),
        {"a": [f'[{place}, "{"x" * 100_000}"]' for place in range(100)]},
    ),
    "a long string of JSON": ("{{item.a.b}}", {"a": '{"b":"' + "x" * MOST_PARSED + '"}'}),
}


@pytest.mark.parametrize(("text", "item"), MULTIPLIED.values(), ids=MULTIPLIED)
def test_what_takes_too_much_time_or_memory_is_an_error(text: str, item: JsonObject) -> None:
    template = compile_template(text)
    tracemalloc.start()
    try:
        with ends_within(SECONDS), pytest.raises(TextTooLong):
            template.render({"item": item})
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 2 * MOST_CHARACTERS


def test_a_long_string_is_read_once_for_all_references_into_it() -> None:
    item: JsonObject = {"a": '{"b":"c","more":[' + "0," * 500_000 + "0]}"}

    with ends_within(SECONDS):
        text = compile_template("{{item.a.b}}" * 20_000).render({"item": item})

    assert text == "c" * 20_000


def test_a_long_string_is_read_once_for_all_templates_of_a_row() -> None:
    row = RowNamespaces({"item": {"a": '{"b":"' + "x" * (MOST_PARSED // 2) + '"}'}})
    templates = [compile_template("{{ item.a.b }}") for _ in range(10)]

    assert {len(template.render(row)) for template in templates} == {MOST_PARSED // 2}


def test_the_templates_of_a_row_have_one_limit_together() -> None:
    row = RowNamespaces({"item": {"a": "x" * (MOST_CHARACTERS // 4)}})
    template = compile_template("{{ item.a }}")
    texts = [template.render(row) for _ in range(3)]

    with pytest.raises(TextTooLong, match="64,000,000"):
        template.render(row)
    assert len(texts) == 3


def test_a_long_text_that_holds_no_json_is_walked_into_without_reading_it() -> None:
    template = compile_template("<{{ item.a.b }}>")

    assert template.render({"item": {"a": "x" * (2 * MOST_PARSED)}}) == "<>"


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
