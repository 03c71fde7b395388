"""Rows and criteria in which everything stands that another tool could take for its own language."""

from typing import Any

from pydantic import TypeAdapter

from evald.contract.graders import Criterion, kept_criterion
from evald.contract.json_types import JsonObject
from evald.elsewhere.given import Exported, exported_run

TEXTS = [
    *(
        "Paris",
        "paris",
        "",
        "  spaced ",
        "line\n",
        "two\nlines\n\n",
        "ẞtraße",
        "STRASSE",
        "日本語 😀",
    ),
    *(
        "{{ item.answer }}",
        "{{ env.HOME }}",
        "{{ 7 * 7 }}",
        "{% raw %}x{% endraw %}",
        "{% endraw %}",
    ),
    *("{# note #}", "#}", "{", "}}", "{{{", "a{", "$& $1 $$", "file:///etc/passwd", "package:a:b"),
    *(
        "file://evald_assert.py",
        "\"both\" 'quotes' \\ back\\n",
        "<b>&amp;</b>",
        "---",
        "- role: user",
    ),
    *('{"a": [1, {"b": 2.50}]}', "[1, 2]", "null", "1.0", "a|b", "\u2028", "__proto__", "İstanbul"),
]
VALUES: list[Any] = [
    *(1, 1.0, 1e16, 1e-7, 123456789012345678, True, None, [1, {"two": 2.0}], {"k": "v"}, [], {}),
    '{"deep": {"a": [10, 20]}}',
]
TEMPLATE: list[JsonObject] = [
    {
        "role": "system",
        "content": "Say it. {% if x %} {# no #} {{ nothing }} {{ item.any }}{{ item.odd key }}{",
    },
    {"role": "user", "content": [{"type": "input_text", "text": "{{ item.question }}"}]},
]


def rows() -> list[JsonObject]:
    """Give a row for each text, whose answer is now the same text and now another."""
    return [
        {
            "item": {
                "question": text,
                "answer": text if number % 2 else TEXTS[(number * 7) % len(TEXTS)],
                "any": VALUES[number % len(VALUES)],
                "odd key": text[::-1],
                "a.b": number,
                "list": ["x", text],
                "$ref": "file:///etc/passwd",
                "messages": [{"role": "user", "content": text or " "}],
            }
        }
        for number, text in enumerate(TEXTS)
    ]


def string_check(
    operation: str, reference: str, text: str = "{{sample.output_text}}"
) -> JsonObject:
    return {
        "type": "string_check",
        "name": f"{operation} {reference}",
        "input": text,
        "reference": reference,
        "operation": operation,
    }


def similarity(metric: str) -> JsonObject:
    return {
        "type": "text_similarity",
        "name": metric,
        "input": "{{ sample.output_text }}",
        "reference": "{{ item.answer }}",
        "evaluation_metric": metric,
        "pass_threshold": 0.5,
    }


CRITERIA: list[JsonObject] = [
    string_check("eq", "{{item.answer}}"),
    string_check("ne", "{{item.answer}}!"),
    string_check("eq", "{{item['a.b']}}{{item.any.deep.a[1]}}{{item.list[-1]}}"),
    string_check("like", "a"),
    string_check("like", "{{item.answer}}"),
    string_check("like", "{{"),
    string_check("like", "file://evald_assert.py"),
    string_check("ilike", "{{item.answer}}"),
    string_check("ne", "{{item.any}}"),
    string_check("eq", "{{sample.output_json.a[1].b}}", "2.5"),
    string_check("like", "{{item.odd key}}", "{{item.any}} {{sample.choices[0].message.content}}"),
    *(similarity(metric) for metric in ("fuzzy_match", "bleu", "gleu", "rouge_1", "rouge_l")),
    {
        "type": "multi",
        "name": "both",
        "graders": {"a": string_check("eq", "{{item.answer}}"), "b": similarity("fuzzy_match")},
        "calculate_output": "0.5 * a + 0.5 * b",
        "pass_threshold": 0.7,
    },
]
LABEL: JsonObject = {
    "type": "label_model",
    "name": "mood",
    "model": "judge",
    "input": [{"role": "user", "content": "Judge {{sample.output_text}} by {{item.answer}}"}],
    "labels": ["good", "bad"],
    "passing_labels": ["good"],
}
PROGRAM: JsonObject = {
    "type": "python",
    "name": "even",
    "source": (
        "def grade(sample, item):\n"
        "    print('seen')\n"
        "    if item['question'] == 'paris':\n"
        "        raise SystemExit(3)\n"
        "    return len(sample['output_text']) % 2 == 0\n"
    ),
}


def eval_object(*criteria: JsonObject, name: str = "Hostile {{ env.HOME }}") -> JsonObject:
    """Give an eval as the API shows it."""
    kept = [
        kept_criterion(read_request_of(criterion), f"c-{number}")
        for number, criterion in enumerate(criteria)
    ]
    return {"object": "eval", "id": "eval_1", "name": name, "testing_criteria": [*kept]}


def read_request_of(criterion: JsonObject) -> Any:
    return TypeAdapter(Criterion).validate_python(criterion)


def run_object(**changes: Any) -> JsonObject:
    """Give a run as the API shows it, with a template of messages."""
    source: JsonObject = {
        "type": "completions",
        "source": {"type": "file_content", "content": []},
        "input_messages": {"type": "template", "template": [*TEMPLATE]},
        "model": "gpt-4o-mini",
        "sampling_params": {"temperature": 0.5, "max_completions_tokens": 9},
    }
    return {"object": "eval.run", "id": "evalrun_1", "data_source": {**source, **changes}}


def exported(*criteria: JsonObject, **changes: Any) -> Exported:
    """Give an eval with these criteria and a run over the awkward rows."""
    return exported_run(eval_object(*(criteria or CRITERIA)), run_object(**changes), rows())
