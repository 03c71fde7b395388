"""The table of output items, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evald.contract.json_types import JsonValue
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.bars import Counts
from evald.dashboard.criteria import (
    Criterion,
    expected_of,
    names_of,
    namespaces_of,
    output_text,
)
from evald.dashboard.reading import (
    ApiObject,
    count_of,
    count_or_none,
    list_of,
    number_or_none,
    object_of,
    text_of,
)
from evald.dashboard.texts import Text, as_line, clip, content_text

ItemStatus = Literal["pass", "fail", "error"]

CRITERIA_COLUMNS = 3
"""So many criteria have a column of their own; the others are in the details of an item."""

_CELL_LIMIT = 240


@dataclass(frozen=True)
class ItemsPage:
    """One page of a run's output items, as it was asked for and as the list goes on.

    `after` and `before` are the cursors that this page was asked with; `next_after` and
    `previous_before` lead to its neighbours and are None at an end. `total` counts the items under
    the filter.
    """

    status: ItemStatus | None
    shown: int
    total: int
    after: str | None = None
    before: str | None = None
    next_after: str | None = None
    previous_before: str | None = None


@dataclass(frozen=True)
class Mark:
    """A criterion's verdict on one item. `kind` is None where the criterion gave none.

    `threshold` is what the score was compared with, or None where it was not or is not known.
    """

    kind: ItemStatus | None
    score: float | None
    threshold: float | None = None


@dataclass(frozen=True)
class ItemRow:
    """One output item as the table shows it. `latency_ms` is None where no model was asked."""

    id: str
    number: int
    status: str
    input: Text
    output: Text
    is_error_text: bool
    expected: Text | None
    marks: tuple[Mark, ...]
    latency_ms: float | None
    tokens: int | None
    address: str
    is_selected: bool


@dataclass(frozen=True)
class Filter:
    """A choice above the table: all items, or those of one status."""

    label: str
    count: int
    address: str
    is_current: bool


@dataclass(frozen=True)
class ItemsTable:
    """The items part of the report. Addresses are None where there is no such page."""

    columns: tuple[Criterion, ...]
    hidden_columns: int
    has_expected: bool
    rows: tuple[ItemRow, ...]
    page: ItemsPage
    first_address: str | None
    previous_address: str | None
    next_address: str | None


def items_table(
    items: Sequence[ApiObject],
    criteria: Sequence[Criterion],
    *,
    page: ItemsPage,
    addresses: ReportAddresses,
    selected_id: str | None,
) -> ItemsTable:
    """Give the table of one page of output items."""
    rows = tuple(_row(item, criteria, page, addresses, selected_id) for item in items)
    is_later = page.after is not None or page.before is not None
    return ItemsTable(
        columns=tuple(criteria[:CRITERIA_COLUMNS]),
        hidden_columns=max(0, len(criteria) - CRITERIA_COLUMNS),
        has_expected=any(criterion.reference for criterion in criteria),
        rows=rows,
        page=page,
        first_address=addresses.items(status=page.status) if is_later else None,
        previous_address=page.previous_before
        and addresses.items(status=page.status, before=page.previous_before),
        next_address=page.next_after and addresses.items(status=page.status, after=page.next_after),
    )


def item_filters(page: ItemsPage, addresses: ReportAddresses, counts: Counts) -> tuple[Filter, ...]:
    """Give the choices above the table, each with its number of items."""
    choices: list[tuple[str, ItemStatus | None, int]] = [
        ("All", None, counts.done),
        ("Passed", "pass", counts.passed),
        ("Failed", "fail", counts.failed),
        ("Errored", "error", counts.errored),
    ]
    return tuple(
        Filter(label, count, addresses.items(status=status), page.status == status)
        for label, status, count in choices
    )


def mark_of(result: ApiObject, criterion: Criterion | None) -> Mark:
    """Give a grader's verdict. An error stands before the score, which is then no score."""
    threshold = criterion.threshold if criterion else None
    if result.get("error"):
        return Mark("error", None, threshold)
    kind: ItemStatus = "pass" if result.get("passed") else "fail"
    return Mark(kind, number_or_none(result.get("score")), threshold)


def error_messages(item: ApiObject) -> list[str]:
    """Give the messages of everything that broke on this item."""
    broken = [object_of(item.get("sample")).get("error")]
    broken += [object_of(result).get("error") for result in list_of(item.get("results"))]
    errors = [object_of(error) for error in broken if error]
    return [text_of(error.get("message")) or text_of(error.get("code")) for error in errors]


def _row(
    item: ApiObject,
    criteria: Sequence[Criterion],
    page: ItemsPage,
    addresses: ReportAddresses,
    selected_id: str | None,
) -> ItemRow:
    item_id = text_of(item.get("id"))
    output = output_text(item)
    errors = error_messages(item)
    is_error_text = not output and bool(errors)
    return ItemRow(
        id=item_id,
        number=count_of(item.get("datasource_item_id")),
        status=text_of(item.get("status")),
        input=clip(_input_text(item), _CELL_LIMIT),
        output=clip(errors[0] if is_error_text else output, _CELL_LIMIT),
        is_error_text=is_error_text,
        expected=_expected(item, criteria),
        marks=_marks(item, criteria)[:CRITERIA_COLUMNS],
        latency_ms=number_or_none(object_of(item.get("evald")).get("latency_ms")),
        tokens=_tokens(item),
        address=addresses.items(
            status=page.status, after=page.after, before=page.before, item=item_id
        ),
        is_selected=item_id == selected_id,
    )


def _input_text(item: ApiObject) -> str:
    """Give the last message of the user, else the row itself."""
    messages = list_of(object_of(item.get("sample")).get("input"))
    for message in reversed([object_of(message) for message in messages]):
        if message.get("role") == "user":
            return content_text(message.get("content"))
    return as_line(item.get("datasource_item"), _CELL_LIMIT).shown


def _expected(item: ApiObject, criteria: Sequence[Criterion]) -> Text | None:
    """Give the reference of the first criterion that has one."""
    seen = namespaces_of(item)
    for criterion in criteria:
        if (expected := expected_of(criterion, seen)) is not None:
            return clip(expected, _CELL_LIMIT)
    return None


def _marks(item: ApiObject, criteria: Sequence[Criterion]) -> tuple[Mark, ...]:
    results = names_of(criteria).results_in(item.get("results"))
    return tuple(
        Mark(None, None) if result is None else mark_of(result, criterion)
        for criterion, result in zip(criteria, results, strict=True)
    )


def _tokens(item: ApiObject) -> int | None:
    usage: JsonValue = object_of(item.get("sample")).get("usage")
    return count_or_none(object_of(usage).get("total_tokens"))
