"""Everything about one output item: the drawer that opens beside the table."""

from collections.abc import Sequence
from dataclasses import dataclass

from evald.contract.json_types import JsonValue
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.conversation import Message, messages_of
from evald.dashboard.criteria import Criterion, namespaces_of
from evald.dashboard.grades import (
    FIELD_LIMIT,
    NAME_LIMIT,
    Fault,
    Grade,
    fault_of,
    grades_of,
)
from evald.dashboard.items import ItemsPage
from evald.dashboard.items_query import ItemsAsked
from evald.dashboard.reading import (
    ApiObject,
    count_of,
    count_or_none,
    list_of,
    number_or_none,
    object_of,
    text_of,
)
from evald.dashboard.texts import Text, as_json, as_line, clip

JSON_LIMIT = 20_000
_MOST_MESSAGES = 50
_MOST_FIELDS = 50
_MOST_GRADES = 50


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
    messages = len(list_of(sample.get("input"))) + len(list_of(sample.get("output")))
    fields = _fields(item.get("datasource_item"))
    seen = namespaces_of(item)
    before, after = _around(item_id, neighbours, page)
    return ItemDetail(
        id=item_id,
        number=count_of(item.get("datasource_item_id")),
        status=text_of(item.get("status")),
        fault=fault_of(sample.get("error")),
        grades=tuple(grades_of(list(map(object_of, results[:_MOST_GRADES])), criteria, seen)),
        hidden_grades=max(0, len(results) - _MOST_GRADES),
        messages=messages_of(sample, _MOST_MESSAGES),
        hidden_messages=max(0, messages - _MOST_MESSAGES),
        fields=tuple(fields[:_MOST_FIELDS]),
        hidden_fields=max(0, len(fields) - _MOST_FIELDS),
        usage=_usage(item, sample),
        raw=as_json(item, JSON_LIMIT),
        raw_address=addresses.api_item(item_id),
        close_address=addresses.items_page(page.asked.opened(None)),
        previous_address=addresses.items_page(before) if before else None,
        next_address=addresses.items_page(after) if after else None,
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


def _around(
    item_id: str, neighbours: Sequence[str], page: ItemsPage
) -> tuple[ItemsAsked | None, ItemsAsked | None]:
    """Give where the items before and after this one are open, on this page or on another one."""
    if item_id not in neighbours:
        return page.item_before, page.item_after
    place = neighbours.index(item_id)
    before, after = page.item_before, page.item_after
    if place > 0:
        before = page.asked.opened(neighbours[place - 1])
    if place + 1 < len(neighbours):
        after = page.asked.opened(neighbours[place + 1])
    return before, after
