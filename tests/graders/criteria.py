"""Criteria and what their graders are asked, in one line each."""

from evald.contract.graders import StringCheck, TextSimilarity
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import read_request


def string_criterion(operation: str, **changes: JsonValue) -> StringCheck:
    body: JsonObject = {
        "type": "string_check",
        "name": "check",
        "input": "{{ sample.output_text }}",
        "reference": "{{ item.reference }}",
        "operation": operation,
        **changes,
    }
    return read_request(StringCheck, body)


def similarity_criterion(threshold: float = 0.8, metric: str = "fuzzy_match") -> TextSimilarity:
    body: JsonObject = {
        "type": "text_similarity",
        "name": "close",
        "input": "{{ sample.output_text }}",
        "reference": "{{ item.reference }}",
        "evaluation_metric": metric,
        "pass_threshold": threshold,
    }
    return read_request(TextSimilarity, body)


def seen(text: JsonValue, reference: JsonValue) -> JsonObject:
    """Give what a template can see: the model's text and the row's reference."""
    return {"item": {"reference": reference}, "sample": {"output_text": text}}
