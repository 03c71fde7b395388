"""How a page of items is found in the index, by whichever way costs least.

Three ways, and what each of them reads:
- in order: along what the list is sorted by, passing over what does not fit;
- by words: the index of words gives items in the order of their rows, and only those that fit;
- as a set: all items with some words, or within a range, are gathered and sorted.
The first is for what fits often and the last for what fits seldom; kept counts tell which that is.
Words that very many items have are looked for in order as well, over a bounded stretch of the list.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    Select,
    cast,
    func,
    literal,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSON
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.rules.bins import Bins
from evald.rules.item_cursor import ItemPlace
from evald.rules.item_facts import CODES, MOST_CODED
from evald.rules.item_keys import key_of, keys_of, row_of
from evald.rules.item_query import ItemQuery, Range, Sort
from evald.rules.item_tags import field_tag, reason_tag, status_tag, verdict_tag
from evald.rules.words import Term, terms_of
from evald.store.index_tables import item_facts, item_scores, run_bins, run_reasons
from evald.store.item_matches import Matches
from evald.store.item_places import Asked, FoundPlace, FoundPlaces, FoundRun

SMALL_SET: Final = 5000
"""So many items are gathered and sorted rather than all others passed over."""
LARGEST_SET: Final = 100_000
"""So many that have the words of a search are sorted; others are left out of a list by a number."""
COMMON: Final = 40_000
"""From so many on, items with some words are looked for in the order of the list first."""
STRETCH: Final = 4000
"""Items of the list that are passed over at most in doing so, at 10 to 70 µs each on SQLite."""


async def indexed_places(connection: AsyncConnection, run: FoundRun, asked: Asked) -> FoundPlaces:
    """Give the next places of a list, of the items that the index has by now."""
    wanted = await _wanted(connection, run, asked.query)
    if wanted is None:
        return FoundPlaces([])
    gathered = await _gathered(connection, run, asked.query, wanted)
    if gathered is None:
        return FoundPlaces(await _read(connection, _in_order(run, asked, wanted), asked))
    if gathered.is_common:
        near = await _in_stretch(connection, run, asked, wanted)
        if near is not None:
            return FoundPlaces(near)
    places = await _read(connection, _as_set(run, gathered, asked, wanted), asked)
    return FoundPlaces(places, gathered.is_cut)


async def _read(
    connection: AsyncConnection, statement: Select[Any], asked: Asked
) -> list[FoundPlace]:
    found = await connection.execute(statement.limit(asked.limit + 1))
    return [FoundPlace(row[1], ItemPlace(float(row[2]), row_of(row[0]))) for row in found]


@dataclass
class _Wanted:
    """What a query asks for, said in both ways: to the index of words, and of the facts."""

    dialect: str
    matches: Matches
    terms: list[Term] = field(default_factory=list)
    only_terms: bool = False
    """Whether some of it is known by words and tags alone."""
    conditions: list[ColumnElement[bool]] = field(default_factory=list)


async def _wanted(connection: AsyncConnection, run: FoundRun, query: ItemQuery) -> _Wanted | None:
    """Say what is wanted, or None where nothing can fit."""
    words = terms_of(query.text)
    if query.text.strip() and not words:
        return None
    facts, seq = item_facts.c, run.seq
    fields = [Term(field_tag(seq, name, value)) for name, value in query.fields]
    terms, conditions = [*words, *fields], list[ColumnElement[bool]]()
    only_terms = bool(terms)
    if query.status is not None:
        terms.append(Term(status_tag(seq, query.status)))
        conditions.append(facts.status == query.status)
    for place, outcome in query.verdicts:
        terms.append(Term(verdict_tag(seq, place, outcome)))
        if place < MOST_CODED:
            bits, code = 3 << 2 * place, CODES[outcome] << 2 * place
            conditions.append(facts.verdicts.bitwise_and(literal(bits, BigInteger)) == code)
        else:
            only_terms = True
    if query.reason is not None:
        number = await _number_of(connection, seq, query.reason)
        if number is None:
            return None
        terms.append(Term(reason_tag(seq, query.reason)))
        conditions.append(facts.reason == number)
    conditions += _within(facts.latency_ms, query.latency_ms) + _within(facts.tokens, query.tokens)
    for place, limits in query.scores:
        conditions += _within(_score(connection.dialect.name, place), limits)
    dialect = connection.dialect.name
    return _Wanted(dialect, Matches(dialect, seq, terms), terms, only_terms, conditions)


async def _number_of(connection: AsyncConnection, run_seq: int, key: str) -> int | None:
    found = await connection.execute(
        select(run_reasons.c.number).where(
            run_reasons.c.run_seq == run_seq, run_reasons.c.key == key
        )
    )
    number: int | None = found.scalar_one_or_none()
    return number


def _score(dialect: str, place: int) -> ColumnElement[float]:
    """Give the score of a criterion, out of the facts."""
    if dialect == "postgresql":
        text = cast(item_facts.c.scores, JSON)[place].astext
        return cast(text, Float)
    return func.json_extract(item_facts.c.scores, f"$[{place:d}]")


def _within(number: ColumnElement[Any], limits: Range) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if limits.low is not None:
        conditions.append(number >= literal(limits.low, Float))
    if limits.high is not None:
        conditions.append(number <= literal(limits.high, Float))
    return conditions


@dataclass(frozen=True, slots=True)
class _Set:
    """Some items that all that fit are among."""

    keys: Select[Any]
    number: int
    """About how many they are, SMALL_SET at most, unless there is no other way."""
    has_terms: bool = False
    """Whether all words and tags that are asked for are known of them."""
    is_cut: bool = False
    is_common: bool = False


async def _gathered(
    connection: AsyncConnection, run: FoundRun, query: ItemQuery, wanted: _Wanted
) -> _Set | None:
    """Give the smallest set to gather, or None where the list is better read in order."""
    sets = [each for each in await _ranges(connection, run, query) if each.number <= SMALL_SET]
    if wanted.terms and query.sort.key != "row":
        most = LARGEST_SET if wanted.only_terms else SMALL_SET
        keys = wanted.matches.keys()
        number = await _count(connection, keys.limit(most + 1))
        if wanted.only_terms or number <= most:
            cut = keys.order_by(wanted.matches.key).limit(most)
            is_common = wanted.only_terms and number > COMMON
            sets.append(_Set(cut, number, True, number > most, is_common))
    return min(sets, key=lambda each: each.number, default=None)


async def _count(connection: AsyncConnection, rows: Select[Any]) -> int:
    found = await connection.execute(select(func.count()).select_from(rows.subquery()))
    return found.scalar_one()


async def _ranges(connection: AsyncConnection, run: FoundRun, query: ItemQuery) -> list[_Set]:
    """Give the set within each range that is asked for."""
    sets = []
    facts, scores = item_facts.c, item_scores.c
    numbers: tuple[tuple[Literal["latency", "tokens"], ColumnElement[Any], Range], ...] = (
        ("latency", facts.latency_ms, query.latency_ms),
        ("tokens", facts.tokens, query.tokens),
    )
    for kind, number, limits in numbers:
        if not limits.is_all:
            count = await _within_bins(connection, run.seq, kind, 0, limits)
            keys = select(facts.key).where(facts.run_seq == run.seq, *_within(number, limits))
            sets.append(_Set(keys, count))
    for place, limits in query.scores:
        if not limits.is_all:
            count = await _within_bins(connection, run.seq, "score", place, limits)
            of_criterion = (scores.run_seq == run.seq, scores.criterion == place)
            keys = select(scores.key).where(*of_criterion, *_within(scores.score, limits))
            sets.append(_Set(keys, count))
    return sets


async def _within_bins(
    connection: AsyncConnection, run_seq: int, kind: str, criterion: int, limits: Range
) -> int:
    found = await connection.execute(
        select(run_bins.c.bin, run_bins.c["count"]).where(
            run_bins.c.run_seq == run_seq,
            run_bins.c.kind == kind,
            run_bins.c.criterion == criterion,
        )
    )
    return Bins(tuple((row[0], row[1]) for row in found)).between(limits.low, limits.high)


def _as_set(run: FoundRun, gathered: _Set, asked: Asked, wanted: _Wanted) -> Select[Any]:
    facts, sort = item_facts.c, asked.query.sort
    numbers: dict[str, ColumnElement[Any]] = {
        "row": literal(0.0, Float),
        "latency": facts.latency_ms,
        "tokens": facts.tokens,
        "score": _score(wanted.dialect, sort.criterion),
    }
    number = numbers[sort.key]
    rows = select(facts.key, facts.item_seq, number).where(
        facts.key.in_(gathered.keys), *wanted.conditions
    )
    if wanted.only_terms and not gathered.has_terms:
        rows = rows.where(wanted.matches.is_one(facts.key))
    if sort.key == "row":
        return _next(rows, [facts.key], run, asked)
    # What is computed is in no index: the set is read, and not the whole list.
    return _next(rows.where(number.is_not(None)), [number + 0, facts.key + 0], run, asked)


def _in_order(run: FoundRun, asked: Asked, wanted: _Wanted) -> Select[Any]:
    """Give the next items along what the list is sorted by."""
    if asked.query.sort.key == "row":
        return _by_row(run, asked, wanted)
    rows, order = _along(run, asked.query.sort, wanted)
    return _next(rows.where(*wanted.conditions), order, run, asked)


async def _in_stretch(
    connection: AsyncConnection, run: FoundRun, asked: Asked, wanted: _Wanted
) -> list[FoundPlace] | None:
    """Look for a page along the list, but no further than a stretch; None where that holds too few."""
    rows, order = _along(run, asked.query.sort, wanted)
    found = await connection.execute(_next(rows, order, run, asked).limit(1).offset(STRETCH))
    end = found.one_or_none()
    rows = rows.where(*wanted.conditions, wanted.matches.is_one(item_facts.c.key))
    if end is not None:
        here, there = tuple_(*order), tuple_(literal(float(end[2]), Float), literal(end[0]))
        rows = rows.where(here >= there if asked.is_down else here <= there)
    places = await _read(connection, _next(rows, order, run, asked), asked)
    return places if end is None or len(places) > asked.limit else None


def _by_row(run: FoundRun, asked: Asked, wanted: _Wanted) -> Select[Any]:
    facts = item_facts.c
    rows = select(facts.key, facts.item_seq, literal(0.0, Float)).where(*wanted.conditions)
    if not wanted.terms:
        return _next(rows.where(facts.key.between(*keys_of(run.seq))), [facts.key], run, asked)
    found = wanted.matches
    rows = rows.where(found.is_found, facts.key == _first(found.key, wanted))
    return _next(rows, [found.key], run, asked)


def _along(
    run: FoundRun, sort: Sort, wanted: _Wanted
) -> tuple[Select[Any], list[ColumnElement[Any]]]:
    """Give all items that have the number by which they are sorted, and what orders them."""
    facts, scores = item_facts.c, item_scores.c
    if sort.key == "score":
        rows = select(facts.key, facts.item_seq, scores.score).where(
            scores.run_seq == run.seq,
            scores.criterion == sort.criterion,
            facts.key == _first(scores.key, wanted),
        )
        return rows, [scores.score, scores.key]
    number = facts.latency_ms if sort.key == "latency" else facts.tokens
    rows = select(facts.key, facts.item_seq, number).where(
        facts.run_seq == run.seq, number.is_not(None)
    )
    return rows, [number, facts.key]


def _first(key: ColumnElement[int], wanted: _Wanted) -> ColumnElement[int]:
    """Have SQLite read the table of this key first; Postgres knows better by its statistics."""
    return key if wanted.dialect == "postgresql" else key + 0  # a sum is in no index


def _next(
    rows: Select[Any], order: Sequence[ColumnElement[Any]], run: FoundRun, asked: Asked
) -> Select[Any]:
    """Give the rows beyond the place, in the order of the list."""
    if asked.place is not None:
        key = literal(key_of(run.seq, asked.place.row), BigInteger)
        # Tokens are whole numbers, also to Postgres.
        number = literal(asked.place.value, Float)
        here = tuple_(*order) if len(order) > 1 else order[0]
        there = tuple_(number, key) if len(order) > 1 else key
        rows = rows.where(here < there if asked.is_down else here > there)
    return rows.order_by(*(each.desc() if asked.is_down else each for each in order))
