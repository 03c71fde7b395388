"""What the contract tests send, and how they wait for a run."""

from collections.abc import Sequence
from typing import Any

import openai

from tests.waiting import until

UUID4 = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
MODEL = "scripted"
FINAL = ("completed", "failed", "canceled")

ITEM_SCHEMA = {
    "type": "object",
    "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
    "required": ["question", "answer"],
}
EXACT = {
    "type": "string_check",
    "name": "exact",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "operation": "eq",
}
SIMILAR = {
    "type": "text_similarity",
    "name": "close enough",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.answer }}",
    "evaluation_metric": "fuzzy_match",
    "pass_threshold": 0.8,
}
MULTI: dict[str, Any] = {
    "type": "multi",
    "name": "mixed",
    "graders": {
        "exact": EXACT,
        "close": {key: value for key, value in SIMILAR.items() if key != "pass_threshold"},
    },
    "calculate_output": "0.25 * exact + 0.75 * close",
}
ASK = {"type": "template", "template": [{"role": "user", "content": "{{ item.question }}"}]}


def custom(item_schema: Any = ITEM_SCHEMA) -> Any:
    """Give the config of a custom data source, with the samples that a run makes."""
    return {"type": "custom", "item_schema": item_schema, "include_sample_schema": True}


def new_eval(
    client: openai.OpenAI, *criteria: Any, item_schema: Any = ITEM_SCHEMA, **also: Any
) -> Any:
    """Create an eval over questions and answers; without criteria it has the exact match."""
    return client.evals.create(
        data_source_config=custom(item_schema),
        testing_criteria=list(criteria) or [EXACT],  # type: ignore[list-item]
        **also,
    )


def row(question: str, answer: str | None = None) -> Any:
    """Give a row; the model server repeats the question, so that it is right without an answer."""
    return {"item": {"question": question, "answer": question if answer is None else answer}}


def completions(*rows: Any, **also: Any) -> Any:
    """Give a data source that has a model asked each row's question."""
    source = {"type": "file_content", "content": list(rows)}
    asked = {"type": "completions", "source": source, "model": MODEL, "input_messages": ASK}
    return {**asked, **also}


def jsonl(*rows: Any) -> Any:
    """Give a data source of rows that are graded as they are."""
    return {"type": "jsonl", "source": {"type": "file_content", "content": list(rows)}}


def new_run(client: openai.OpenAI, eval_id: str, data_source: Any, **also: Any) -> Any:
    """Create a run and give it as it was answered."""
    return client.evals.runs.create(eval_id, data_source=data_source, **also)


def finished(client: openai.OpenAI, run: Any) -> Any:
    """Give a run as it is when its status is final."""

    def final() -> Any:
        found = client.evals.runs.retrieve(run.id, eval_id=run.eval_id)
        return found if found.status in FINAL else None

    return until(final)


def completed(client: openai.OpenAI, eval_id: str, data_source: Any, **also: Any) -> Any:
    """Create a run and give it when it is completed."""
    run = finished(client, new_run(client, eval_id, data_source, **also))
    assert run.status == "completed", run.error
    return run


def items_of(client: openai.OpenAI, run: Any, **query: Any) -> list[Any]:
    """Give all output items of a run, in the order of its rows."""
    found = client.evals.runs.output_items.list(run.id, eval_id=run.eval_id, **query)
    return sorted(found, key=lambda item: item.datasource_item_id)


def ids(objects: Sequence[Any]) -> list[str]:
    """Give the ids of some objects."""
    return [each.id for each in objects]


def raw(answer: Any) -> Any:
    """Give the JSON of an answer that was asked for with `with_raw_response`."""
    return answer.http_response.json()
