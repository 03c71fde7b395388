"""The columns of the table of items: which there are, which are shown, and how they sort."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Final, Literal

from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.criteria import Criterion
from evald.dashboard.items_query import MOST_COLUMNS, ItemsAsked
from evald.dashboard.reading import ApiObject, object_of
from evald.dashboard.texts import clip
from evald.rules.item_query import Sort, SortKey
from evald.rules.item_query_words import LONGEST_NAME

USUAL_CRITERIA: Final = 3
"""So many criteria have a column unless the reader chooses others."""
_MOST_FIELDS: Final = 30
_MOST_CHOICES: Final = 60
_NAME_LIMIT: Final = 60

ColumnKind = Literal["input", "output", "expected", "criterion", "latency", "tokens", "field"]
Order = Literal["ascending", "descending", ""]


@dataclass(frozen=True)
class Column:
    """A column of the table. `key` is its name in addresses, `place` the position of its criterion."""

    key: str
    name: str
    kind: ColumnKind
    place: int = 0
    field: str = ""


@dataclass(frozen=True)
class Heading:
    """The head of a column that sorts. `address` leads to its next order."""

    order: Order
    address: str
    next_order: str


@dataclass(frozen=True)
class ColumnChoice:
    """A column that can be shown or hidden."""

    column: Column
    is_shown: bool


def possible_columns(criteria: Sequence[Criterion], fields: Iterable[str]) -> tuple[Column, ...]:
    """Give all columns that a table of these items can have, in their order."""
    has_expected = any(criterion.reference for criterion in criteria)
    return (
        Column("input", "Input", "input"),
        Column("output", "Output", "output"),
        *([Column("expected", "Expected", "expected")] if has_expected else []),
        *(_field(name) for name in fields),
        *(
            Column(f"c{place}", criterion.name, "criterion", place)
            for place, criterion in enumerate(criteria)
        ),
        Column("latency", "Latency", "latency"),
        Column("tokens", "Tokens", "tokens"),
    )


def shown_columns(asked: Sequence[str], possible: Sequence[Column]) -> tuple[Column, ...]:
    """Give the columns that are asked for, or else the usual ones."""
    wanted = set(asked) or {column.key for column in possible if _is_usual(column)}
    return tuple(column for column in possible if column.key in wanted)[:MOST_COLUMNS]


def column_choices(possible: Sequence[Column], shown: Sequence[Column]) -> tuple[ColumnChoice, ...]:
    """Give the columns to choose from; those that are shown are always among them."""
    keys = {column.key for column in shown}
    offered = [each for each in possible if each.key in keys] + [
        each for each in possible if each.key not in keys
    ]
    few = {each.key for each in offered[:_MOST_CHOICES]}
    return tuple(
        ColumnChoice(column, column.key in keys) for column in possible if column.key in few
    )


def field_names(
    eval_object: ApiObject, items: Iterable[ApiObject], asked: ItemsAsked
) -> tuple[str, ...]:
    """Give the names of the rows' fields that are known: by address, by schema and by these items."""
    schema = object_of(object_of(eval_object.get("data_source_config")).get("schema"))
    item_schema = object_of(object_of(schema.get("properties")).get("item"))
    names = [key[2:] for key in asked.columns if key.startswith("f.")]
    names += [name for name, _ in asked.query.fields]
    names += islice(object_of(item_schema.get("properties")), _MOST_FIELDS)
    for item in items:
        names += islice(object_of(item.get("datasource_item")), _MOST_FIELDS)
    fit = (name for name in names if 0 < len(name) <= LONGEST_NAME - 2 and "," not in name)
    return tuple(islice(dict.fromkeys(fit), _MOST_FIELDS))


def heading_of(
    asked: ItemsAsked, key: SortKey, addresses: ReportAddresses, place: int = 0
) -> Heading:
    """Give how the list is sorted by this, and the order that a click asks for.

    The first click gives the order that finds the odd ones: low scores, long and expensive calls.
    """
    largest_first = key in ("latency", "tokens")
    first = Sort(key, place, is_descending=largest_first)
    second = Sort(key, place, is_descending=not largest_first)
    now = asked.query.sort
    following = first if now not in (first, second) else second if now == first else Sort()
    return Heading(
        order=_order(now) if now in (first, second) else "",
        address=addresses.items_page(asked.at_start(replace(asked.query, sort=following))),
        next_order="by row" if following == Sort() else _order(following),
    )


def _order(sort: Sort) -> Order:
    return "descending" if sort.is_descending else "ascending"


def _field(name: str) -> Column:
    return Column(f"f.{name}", clip(name, _NAME_LIMIT).shown, "field", field=name)


def _is_usual(column: Column) -> bool:
    return column.kind != "field" and column.place < USUAL_CRITERIA
