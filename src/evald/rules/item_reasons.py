"""Why an item failed or errored, in a sentence so short that many items share it."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import orjson

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.criterion_names import CriterionNames, bare_name
from evald.rules.json_text import BadJson
from evald.rules.template import RowNamespaces, Template, TextTooLong, compile_template
from evald.rules.thresholds import threshold_of

FailedStatus = Literal["fail", "error"]

LONGEST_LABEL: Final = 200
LONGEST_COMPARED: Final = 40
"""Characters of a text that is named with what it was compared with."""
LONGEST_NAME: Final = 80
_LONGEST_MESSAGE: Final = 2000
_DIGITS = re.compile(r"\d+")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class ItemReason:
    """Why one item failed or errored."""

    key: str
    """The same for all items with this reason. Of an error, numbers in it make no difference."""
    label: str
    status: FailedStatus
    criterion: int | None
    """The position of the criterion that it is of, or None where it is of none of the eval's."""
    plain: "ItemReason | None" = None
    """What it counts under in a run that has too many reasons; None when that is itself."""


@dataclass(frozen=True)
class ReadCriterion:
    """A testing criterion of an eval, made ready to say why items fail it."""

    name: str
    type: str
    operation: str
    threshold: float | None
    input: Template
    reference: Template


def read_criterion(criterion: JsonValue) -> ReadCriterion:
    """Read a testing criterion; an imported one may have any form."""
    found = criterion if isinstance(criterion, dict) else {}
    return ReadCriterion(
        name=_text(found.get("name")) or _text(found.get("id")),
        type=_text(found.get("type")),
        operation=_text(found.get("operation")),
        threshold=threshold_of(found),
        input=compile_template(_text(found.get("input"))),
        reference=compile_template(_text(found.get("reference"))),
    )


def names_of(criteria: Sequence[JsonValue]) -> CriterionNames:
    """Give what the results of items call these testing criteria."""
    found = [each if isinstance(each, dict) else {} for each in criteria]
    return CriterionNames.of((_text(each.get("id")), _text(each.get("name"))) for each in found)


def error_reason(
    body: JsonObject, results: Sequence[JsonObject | None], criteria: Sequence[ReadCriterion]
) -> ItemReason:
    """Give why an item errored: what broke first, its sampling or one of its criteria."""
    sample = body.get("sample")
    if isinstance(sample, dict) and sample.get("error"):
        return _of_error(sample["error"], None, "")
    for place, result in enumerate(results):
        if result is not None and result.get("error"):
            return _of_error(result["error"], place, criteria[place].name)
    others = body.get("results")
    for other in others if isinstance(others, list) else []:
        if isinstance(other, dict) and other.get("error"):
            return _of_error(other["error"], None, "")
    return _reason("error", None, "Errored without a reason")


def _of_error(error: JsonValue, place: int | None, name: str) -> ItemReason:
    found = error if isinstance(error, dict) else {"message": error}
    message = _line(_text(found.get("message")) or _text(found.get("code")), LONGEST_LABEL)
    plain = _reason("error", place, f"{_named(name)}: other errors" if name else "Other errors")
    return _reason("error", place, message or "Errored without a reason", plain)


def fail_reason(
    body: JsonObject, results: Sequence[JsonObject | None], criteria: Sequence[ReadCriterion]
) -> ItemReason:
    """Give why an item failed: what its first failed criterion asked for and did not get."""
    for place, result in enumerate(results):
        if result is not None and not result.get("error") and result.get("passed") is not True:
            name = _named(criteria[place].name) or f"Criterion {place + 1}"
            label = _failed(name, body, result, criteria[place])
            plain = _reason("fail", place, name)
            return plain if label == name else _reason("fail", place, label, plain)
    others = body.get("results")
    for other in others if isinstance(others, list) else []:
        if isinstance(other, dict) and other.get("passed") is not True:
            return _reason("fail", None, _named(bare_name(_text(other.get("name")))) or "Failed")
    return _reason("fail", None, "Failed without a reason")


def _failed(name: str, body: JsonObject, result: JsonObject, criterion: ReadCriterion) -> str:
    label = _text(result.get("label"))
    if label:
        return f'{name}: label "{_line(label, LONGEST_COMPARED)}"'
    if criterion.type == "string_check":
        return _compared(name, body, criterion)
    score, threshold = result.get("score"), criterion.threshold
    if isinstance(score, int | float) and threshold is not None and score < threshold:
        return f"{name}: score below {threshold:g}"
    return name


def _compared(name: str, body: JsonObject, criterion: ReadCriterion) -> str:
    """Say what was expected and what came instead, where both are short."""
    seen = RowNamespaces({"item": body.get("datasource_item"), "sample": _seen_sample(body)})
    try:
        got, expected = criterion.input.render(seen), criterion.reference.render(seen)
    except (TextTooLong, BadJson):
        return name
    if any(len(text) > LONGEST_COMPARED or "\n" in text for text in (got, expected)):
        return name
    match criterion.operation:
        case "ne":
            return f'{name}: got "{got}"'
        case "like" | "ilike":
            return f'{name}: expected "{expected}" in "{got}"'
    return f'{name}: expected "{expected}", got "{got}"'


def _seen_sample(body: JsonObject) -> JsonObject:
    """Give a sample as the templates saw it, as far as its item shows it."""
    sample = body.get("sample")
    match sample:
        case {"output": [dict(first), *_]}:
            content = first.get("content")
            text = content if isinstance(content, str) else ""
            tools = first.get("tool_calls")
            return {"output_text": text, "output_json": text, "output_tools": tools}
    return {"output_text": ""}


def _reason(
    status: FailedStatus, place: int | None, label: str, plain: ItemReason | None = None
) -> ItemReason:
    # "Try again in 3.2 s" is no other reason than "Try again in 1.5 s".
    said = _DIGITS.sub("#", label) if status == "error" else label
    whole = orjson.dumps([status, place, said.encode("utf-8", "replace").decode()])
    key = hashlib.blake2b(whole, digest_size=6).hexdigest()
    return ItemReason(key, label, status, place, plain)


def _named(name: str) -> str:
    return _line(name, LONGEST_NAME)


def _line(text: str, longest: int) -> str:
    """Give the beginning of a text in one line, of which a database can keep all characters."""
    kept = text[:_LONGEST_MESSAGE].replace("\x00", "").encode("utf-8", "replace").decode()
    line = _SPACE.sub(" ", kept).strip()
    return line if len(line) <= longest else f"{line[: longest - 1]}…"


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""
