"""A saved output item as a row to be graded again: its item, its sample, and how that came about (pure).

What a run saved of a sample is what the API shows of it. It becomes a chat completion again, the form in
which samples are held; a sample that the row itself had brought is taken as it was.
"""

from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.messages import Messages
from evald.rules.response import chat_form

NO_SAMPLE: Final[JsonObject] = {
    "code": "no_sample",
    "message": "The run that is graded again has no sample of this row.",
}
PARAMS: Final = ("temperature", "top_p", "seed", "max_completion_tokens")
"""What an item shows of the params that its sample was asked for with."""


def row_to_regrade(
    body: JsonObject, brought: JsonObject | None, *, may_lack_sample: bool
) -> JsonObject:
    """Give the row of an output item: its `item`, its `sample`, and `regraded` with all else.

    `brought` is the sample that the row of the item had, as it was. A row whose sampling failed has the
    error and no sample; one without a sample has one only where it `may_lack_sample`, as in a run that
    asked no model: then nothing but its item is graded, as it was.
    """
    shown = _object(body.get("sample"))
    row: JsonObject = {"item": body.get("datasource_item")}
    error = _error(shown.get("error"))
    sample = brought if brought is not None else _sample(shown)
    if error is None and sample is None and not may_lack_sample:
        error = NO_SAMPLE
    if error is None and sample is not None:
        row["sample"] = sample
    row["regraded"] = {
        "item_id": body.get("id"),
        "input": shown.get("input"),
        "params": {name: shown[name] for name in PARAMS if shown.get(name) is not None},
        "error": error,
    }
    return row


def messages_of(regraded: JsonObject) -> Messages:
    """Give the messages that a sample which is graded again was asked for with."""
    asked = regraded.get("input")
    return [each for each in asked if isinstance(each, dict)] if isinstance(asked, list) else []


def params_of(regraded: JsonObject) -> JsonObject:
    """Give the sampling params that it was asked for with, as far as they are known."""
    return _object(regraded.get("params"))


def error_of(regraded: JsonObject) -> JsonObject | None:
    """Give why there is no sample to grade, or None where there is one."""
    error = regraded.get("error")
    return error if isinstance(error, dict) else None


def _sample(shown: JsonObject) -> JsonObject | None:
    """Give the sample that an item shows as a chat completion, or None where it shows none."""
    output = shown.get("output")
    messages = (
        [each for each in output if isinstance(each, dict)] if isinstance(output, list) else []
    )
    if not messages:
        return None
    told: JsonObject = {
        "model": shown.get("model"),
        "finish_reason": shown.get("finish_reason"),
        "usage": shown.get("usage"),
    }
    if len(messages) > 1:  # of elsewhere: the items of a response, one message each
        return chat_form({**told, "output": list(messages)})
    reason = told.pop("finish_reason")
    choice: JsonObject = {"index": 0, "message": messages[0], "finish_reason": reason}
    return {"object": "chat.completion", **told, "choices": [choice]}


def _error(error: JsonValue) -> JsonObject | None:
    """Give the error of a sample, or None: the empty one of the strict form is none, too."""
    if not isinstance(error, dict) or not any(error.values()):
        return None
    code, message = error.get("code"), error.get("message")
    return {"code": str(code or "unknown"), "message": str(message or "")}


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}
