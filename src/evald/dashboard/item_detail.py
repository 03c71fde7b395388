"""Everything about one output item: the drawer that opens beside the table."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evald.contract.json_types import JsonValue
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.criteria import Criterion, namespaces_of
from evald.dashboard.grades import (
    FIELD_LIMIT,
    MESSAGE_LIMIT,
    NAME_LIMIT,
    Fault,
    Grade,
    fault_of,
    grades_of,
)
from evald.dashboard.items import ItemsPage
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

JSON_LIMIT = 20_000
_MOST_MESSAGES = 50
_MOST_CALLS = 20
_MOST_FIELDS = 50
_MOST_GRADES = 50

Speaker = Literal["user", "assistant", "other"]


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
    seen = namespaces_of(item)
    before, after = _around(item_id, neighbours)

    def address(other: str | None) -> str:
        return addresses.items(status=page.status, after=page.after, before=page.before, item=other)

    return ItemDetail(
        id=item_id,
        number=count_of(item.get("datasource_item_id")),
        status=text_of(item.get("status")),
        fault=fault_of(sample.get("error")),
        grades=tuple(grades_of(list(map(object_of, results[:_MOST_GRADES])), criteria, seen)),
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


def _messages(sample: ApiObject) -> list[Message]:
    asked = [_message(object_of(message), False) for message in list_of(sample.get("input"))]
    return asked + [_message(object_of(message), True) for message in list_of(sample.get("output"))]


def _message(message: ApiObject, is_output: bool) -> Message:
    role = text_of(message.get("role")) or ("assistant" if is_output else "")
    known: dict[str, Speaker] = {"user": "user", "assistant": "assistant"}
    return Message(
        role=clip(role, NAME_LIMIT).shown,
        speaker=known.get(role, "other"),
        text=clip(said_text(message), MESSAGE_LIMIT),
        calls=tuple(clip(call, MESSAGE_LIMIT) for call in call_texts(message)[:_MOST_CALLS]),
        is_output=is_output,
    )


def _fields(row: JsonValue) -> list[Field]:
    return [
        Field(clip(name, NAME_LIMIT).shown, as_line(value, FIELD_LIMIT))
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
        model=clip(text_of(sample.get("model")), NAME_LIMIT).shown,
        finish_reason=clip(text_of(sample.get("finish_reason")), NAME_LIMIT).shown,
    )


def _around(item_id: str, neighbours: Sequence[str]) -> tuple[str | None, str | None]:
    """Give the ids before and after this one in the table; none where it is not in it."""
    if item_id not in neighbours:
        return None, None
    place = neighbours.index(item_id)
    before = neighbours[place - 1] if place > 0 else None
    after = neighbours[place + 1] if place + 1 < len(neighbours) else None
    return before, after
