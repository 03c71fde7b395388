"""Everything about one output item: the drawer that opens beside the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evald.contract.json_types import JsonValue
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.criteria import (
    Criterion,
    bare_name,
    expected_of,
    got_of,
    output_text,
)
from evald.dashboard.items import ItemsPage, Mark, mark_of
from evald.dashboard.reading import (
    ApiObject,
    count_of,
    count_or_none,
    list_of,
    number_or_none,
    object_of,
    text_of,
)
from evald.dashboard.texts import Text, as_json, as_line, call_texts, clip, said_text
from evald.rules.judgement import steps_of

MESSAGE_LIMIT = 4_000
FIELD_LIMIT = 1_000
JSON_LIMIT = 20_000
_NAME_LIMIT = 120
_MOST_MESSAGES = 50
_MOST_CALLS = 20
_MOST_FIELDS = 50
_MOST_GRADES = 50
_MOST_STEPS = 10
_STEP_LIMIT = 500

Speaker = Literal["user", "assistant", "other"]


@dataclass(frozen=True)
class Fault:
    """An error as the API tells it."""

    code: str
    message: Text


@dataclass(frozen=True)
class Step:
    """One step of a judge: what it looked at, and what it concluded."""

    description: Text
    conclusion: Text


@dataclass(frozen=True)
class Judgement:
    """What a judge model wrote: its steps and result where they can be read, else the text."""

    text: Text | None
    steps: tuple[Step, ...]
    hidden_steps: int
    result: Text | None


@dataclass(frozen=True)
class Grade:
    """One criterion's result on this item, with what it compared or what its judge wrote."""

    name: str
    type: str
    mark: Mark
    threshold: float | None
    expected: Text | None
    got: Text | None
    judgement: Judgement | None
    fault: Fault | None


@dataclass(frozen=True)
class Message:
    """One message of the conversation. `is_output` marks what the model under test wrote."""

    role: str
    speaker: Speaker
    text: Text
    calls: tuple[Text, ...]
    is_output: bool


@dataclass(frozen=True)
class Field:
    """One field of the row."""

    name: str
    value: Text


@dataclass(frozen=True)
class Usage:
    """What the sample cost. None where it is not known."""

    latency_ms: float | None
    attempts: int | None
    prompt_tokens: int | None
    completion_tokens: int | None
    cached_tokens: int | None
    judge_tokens: int
    model: str
    finish_reason: str


@dataclass(frozen=True)
class ItemDetail:
    """An output item with all that is known of it. `hidden_*` count what is left out."""

    id: str
    number: int
    status: str
    fault: Fault | None
    grades: tuple[Grade, ...]
    hidden_grades: int
    messages: tuple[Message, ...]
    hidden_messages: int
    fields: tuple[Field, ...]
    hidden_fields: int
    usage: Usage
    raw: Text
    raw_address: str
    close_address: str
    previous_address: str | None
    next_address: str | None


def item_detail(
    item: ApiObject,
    criteria: Sequence[Criterion],
    *,
    neighbours: Sequence[str],
    page: ItemsPage,
    addresses: ReportAddresses,
) -> ItemDetail:
    """Give the details of one item. `neighbours` are the ids of the table's rows, in order."""
    item_id = text_of(item.get("id"))
    sample = object_of(item.get("sample"))
    results = list_of(item.get("results"))
    messages = _messages(sample)
    fields = _fields(item.get("datasource_item"))
    before, after = _around(item_id, neighbours)

    def address(other: str | None) -> str:
        return addresses.items(status=page.status, after=page.after, before=page.before, item=other)

    return ItemDetail(
        id=item_id,
        number=count_of(item.get("datasource_item_id")),
        status=text_of(item.get("status")),
        fault=fault_of(sample.get("error")),
        grades=tuple(_grade(object_of(r), criteria, item) for r in results[:_MOST_GRADES]),
        hidden_grades=max(0, len(results) - _MOST_GRADES),
        messages=tuple(messages[:_MOST_MESSAGES]),
        hidden_messages=max(0, len(messages) - _MOST_MESSAGES),
        fields=tuple(fields[:_MOST_FIELDS]),
        hidden_fields=max(0, len(fields) - _MOST_FIELDS),
        usage=_usage(item, sample),
        raw=as_json(item, JSON_LIMIT),
        raw_address=addresses.api_item(item_id),
        close_address=address(None),
        previous_address=address(before) if before else None,
        next_address=address(after) if after else None,
    )


def fault_of(error: JsonValue) -> Fault | None:
    """Give an error object as code and message, or None where there is none."""
    if not error:
        return None
    fault = object_of(error)
    return Fault(
        code=clip(text_of(fault.get("code")), _NAME_LIMIT).shown,
        message=clip(text_of(fault.get("message")), MESSAGE_LIMIT),
    )


def _grade(result: ApiObject, criteria: Sequence[Criterion], item: ApiObject) -> Grade:
    name = text_of(result.get("name"))
    criterion = next((known for known in criteria if known.id == name), None)
    return Grade(
        name=criterion.name if criterion else clip(bare_name(name), _NAME_LIMIT).shown,
        type=criterion.type if criterion else text_of(result.get("type")),
        mark=mark_of(result),
        threshold=criterion.threshold if criterion else None,
        expected=_clipped(expected_of(criterion, item)) if criterion else None,
        got=_clipped(got_of(criterion, item)) if criterion else None,
        judgement=_judgement(result),
        fault=fault_of(result.get("error")),
    )


def _clipped(text: str | None) -> Text | None:
    return None if text is None else clip(text, FIELD_LIMIT)


def _judgement(result: ApiObject) -> Judgement | None:
    """Give what a judge model wrote, where one was asked.

    Only an answer that led to a verdict is shown as steps and result.
    """
    written = output_text(result)
    if not written:
        return None
    told = None if result.get("error") else steps_of(written)
    if told is None:
        return Judgement(clip(written, MESSAGE_LIMIT), (), 0, None)
    steps, verdict = told
    return Judgement(
        text=None,
        steps=tuple(
            Step(clip(description, _STEP_LIMIT), clip(conclusion, _STEP_LIMIT))
            for description, conclusion in steps[:_MOST_STEPS]
        ),
        hidden_steps=max(0, len(steps) - _MOST_STEPS),
        result=as_line(verdict, _STEP_LIMIT),
    )


def _messages(sample: ApiObject) -> list[Message]:
    asked = [_message(object_of(message), False) for message in list_of(sample.get("input"))]
    return asked + [_message(object_of(message), True) for message in list_of(sample.get("output"))]


def _message(message: ApiObject, is_output: bool) -> Message:
    role = text_of(message.get("role")) or ("assistant" if is_output else "")
    known: dict[str, Speaker] = {"user": "user", "assistant": "assistant"}
    return Message(
        role=clip(role, _NAME_LIMIT).shown,
        speaker=known.get(role, "other"),
        text=clip(said_text(message), MESSAGE_LIMIT),
        calls=tuple(clip(call, MESSAGE_LIMIT) for call in call_texts(message)[:_MOST_CALLS]),
        is_output=is_output,
    )


def _fields(row: JsonValue) -> list[Field]:
    return [
        Field(clip(name, _NAME_LIMIT).shown, as_line(value, FIELD_LIMIT))
        for name, value in object_of(row).items()
    ]


def _usage(item: ApiObject, sample: ApiObject) -> Usage:
    usage = object_of(sample.get("usage"))
    extras = object_of(item.get("evald"))
    return Usage(
        latency_ms=number_or_none(extras.get("latency_ms")),
        attempts=count_or_none(extras.get("attempts")),
        prompt_tokens=count_or_none(usage.get("prompt_tokens")),
        completion_tokens=count_or_none(usage.get("completion_tokens")),
        cached_tokens=count_or_none(usage.get("cached_tokens")),
        judge_tokens=sum(
            count_of(object_of(use).get("total_tokens"))
            for use in list_of(extras.get("judge_usage"))
        ),
        model=clip(text_of(sample.get("model")), _NAME_LIMIT).shown,
        finish_reason=clip(text_of(sample.get("finish_reason")), _NAME_LIMIT).shown,
    )


def _around(item_id: str, neighbours: Sequence[str]) -> tuple[str | None, str | None]:
    """Give the ids before and after this one in the table; none where it is not in it."""
    if item_id not in neighbours:
        return None, None
    place = neighbours.index(item_id)
    before = neighbours[place - 1] if place > 0 else None
    after = neighbours[place + 1] if place + 1 < len(neighbours) else None
    return before, after
