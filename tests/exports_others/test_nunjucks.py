"""Templates in nunjucks: they say what evald's say, and nothing in a text or a row is obeyed."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evald.elsewhere.nunjucks import is_inert, nunjucks, texts_at
from evald.rules.template import compile_template, paths_in
from tests.exports_others.reader import rendered

ITEM: Any = {"a": "{{ VALUE }}{%", "a.b": "dotted", "odd key": "#}", 'q"': "quoted", "n\nl": 1.0}
PIECES = [
    *("{", "}", "{{", "}}", "{%", "%}", "{#", "#}", "#", "-", '"', "'", "\\", "\n", " ", "x", "é"),
    *("{{item.a}}", "{{ item['a.b'] }}", "{{item.odd key}}", "{{item[0]}}", '{{item.q"}}'),
    *(
        "{{item.n\nl}}",
        "{{sample.output_text}}",
        "{% raw %}",
        "{% endraw %}",
        "file://",
        "package:",
    ),
]


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
def test_a_template_says_in_nunjucks_what_it_says_in_evald(template: str) -> None:
    texts = texts_at(paths_in(template), {"item": ITEM})

    written = nunjucks(template)

    assert rendered(written, texts) == compile_template(template).render({"item": ITEM})
    assert not written.startswith(("file://", "package:"))


def test_a_reference_is_a_look_up_that_a_person_can_read() -> None:
    template = "What is {{ item.question }}? {{ item.list[-1] }} {{ item['a.b'] }}"

    assert nunjucks(template) == (
        'What is {{ texts["item.question"] }}? {{ texts["item.list[-1]"] }} '
        '{{ texts["item[\\"a.b\\"]"] }}'
    )


def test_sampling_params_that_promptfoo_would_read_into_are_not_inert() -> None:
    obeyed: list[Any] = [
        "{{ env.KEY }}",
        {"a": ["{% x"]},
        "file://tools.json",
        {"$ref": "#/a"},
        "package:x:y",
    ]

    assert [is_inert(value) for value in obeyed] == [False] * len(obeyed)
    assert is_inert({"stop": ["}", "{", "a file://"], "seed": 1, "n": None})
