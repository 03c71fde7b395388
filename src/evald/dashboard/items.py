"""The table of output items, page by page."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias

from evald.contract.json_types import JsonValue
from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.criteria import (
    Criterion,
    expected_of,
    namespaces_of,
)
from evald.dashboard.item_outline import Mark, input_of, marks_of, output_of
from evald.dashboard.items_columns import (
    Column,
    ColumnChoice,
    Heading,
    column_choices,
    field_names,
    heading_of,
    possible_columns,
    shown_columns,
)
from evald.dashboard.items_filters import ItemsTools, items_tools
from evald.dashboard.items_query import ItemsAsked
from evald.dashboard.reading import (
    ApiObject,
    count_of,
    count_or_none,
    number_or_none,
    object_of,
    text_of,
)
from evald.dashboard.texts import Text, as_line, clip

_CELL_LIMIT: Final = 240
_USUAL_WIDTH: Final = 8
"""So many columns fit beside number and status."""


@dataclass(frozen=True)
class ItemsPage:
    """One page of a run's output items, as it was asked for and as the list goes on.

    `next_after` and `previous_before` lead to its neighbours and are None at an end. `item_before` and
    `item_after` open the neighbours of the open item, where those are not on the page themselves.
    `total` counts the items of the list and is None where nobody has counted them.
    """

    shown: int
    total: int | None
    asked: ItemsAsked = field(default_factory=ItemsAsked)
    next_after: str | None = None
    previous_before: str | None = None
    item_before: ItemsAsked | None = None
    item_after: ItemsAsked | None = None
    searchable: int | None = None
    """So many items were looked through for this list, or None where it is all of them."""
    sorted_at_most: int | None = None
    """So many of those that match were sorted, the first by row; None where all of them were."""
    reason: str = ""
    """In words the reason that is asked for, or empty where none is or it is not known."""
    has_parquet: bool = True
    """Whether this server can write Parquet."""

    @property
    def known_total(self) -> int | None:
        """Give the number of items of the list, also where the page itself is all of it."""
        is_all = self.next_after is None and self.previous_before is None
        return self.shown if self.total is None and is_all else self.total


Cell: TypeAlias = Text | Mark | float | int | None
"""A text, a verdict, or a figure; None where there is nothing."""


@dataclass(frozen=True)
class ItemRow:
    """One output item as the table shows it, with a cell for each column."""

    id: str
    number: int
    status: str
    cells: tuple[Cell, ...]
    is_error_text: bool
    address: str
    is_selected: bool


@dataclass(frozen=True)
class Export:
    """The items of the list as a file; `address` is None where this server cannot make it."""

    kind: str
    label: str
    address: str | None


@dataclass(frozen=True)
class ItemsTable:
    """The items part of the report. Addresses are None where there is no such page."""

    address: str
    """That of this page, with all that is chosen."""
    row_heading: Heading
    columns: tuple[tuple[Column, Heading | None], ...]
    choices: tuple[ColumnChoice, ...]
    fields: tuple[str, ...]
    rows: tuple[ItemRow, ...]
    page: ItemsPage
    tools: ItemsTools
    exports: tuple[Export, ...]
    first_address: str | None
    previous_address: str | None
    next_address: str | None

    @property
    def width(self) -> int:
        """Give how much wider than usual it has to be, in columns."""
        return max(0, len(self.columns) - _USUAL_WIDTH)


def items_table(
    items: Sequence[ApiObject],
    criteria: Sequence[Criterion],
    *,
    page: ItemsPage,
    addresses: ReportAddresses,
    eval_object: ApiObject,
) -> ItemsTable:
    """Give the table of one page of output items."""
    asked = page.asked
    fields = field_names(eval_object, items, asked)
    possible = possible_columns(criteria, fields)
    columns = shown_columns(asked.columns, possible)
    start = asked.at_start(asked.query)
    return ItemsTable(
        address=addresses.items_page(asked),
        row_heading=heading_of(asked, "row", addresses),
        columns=tuple((column, _heading(column, asked, addresses)) for column in columns),
        choices=column_choices(possible, columns),
        fields=fields,
        rows=tuple(_row(item, criteria, columns, asked, addresses) for item in items),
        page=page,
        tools=items_tools(asked, criteria, addresses, page.reason),
        exports=_exports(page, addresses),
        first_address=addresses.items_page(start) if asked.after or asked.before else None,
        previous_address=page.previous_before
        and addresses.items_page(replace(start, before=page.previous_before)),
        next_address=page.next_after
        and addresses.items_page(replace(start, after=page.next_after)),
    )


def _heading(column: Column, asked: ItemsAsked, addresses: ReportAddresses) -> Heading | None:
    match column.kind:
        case "latency" | "tokens" as key:
            return heading_of(asked, key, addresses)
        case "criterion":
            return heading_of(asked, "score", addresses, column.place)
    return None


def _exports(page: ItemsPage, addresses: ReportAddresses) -> tuple[Export, ...]:
    kinds = [("csv", "CSV"), ("jsonl", "JSONL"), ("parquet", "Parquet")]
    return tuple(
        Export(
            kind,
            label,
            addresses.export(kind, page.asked.query)
            if kind != "parquet" or page.has_parquet
            else None,
        )
        for kind, label in kinds
    )


def _row(
    item: ApiObject,
    criteria: Sequence[Criterion],
    columns: Sequence[Column],
    asked: ItemsAsked,
    addresses: ReportAddresses,
) -> ItemRow:
    item_id = text_of(item.get("id"))
    marks = marks_of(item, criteria)
    return ItemRow(
        id=item_id,
        number=count_of(item.get("datasource_item_id")),
        status=text_of(item.get("status")),
        cells=tuple(
            marks[column.place] if column.kind == "criterion" else _cell(item, criteria, column)
            for column in columns
        ),
        is_error_text=output_of(item)[1],
        address=addresses.items_page(asked.opened(item_id)),
        is_selected=item_id == asked.item,
    )


def _cell(item: ApiObject, criteria: Sequence[Criterion], column: Column) -> Cell:
    match column.kind:
        case "input":
            return input_of(item, _CELL_LIMIT)
        case "output":
            return clip(output_of(item)[0], _CELL_LIMIT)
        case "expected":
            return _expected(item, criteria)
        case "field":
            row = object_of(item.get("datasource_item"))
            return as_line(row[column.field], _CELL_LIMIT) if column.field in row else None
        case "latency" | "tokens" if object_of(item.get("sample")).get("error"):
            return None  # a call that gave no sample: it counts in no figure, sort or filter either
        case "latency":
            return number_or_none(object_of(item.get("evald")).get("latency_ms"))
        case _:
            return _tokens(item)


def _expected(item: ApiObject, criteria: Sequence[Criterion]) -> Text | None:
    """Give the reference of the first criterion that has one."""
    seen = namespaces_of(item)
    for criterion in criteria:
        if (expected := expected_of(criterion, seen)) is not None:
            return clip(expected, _CELL_LIMIT)
    return None


def _tokens(item: ApiObject) -> int | None:
    usage: JsonValue = object_of(item.get("sample")).get("usage")
    return count_or_none(object_of(usage).get("total_tokens"))
