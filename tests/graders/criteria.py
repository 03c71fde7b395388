"""Criteria and what their graders are asked, in one line each."""

from evald.contract.graders import Multi, StringCheck, TextSimilarity
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.judges import LabelModel, ScoreModel
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
        "pass_threshold": 0,
    }
    # Evals of earlier versions have thresholds that no request may bring any more.
    return read_request(TextSimilarity, body).model_copy(update={"pass_threshold": threshold})


def label_criterion(**changes: JsonValue) -> LabelModel:
    body: JsonObject = {
        "type": "label_model",
        "name": "mood",
        "model": "judge",
        "input": [{"role": "user", "content": "Which mood has {{ sample.output_text }}?"}],
        "labels": ["good", "bad", "none"],
        "passing_labels": ["good", "none"],
        **changes,
    }
    return read_request(LabelModel, body)


def score_criterion(**changes: JsonValue) -> ScoreModel:
    body: JsonObject = {
        "type": "score_model",
        "name": "quality",
        "model": "judge",
        "input": [{"role": "user", "content": "How good is {{ sample.output_text }}?"}],
        **changes,
    }
    return read_request(ScoreModel, body)


def multi_criterion(formula: str, graders: JsonValue, **changes: JsonValue) -> Multi:
    body: JsonObject = {
        "type": "multi",
        "name": "both",
        "graders": graders,
        "calculate_output": formula,
        **changes,
    }
    return read_request(Multi, body)


def part(metric: str | None = None, **changes: JsonValue) -> JsonObject:
    """Give a part of a multi: a text similarity by this metric, or a check of the exact text."""
    kind: JsonObject = (
        {"type": "string_check", "operation": "eq"}
        if metric is None
        else {"type": "text_similarity", "evaluation_metric": metric}
    )
    texts = {"input": "{{ sample.output_text }}", "reference": "{{ item.reference }}"}
    return {**kind, "name": "part", **texts, **changes}


def seen(text: JsonValue, reference: JsonValue) -> JsonObject:
    """Give what a template can see: the model's text and the row's reference."""
    return {"item": {"reference": reference}, "sample": {"output_text": text}}
