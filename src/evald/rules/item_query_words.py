"""A query of items as the parameters of an address, and back: `q=refund&c0=failed&latency=500..`."""

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final, TypeAlias, TypeVar, get_args

from evald.rules.item_query import ItemQuery, Range, Sort, SortKey
from evald.rules.verdict import ITEM_STATUSES, Outcome

Parameters: TypeAlias = Sequence[tuple[str, str]]
Word = TypeVar("Word", bound=str)

OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
LONGEST_TEXT: Final = 200
LONGEST_NAME: Final = 100
LONGEST_VALUE: Final = 200
MOST_FIELDS: Final = 10

_OURS: Final = re.compile(r"status|q|latency|tokens|reason|sort|[cs][0-9]+|f\..*", re.DOTALL)
_NUMBER: Final = re.compile(
    r"-?([0-9]{1,25}(\.[0-9]{0,25})?|\.[0-9]{1,25})(e[+-]?[0-9]{1,3})?", re.IGNORECASE
)
_SORT: Final = re.compile(r"(-?)(row|latency|tokens|score([0-9]{1,6}))")


@dataclass(frozen=True, slots=True)
class ReadQuery:
    """What parameters ask for."""

    query: ItemQuery
    not_understood: tuple[str, ...]
    """The names of those that mean a query, but of which the value says nothing."""


def read_query(parameters: Iterable[tuple[str, str]], criteria: int) -> ReadQuery:
    """Read a query from the parameters of an address, of an eval with so many criteria.

    Names that are none of a query are passed over, and so are empty values, which a form sends. Of a
    name that is given twice the first counts.
    """
    values: dict[str, str] = {}
    for name, value in parameters:
        if value:
            values.setdefault(name, value)
    places = range(criteria)
    verdicts = ((place, _word(values, f"c{place}", OUTCOMES)) for place in places)
    scores = ((place, _range(values, f"s{place}")) for place in places)
    query = ItemQuery(
        status=_word(values, "status", ITEM_STATUSES),
        text=_text(values, "q", LONGEST_TEXT) or "",
        verdicts=tuple((place, verdict) for place, verdict in verdicts if verdict),
        scores=tuple((place, limits) for place, limits in scores if not limits.is_all),
        latency_ms=_range(values, "latency"),
        tokens=_range(values, "tokens"),
        fields=tuple(islice(_fields(values), MOST_FIELDS)),
        reason=_text(values, "reason", LONGEST_VALUE),
        sort=_sort(values.get("sort", "row"), criteria) or Sort(),
    )
    return ReadQuery(query, _not_understood(values, query))


def written_query(query: ItemQuery) -> list[tuple[str, str]]:
    """Give the parameters that ask for this, each name once, and none for what is not limited."""
    written = [
        ("status", query.status or ""),
        ("q", query.text),
        *((f"c{place}", verdict) for place, verdict in query.verdicts),
        *((f"s{place}", written_range(limits)) for place, limits in query.scores),
        ("latency", written_range(query.latency_ms)),
        ("tokens", written_range(query.tokens)),
        *((f"f.{name}", value) for name, value in query.fields),
        ("reason", query.reason or ""),
        ("sort", "" if query.sort == Sort() else written_sort(query.sort)),
    ]
    return [(name, value) for name, value in written if value]


def written_range(limits: Range) -> str:
    """Give a range as `500..800`, `500..` or `..800`, and one of all numbers as an empty text."""
    return "" if limits.is_all else f"{number_text(limits.low)}..{number_text(limits.high)}"


def written_sort(sort: Sort) -> str:
    """Give an order as `row`, `latency`, `-tokens`, `score0`; a minus is for the largest first."""
    place = str(sort.criterion) if sort.key == "score" else ""
    return f"{'-' if sort.is_descending else ''}{sort.key}{place}"


def number_text(value: float | None) -> str:
    """Give a number as it is read back, and an empty text for none."""
    if value is None:
        return ""
    value = float(value)
    return f"{value:.0f}" if value.is_integer() and abs(value) < 1e15 else repr(value)


def read_number(text: str) -> float | None:
    """Give a number in decimals, or None where there is none."""
    if not _NUMBER.fullmatch(text):
        return None
    value = float(text)
    return value if math.isfinite(value) else None


def _word(values: Mapping[str, str], name: str, known: Sequence[Word]) -> Word | None:
    return next((word for word in known if word == values.get(name)), None)


def _text(values: Mapping[str, str], name: str, longest: int) -> str | None:
    text = values.get(name, "").strip()
    return text if 0 < len(text) <= longest else None


def _range(values: Mapping[str, str], name: str) -> Range:
    """Give a range, with its limits in their order; of all numbers where there is none to be read."""
    low_text, dots, high_text = (part.strip() for part in values.get(name, "").partition(".."))
    low = read_number(low_text)
    high = read_number(high_text) if dots else low
    if (low is None and low_text) or (high is None and high_text):
        return Range()
    if low is not None and high is not None and low > high:
        return Range(high, low)
    return Range(low, high)


def _fields(values: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    for name, value in values.items():
        field = name[2:]
        is_one = name.startswith("f.") and 0 < len(field) <= LONGEST_NAME
        if is_one and len(value) <= LONGEST_VALUE:
            yield field, value


def _sort(text: str, criteria: int) -> Sort | None:
    found = _SORT.fullmatch(text)
    if found is None:
        return None
    minus, word, place = found.groups()
    if place is None:
        keys: dict[str, SortKey] = {"row": "row", "latency": "latency", "tokens": "tokens"}
        return Sort(keys[word], is_descending=bool(minus))
    if int(place) >= criteria:
        return None
    return Sort("score", int(place), is_descending=bool(minus))


def _not_understood(values: Mapping[str, str], query: ItemQuery) -> tuple[str, ...]:
    asked = {name for name, _ in written_query(query)}
    plain = {"sort"} if values.get("sort") == "row" else set()
    return tuple(name for name in values if _OURS.fullmatch(name) and name not in asked | plain)
