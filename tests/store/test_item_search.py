"""Searching, filtering and sorting by the index gives what going through all items gives."""

import random
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from evald.rules.item_facts import ItemFacts
from evald.rules.item_query import ItemQuery, Range, Sort
from evald.rules.item_tags import field_tag
from evald.rules.verdict import ITEM_STATUSES, Outcome
from evald.rules.words import terms_of
from evald.store import item_plans
from evald.store.database import Database
from evald.store.item_search import FoundItems, find_items
from evald.store.tables import runs
from tests.store.indexing import Made, facts_of_all, indexed, made_item
from tests.store.records import Started, started_run
from tests.store.test_item_figures import save

ROWS = 60
OUTCOMES: tuple[Outcome, ...] = ("passed", "failed", "errored")
WORDS = ("billing", "bills", "Überweisung", "refund", "機器学習", "technical", "don't", "a")
HOSTILE = (
    '"',
    "*",
    'x" OR "y',
    "NEAR(a b)",
    "^billing",
    "-billing",
    "words:billing",
    "a AND",
    "%",
    "_",
)


def made(chance: random.Random, row: int) -> Made:
    errored = chance.random() < 0.15
    return Made(
        row,
        ("errored", "errored") if errored else tuple(chance.choices(OUTCOMES, k=2)),
        scores=(round(chance.random(), 1), chance.choice([0.0, 0.25, 1 / 3, 1.0])),
        said=" ".join(chance.choices(WORDS, k=3)),
        latency_ms=chance.choice([None, 1.5, 20.0, 20.0, 1234.5]),
        tokens=chance.randrange(5) * 100,
        country=chance.choice(["DE", "FR", 7, True, None]),
        error=chance.choice(["rate limit 12", "gone"]) if errored else None,
    )


@pytest.fixture
async def run(database: Database) -> Started:
    """A run whose items are in the index, beside another one with the same items."""
    for seed in (2, 1):
        chance = random.Random(seed)
        run = await started_run(database, rows=ROWS)
        items = [made_item(made(chance, row)) for row in range(ROWS)]
        chance.shuffle(items)
        await save(database, run, items)
    await indexed(database)
    return run


ranges = st.builds(
    Range,
    st.none() | st.sampled_from([0.0, 0.3, 20, 200]),
    st.none() | st.sampled_from([0.5, 20, 300, 1000]),
)
queries = st.builds(
    ItemQuery,
    status=st.none() | st.sampled_from(ITEM_STATUSES),
    text=st.just("") | st.sampled_from([*WORDS, "bill", "ti", "機器", "習", "ticket 7", *HOSTILE]),
    verdicts=st.lists(
        st.tuples(st.sampled_from([0, 1, 40]), st.sampled_from(OUTCOMES)), max_size=2
    ).map(tuple),
    scores=st.lists(st.tuples(st.sampled_from([0, 1, 40]), ranges), max_size=1).map(tuple),
    latency_ms=st.just(Range()) | ranges,
    tokens=st.just(Range()) | ranges,
    fields=st.lists(
        st.tuples(st.just("country"), st.sampled_from(["DE", "7", "true", "null", 'x"'])),
        max_size=1,
    ).map(tuple),
    sort=st.builds(
        Sort,
        st.sampled_from(["row", "latency", "tokens", "score"]),
        st.integers(0, 1),
        st.booleans(),
    ),
)


def fits(facts: ItemFacts, query: ItemQuery) -> bool:
    words, said = facts.words.split(), terms_of(query.text)
    return all(
        (
            query.status in (None, facts.status),
            bool(said) or not query.text.strip(),
            all(
                any(w.startswith(t.word) if t.is_beginning else w == t.word for w in words)
                for t in said
            ),
            all(
                place < len(facts.outcomes) and facts.outcomes[place] == outcome
                for place, outcome in query.verdicts
            ),
            all(
                limits.is_all or within(limits, score_of(facts, place))
                for place, limits in query.scores
            ),
            query.latency_ms.is_all or within(query.latency_ms, facts.latency_ms),
            query.tokens.is_all or within(query.tokens, facts.tokens),
            query.sort.key == "row" or number_of(facts, query.sort) is not None,
        )
    )


def within(limits: Range, number: float | None) -> bool:
    return number is not None and (
        (limits.low is None or number >= limits.low)
        and (limits.high is None or number <= limits.high)
    )


def score_of(facts: ItemFacts, place: int) -> float | None:
    return facts.scores[place] if place < len(facts.scores) else None


def number_of(facts: ItemFacts, sort: Sort) -> float | None:
    numbers = {"latency": facts.latency_ms, "tokens": facts.tokens, "row": 0.0}
    return score_of(facts, sort.criterion) if sort.key == "score" else numbers[sort.key]


def expected(facts: Mapping[str, ItemFacts], query: ItemQuery, run_seq: int) -> list[str]:
    """Give the ids of all items that fit, in the order of the list."""
    tags = {field_tag(run_seq, name, value) for name, value in query.fields}
    fitting = [
        (item_id, each)
        for item_id, each in facts.items()
        if fits(each, query) and tags <= set(each.tags)
    ]
    fitting.sort(key=lambda pair: number_of(pair[1], query.sort) or 0.0)
    if query.sort.is_descending:
        fitting.reverse()
    return [item_id for item_id, _ in fitting]


async def page(
    database: Database, run: Started, query: ItemQuery, **place: str | None
) -> FoundItems:
    return await database.read(
        lambda connection: find_items(
            connection,
            run.run_id,
            query,
            after=place.get("after"),
            before=place.get("before"),
            limit=7,
        )
    )


async def seq_of(database: Database, run: Started) -> int:
    found = await database.read(
        lambda connection: connection.execute(select(runs.c.seq).where(runs.c.id == run.run_id))
    )
    seq: int = found.scalar_one()
    return seq


@pytest.mark.parametrize(
    ("small_set", "common", "stretch"),
    [(0, 40_000, 4000), (10, 0, 10), (5000, 0, 4000)],
    ids=["in order", "along a short stretch", "along a stretch"],
)
@settings(max_examples=25)
@given(query=queries)
async def test_all_pages_together_are_the_items_that_fit_in_order(
    database: Database,
    run: Started,
    small_set: int,
    common: int,
    stretch: int,
    query: ItemQuery,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(item_plans, "SMALL_SET", small_set)
    monkeypatch.setattr(item_plans, "COMMON", common)
    monkeypatch.setattr(item_plans, "STRETCH", stretch)
    facts = await database.read(lambda connection: facts_of_all(connection, run.run_id))
    wanted = expected(facts, query, await seq_of(database, run))

    pages = [await page(database, run, query)]
    while pages[-1].next_after:
        pages.append(await page(database, run, query, after=pages[-1].next_after))
    back = [pages[-1]]
    while back[0].previous_before:
        back.insert(0, await page(database, run, query, before=back[0].previous_before))

    assert [item_id for found in pages for item_id, _ in found.items] == wanted
    assert [item_id for found in back for item_id, _ in found.items] == wanted
    assert {found.total for found in pages} <= {None, len(wanted)}
    assert not any(found.is_cut for found in pages)
