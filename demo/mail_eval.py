"""What the demo measures: how well a model sorts the mail of a small web shop.

Each row of `rows.jsonl` is a mail with the order number and the request that a careful person would
note down. The model answers in two lines, after four worked examples.
"""

from pathlib import Path

from openai.types.eval_create_params import DataSourceConfigCustom, TestingCriterion
from openai.types.evals.create_eval_completions_run_data_source_param import (
    CreateEvalCompletionsRunDataSourceParam,
    InputMessagesTemplateTemplate,
)

NAME = "Sort the shop's mail"
ROWS = Path(__file__).with_name("rows.jsonl")
REQUESTS = ["refund", "replacement", "delivery date", "cancellation"]

ITEM_SCHEMA: dict[str, object] = {
    "type": "object",
    "properties": {
        "mail": {"type": "string", "minLength": 1},
        "order": {"type": "string", "pattern": "^A-[0-9]{5}$"},
        "request": {"enum": REQUESTS},
    },
    "required": ["mail", "order", "request"],
    "additionalProperties": False,
}

DATA_SOURCE_CONFIG: DataSourceConfigCustom = {
    "type": "custom",
    "item_schema": ITEM_SCHEMA,
    "include_sample_schema": True,
}

EXPECTED = "order: {{ item.order }}\nwants: {{ item.request }}"

TESTING_CRITERIA: list[TestingCriterion] = [
    {
        "type": "string_check",
        "name": "order number",
        "input": "{{ sample.output_text }}",
        "operation": "like",
        "reference": "{{ item.order }}",
    },
    {
        "type": "string_check",
        "name": "request",
        "input": "{{ sample.output_text }}",
        "operation": "ilike",
        "reference": "wants: {{ item.request }}",
    },
    {
        "type": "text_similarity",
        "name": "close to expected",
        "input": "{{ sample.output_text }}",
        "reference": EXPECTED,
        "evaluation_metric": "fuzzy_match",
        "pass_threshold": 0.9,
    },
]

INPUT_MESSAGES: list[InputMessagesTemplateTemplate] = [
    {
        "role": "system",
        "content": "You read mails to a web shop. Answer with the order number and what the "
        "customer wants: refund, replacement, delivery date or cancellation.",
    },
    {
        "role": "user",
        "content": "The jacket from order B-10021 has a hole. Please return my money.",
    },
    {"role": "assistant", "content": "order: B-10021\nwants: refund"},
    {"role": "user", "content": "The trousers (B-10512) are too long. Can I have a shorter pair?"},
    {"role": "assistant", "content": "order: B-10512\nwants: replacement"},
    {"role": "user", "content": "Where is order B-10350? It should have been here yesterday."},
    {"role": "assistant", "content": "order: B-10350\nwants: delivery date"},
    {"role": "user", "content": "I do not need order B-10477 any more, please do not ship it."},
    {"role": "assistant", "content": "order: B-10477\nwants: cancellation"},
    {"role": "user", "content": "{{ item.mail }}"},
]


def completions(file_id: str, model: str) -> CreateEvalCompletionsRunDataSourceParam:
    """Give the data source of a run: the uploaded rows, the prompt and the model to ask."""
    return {
        "type": "completions",
        "source": {"type": "file_id", "id": file_id},
        "input_messages": {"type": "template", "template": INPUT_MESSAGES},
        "model": model,
        # The answers have 15 tokens; a temperature of 0 makes them nearly the same in all runs.
        "sampling_params": {"temperature": 0, "seed": 1, "max_completion_tokens": 24},
    }


def expected_answer(item: dict[str, object]) -> str:
    """Give what the model should have answered to this row."""
    return f"order: {item['order']}\nwants: {item['request']}"


def row_count() -> int:
    """Give the number of rows."""
    return len(ROWS.read_text("utf-8").splitlines())
