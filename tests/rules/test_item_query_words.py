"""A query of items as parameters: what is written is read back, and nothing else is taken for one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evald.rules.item_query import ItemQuery, Range, Sort
from evald.rules.item_query_words import (
    LONGEST_NAME,
    LONGEST_TEXT,
    LONGEST_VALUE,
    MOST_FIELDS,
    OUTCOMES,
    read_query,
    written_query,
)
from evald.rules.verdict import ITEM_STATUSES

CRITERIA = 4
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(min_size=1, max_size=20).map(str.strip).filter(bool)


def in_order(low: float | None, high: float | None) -> Range:
    both = low is not None and high is not None and low > high
    return Range(high, low) if both else Range(low, high)


RANGES = st.builds(in_order, st.none() | NUMBERS, st.none() | NUMBERS)
PLACES = st.integers(0, CRITERIA - 1)
SORTS = st.builds(
    Sort, st.sampled_from(["row", "latency", "tokens"]), st.just(0), st.booleans()
) | st.builds(Sort, st.just("score"), PLACES, st.booleans())
QUERIES = st.builds(
    ItemQuery,
    status=st.none() | st.sampled_from(ITEM_STATUSES),
    text=st.just("") | TEXTS,
    verdicts=st.dictionaries(PLACES, st.sampled_from(OUTCOMES)).map(
        lambda each: tuple(sorted(each.items()))
    ),
    scores=st.dictionaries(PLACES, RANGES.filter(lambda each: not each.is_all)).map(
        lambda each: tuple(sorted(each.items()))
    ),
    latency_ms=RANGES,
    tokens=RANGES,
    fields=st.dictionaries(TEXTS, st.text(min_size=1, max_size=20), max_size=MOST_FIELDS).map(
        lambda each: tuple(each.items())
    ),
    reason=st.none() | TEXTS,
    sort=SORTS,
)


@given(QUERIES)
@settings(max_examples=40)
def test_a_query_that_is_written_is_read_back(query: ItemQuery) -> None:
    read = read_query(written_query(query), CRITERIA)

    assert (read.query, read.not_understood) == (query, ())


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["status", "q", "c0", "s1", "latency", "sort", "f.a", "f.", "reason"])
            | st.text(max_size=5),
            st.text(max_size=30) | st.from_regex(r"\A-?[0-9.e]{1,8}\.\.[0-9.]{0,4}\Z"),
        ),
        max_size=8,
    )
)
def test_any_parameters_are_a_query_that_is_written_and_read_back(
    parameters: list[tuple[str, str]],
) -> None:
    query = read_query(parameters, CRITERIA).query

    assert read_query(written_query(query), CRITERIA).query == query


def test_a_query_is_written_in_few_words() -> None:
    query = ItemQuery(
        status="fail",
        text="refund",
        verdicts=((0, "failed"),),
        scores=((1, Range(0.2, 0.7)),),
        latency_ms=Range(500, None),
        tokens=Range(None, 800),
        fields=(("country", "DE"),),
        sort=Sort("score", 1, is_descending=True),
    )

    assert "&".join(f"{name}={value}" for name, value in written_query(query)) == (
        "status=fail&q=refund&c0=failed&s1=0.2..0.7&latency=500..&tokens=..800"
        "&f.country=DE&sort=-score1"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "passed?"),
        ("q", "x" * (LONGEST_TEXT + 1)),
        ("c0", "maybe"),
        (f"c{CRITERIA}", "failed"),
        ("c99999999999999999999", "failed"),
        ("s0", "low..high"),
        ("s0", "1e999.."),
        ("s0", "nan.."),
        ("latency", "٣.."),
        ("latency", ".."),
        ("tokens", "1_000"),
        ("f." + "n" * (LONGEST_NAME + 1), "v"),
        ("f.", "v"),
        ("f.a", "v" * (LONGEST_VALUE + 1)),
        ("sort", "score"),
        ("sort", f"score{CRITERIA}"),
        ("sort", "--row"),
    ],
)
def test_what_says_nothing_is_named_and_limits_nothing(name: str, value: str) -> None:
    read = read_query([(name, value)], CRITERIA)

    assert (read.query, read.not_understood) == (ItemQuery(), (name,))


def test_limits_the_wrong_way_round_are_turned_and_a_single_one_is_both() -> None:
    read = read_query([("latency", "800..500"), ("tokens", "7"), ("sort", "row")], CRITERIA)

    assert read.query == ItemQuery(latency_ms=Range(500, 800), tokens=Range(7, 7))
    assert read.not_understood == ()
