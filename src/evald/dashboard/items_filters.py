"""What stands above the table of items: statuses, search, filters, columns, and the filters in force."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from evald.dashboard.addresses import ReportAddresses
from evald.dashboard.bars import Counts
from evald.dashboard.criteria import Criterion
from evald.dashboard.items_query import ItemsAsked
from evald.dashboard.texts import Text, clip
from evald.rules.item_query import ItemQuery, Range, Sort
from evald.rules.item_query_words import Parameters, number_text, written_sort
from evald.rules.verdict import ItemStatus, Outcome

_MOST_CRITERIA: Final = 30
_VALUE_LIMIT: Final = 80


@dataclass(frozen=True)
class Filter:
    """A choice above the table: all items, or those of one status.

    `count` is None where other filters are in force, under which nobody has counted.
    """

    label: str
    count: int | None
    address: str
    is_current: bool


@dataclass(frozen=True)
class Chip:
    """A filter in force, and the address without it."""

    label: str
    value: Text
    address: str


@dataclass(frozen=True)
class Limits:
    """The two limits of a range, as the fields of a form hold them."""

    low: str
    high: str


@dataclass(frozen=True)
class CriterionFields:
    """The fields of the filter form about one criterion; `scores` is None where it gives none."""

    place: int
    name: str
    verdict: Outcome | None
    scores: Limits | None


@dataclass(frozen=True)
class OrderChoice:
    """An order of the list."""

    value: str
    label: str
    is_current: bool


@dataclass(frozen=True)
class ItemsTools:
    """The forms above the table. What each sends beside its own fields is in its `with_`."""

    action: str
    text: str
    with_search: Parameters
    with_filter: Parameters
    with_columns: Parameters
    criteria: tuple[CriterionFields, ...]
    latency: Limits
    tokens: Limits
    orders: tuple[OrderChoice, ...]
    chips: tuple[Chip, ...]
    clear_address: str | None


def items_tools(
    asked: ItemsAsked,
    criteria: Sequence[Criterion],
    addresses: ReportAddresses,
    reason: str,
) -> ItemsTools:
    """Give the forms above the table. `reason` says in words which reason is asked for, if one is."""
    query = asked.query
    start = asked.at_start(query)
    own = tuple(f"{kind}{place}" for place in range(len(criteria)) for kind in "cs")
    is_filtered = query != ItemQuery(sort=query.sort)
    return ItemsTools(
        action=addresses.items_action(),
        text=query.text,
        with_search=addresses.items_form(start, "q"),
        with_filter=addresses.items_form(start, "latency", "tokens", "sort", *own),
        with_columns=addresses.items_form(asked.opened(None), "columns"),
        criteria=_criterion_fields(query, criteria),
        latency=_limits(query.latency_ms),
        tokens=_limits(query.tokens),
        orders=_orders(query.sort, criteria),
        chips=tuple(_chips(asked, criteria, addresses, reason)),
        clear_address=addresses.items(ItemQuery(sort=query.sort)) if is_filtered else None,
    )


def item_filters(
    asked: ItemsAsked, addresses: ReportAddresses, counts: Counts
) -> tuple[Filter, ...]:
    """Give the choices above the table, each with its number of items."""
    choices: list[tuple[str, ItemStatus | None, int]] = [
        ("All", None, counts.done),
        ("Passed", "pass", counts.passed),
        ("Failed", "fail", counts.failed),
        ("Errored", "error", counts.errored),
    ]
    query = asked.query
    is_counted = replace(query, sort=Sort()).is_plain
    return tuple(
        Filter(
            label,
            count if is_counted else None,
            addresses.items(replace(query, status=status)),
            query.status == status,
        )
        for label, status, count in choices
    )


def _criterion_fields(
    query: ItemQuery, criteria: Sequence[Criterion]
) -> tuple[CriterionFields, ...]:
    verdicts, scores = dict(query.verdicts), dict(query.scores)
    return tuple(
        CriterionFields(
            place,
            criterion.name,
            verdicts.get(place),
            _limits(scores.get(place, Range())) if criterion.threshold is not None else None,
        )
        for place, criterion in enumerate(criteria[:_MOST_CRITERIA])
    )


def _limits(limits: Range) -> Limits:
    return Limits(number_text(limits.low), number_text(limits.high))


def _orders(now: Sort, criteria: Sequence[Criterion]) -> tuple[OrderChoice, ...]:
    orders = [
        (Sort(), "by row"),
        (Sort(is_descending=True), "by row, last first"),
        (Sort("latency", is_descending=True), "slowest first"),
        (Sort("latency"), "fastest first"),
        (Sort("tokens", is_descending=True), "most tokens first"),
        (Sort("tokens"), "fewest tokens first"),
    ]
    for place, criterion in enumerate(criteria[:_MOST_CRITERIA]):
        if criterion.threshold is not None or (now.key == "score" and now.criterion == place):
            orders += [
                (Sort("score", place), f"lowest first: {criterion.name}"),
                (Sort("score", place, is_descending=True), f"highest first: {criterion.name}"),
            ]
    return tuple(OrderChoice(written_sort(sort), label, sort == now) for sort, label in orders)


def _chips(
    asked: ItemsAsked, criteria: Sequence[Criterion], addresses: ReportAddresses, reason: str
) -> list[Chip]:
    query = asked.query

    def chip(label: str, value: str, without: ItemQuery) -> Chip:
        return Chip(
            clip(label, _VALUE_LIMIT).shown, clip(value, _VALUE_LIMIT), addresses.items(without)
        )

    chips = [chip("has", query.text, replace(query, text=""))] if query.text else []
    for place, verdict in query.verdicts:
        left = tuple(each for each in query.verdicts if each[0] != place)
        chips.append(chip(criteria[place].name, verdict, replace(query, verdicts=left)))
    for place, limits in query.scores:
        rest = tuple(each for each in query.scores if each[0] != place)
        words = f"score {_range_words(limits)}"
        chips.append(chip(criteria[place].name, words, replace(query, scores=rest)))
    if not query.latency_ms.is_all:
        words = f"{_range_words(query.latency_ms)} ms"
        chips.append(chip("Latency", words, replace(query, latency_ms=Range())))
    if not query.tokens.is_all:
        chips.append(chip("Tokens", _range_words(query.tokens), replace(query, tokens=Range())))
    for name, value in query.fields:
        others = tuple(each for each in query.fields if each[0] != name)
        chips.append(chip(name, value, replace(query, fields=others)))
    if query.reason:
        chips.append(chip("Reason", reason or query.reason, replace(query, reason=None)))
    return chips


def _range_words(limits: Range) -> str:
    if limits.low is None:
        return f"at most {number_text(limits.high)}"
    if limits.high is None:
        return f"at least {number_text(limits.low)}"
    return f"{number_text(limits.low)} to {number_text(limits.high)}"
