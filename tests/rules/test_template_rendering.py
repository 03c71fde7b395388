"""What templates render to (contract section 6.1), one example for each rule."""

import pytest

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.template import MISSING, Missing, compile_path, compile_template

SEEN: JsonObject = {
    "item": {
        "name": "Ada",
        "first name": "Grace",
        "e-mail": "g@example.org",
        "größe": "groß",
        "list": ["zero", "one", ["deep"]],
        "object": {"b": 1, "a": [True, None, "é"]},
        "nested": {"a": {"b": {"c": "leaf"}}},
        "nothing": None,
        "no": False,
        "yes": True,
        "whole": 7,
        "fraction": 1.0,
        "small": 1e-07,
        "big": 18446744073709551615,
        "empty": "",
        "braces": "{{ item.name }} and {{ sample.output_text }}",
        "items": "not a method",
        "7": "seven",
        "a.b": "dotted",
        "json": '{"symbols": ["AAPL", "MSFT"], "n": {"k": "v"}}',
    },
    "sample": {
        "output_text": "4",
        "output_json": {"name": "Ada"},
        "output_tools": [{"function": {"name": "get", "arguments": '{"city": "Rome"}'}}],
    },
}


def look_up(reference: str) -> JsonValue | Missing:
    path = compile_path(reference)
    assert path is not None
    return path.look_up(SEEN)


def render(template: str) -> str:
    return compile_template(template).render(SEEN)


@pytest.mark.parametrize(
    "template",
    [
        "{{item.name}}",
        "{{ item.name }}",
        "{{item.name }}",
        "{{\n\titem.name\n}}",
        "{{ item. name }}",
        "{{ item['name'] }}",
        '{{ item["name"] }}',
        "{{ item[name] }}",
    ],
)
def test_spaces_and_the_way_of_writing_a_key_make_no_difference(template: str) -> None:
    assert render(template) == "Ada"


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ item.nested.a.b.c }}", "leaf"),
        ("{{ item.list[0] }}", "zero"),
        ("{{ item.list.1 }}", "one"),
        ("{{ item.list[2][0] }}", "deep"),
        ("{{ item.list[-1] }}", '["deep"]'),
        ("{{ item.list[-3] }}", "zero"),
        ("{{ item.list[ 1 ] }}", "one"),
        ("{{ item.first name }}", "Grace"),
        ("{{ item.e-mail }}", "g@example.org"),
        ("{{ item.größe }}", "groß"),
        ("{{ item.items }}", "not a method"),
        ("{{ item.7 }}", "seven"),
        ("{{ item[7] }}", "seven"),
        ("{{ item['a.b'] }}", "dotted"),
        ("{{ sample.output_json.name }}", "Ada"),
        ("{{ sample.output_tools[0].function.name }}", "get"),
    ],
)
def test_a_path_leads_through_keys_and_indexes(template: str, text: str) -> None:
    assert render(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ item.json.symbols[1] }}", "MSFT"),
        ("{{ item.json.n.k }}", "v"),
        ("{{ item.json.symbols }}", '["AAPL","MSFT"]'),
        ("{{ sample.output_tools[0].function.arguments.city }}", "Rome"),
        ("{{ item.name.city }}", ""),
        ("{{ item.json.absent }}", ""),
    ],
)
def test_a_path_goes_on_into_a_string_that_holds_json(template: str, text: str) -> None:
    assert render(template) == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ item.object }}", '{"b":1,"a":[true,null,"é"]}'),
        ("{{ item.list }}", '["zero","one",["deep"]]'),
        ("{{ sample.output_json }}", '{"name":"Ada"}'),
        ("{{ item.yes }}", "true"),
        ("{{ item.no }}", "false"),
        ("{{ item.whole }}", "7"),
        ("{{ item.fraction }}", "1.0"),
        ("{{ item.small }}", "1e-7"),
        ("{{ item.big }}", "18446744073709551615"),
        ("{{ item.json }}", '{"symbols": ["AAPL", "MSFT"], "n": {"k": "v"}}'),
    ],
)
def test_what_is_no_string_renders_as_compact_json(template: str, text: str) -> None:
    assert render(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ item.nothing }}",
        "{{ item.empty }}",
        "{{ item.absent }}",
        "{{ item.absent.deeper[0] }}",
        "{{ item.nothing.deeper }}",
        "{{ item.whole.deeper }}",
        "{{ item.list[3] }}",
        "{{ item.list[-4] }}",
        "{{ item.list[x] }}",
        "{{ item.list.name }}",
        "{{ item.list[0.5] }}",
        "{{ item.list[99999999999999999999] }}",
        "{{ item.list[] }}",
        "{{ item.object[0] }}",
        "{{ item.object[-1] }}",
        "{{ sample.reasoning }}",
    ],
)
def test_null_and_what_is_not_there_render_as_nothing(template: str) -> None:
    assert render(f"<{template}>") == "<>"


@pytest.mark.parametrize(
    "template",
    [
        "{{ item.name }",
        "{ item.name }}",
        "{{ item.name",
        "item.name }}",
        "{ { item.name } }",
        "{{ {item.name} }}",
        "{{}}",
        "{{ }}",
        "{{ items.name }}",
        "{{ itemname }}",
        "{{ item .name }}",
        "{{ Item.name }}",
        "{{ user.name }}",
        "{{ name }}",
        "{{ item..name }}",
        "{{ item.",
        "{{ item.list[0 }}",
        "{{ item.list 0] }}",
        "{% if item.name %}",
        "{{ item.name.[0] }}",
    ],
)
def test_what_is_no_reference_stays_as_it_was_written(template: str) -> None:
    assert render(template) == template


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ item.name }}}}", "Ada}}"),
        ("{{{ item.name }}}", "{Ada}"),
        ("{{{{ item.name }}}}", "{{Ada}}"),
        ("{{ {{ item.name }} }}", "{{ Ada }}"),
        ('{"who": "{{item.name}}"}', '{"who": "Ada"}'),
        ("{{item.name}}{{item.name}}", "AdaAda"),
    ],
)
def test_braces_around_a_reference_stay(template: str, text: str) -> None:
    assert render(template) == text


def test_braces_that_come_out_of_the_data_are_not_expanded() -> None:
    assert render("{{ item.braces }}") == "{{ item.name }} and {{ sample.output_text }}"


def test_braces_that_two_values_make_together_are_not_expanded() -> None:
    template = compile_template("{{ item.open }} item.name {{ item.close }}")

    assert template.render({"item": {"open": "{{", "close": "}}"}}) == "{{ item.name }}"


def test_a_whole_namespace_renders_as_json_and_an_absent_one_as_nothing() -> None:
    template = compile_template("{{ item }}|{{ sample }}|{{ sample.output_text }}")

    assert template.render({"item": {"a": 1}}) == '{"a":1}||'


def test_there_are_no_filters_and_no_expressions() -> None:
    assert render("{{ item.name | upper }}") == ""
    assert render("{{ item.whole + 1 }}") == ""


@pytest.mark.parametrize(
    "reference", ["item.name", "{{ item.name }}", " {{item.name}} ", "item['name']"]
)
def test_a_reference_names_the_same_place_with_and_without_braces(reference: str) -> None:
    assert look_up(reference) == "Ada"


def test_a_null_in_the_data_differs_from_a_place_that_is_not_there() -> None:
    assert look_up("item.nothing") is None
    assert look_up("item.absent") is MISSING
