"""Request bodies that are right, to be made wrong in one place."""

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import Request, read_request
from evald.errors import BadRequest

STRING_CHECK: JsonObject = {
    "type": "string_check",
    "name": "Correct team",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.team }}",
    "operation": "eq",
}
SIMILARITY: JsonObject = {
    "type": "text_similarity",
    "name": "Close",
    "input": "{{ sample.output_text }}",
    "reference": "{{ item.team }}",
    "evaluation_metric": "fuzzy_match",
    "pass_threshold": 0.8,
}
CUSTOM: JsonObject = {"type": "custom", "item_schema": {"type": "object"}}
INLINE: JsonObject = {"type": "file_content", "content": [{"item": {"team": "billing"}}]}


def without(body: JsonObject, key: str) -> JsonObject:
    return {name: value for name, value in body.items() if name != key}


def eval_body(**changes: JsonValue) -> JsonObject:
    return {"data_source_config": CUSTOM, "testing_criteria": [STRING_CHECK], **changes}


def criterion_body(criterion: JsonValue) -> JsonObject:
    return eval_body(testing_criteria=[STRING_CHECK, criterion])


def run_body(data_source: JsonValue) -> JsonObject:
    return {"data_source": data_source}


def completions_body(**changes: JsonValue) -> JsonObject:
    return run_body({"type": "completions", "source": INLINE, "model": "m", **changes})


def responses_body(**changes: JsonValue) -> JsonObject:
    return run_body({"type": "responses", "source": INLINE, "model": "m", **changes})


def template_body(*messages: JsonValue) -> JsonObject:
    return completions_body(input_messages={"type": "template", "template": list(messages)})


def refusal(model: type[Request], body: JsonValue) -> tuple[str | None, str | None, str]:
    """Give param, code and message of the error that this body is answered with."""
    try:
        read_request(model, body)
    except BadRequest as error:
        return error.param, error.code, error.message
    raise AssertionError("the body was accepted")
