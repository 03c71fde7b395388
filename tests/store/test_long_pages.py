"""Pages of long texts: fewer objects than were asked for, and all of them in the end."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from itertools import chain

import pytest

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.stored_completions import CompletionFilter
from evald.rules.paging import Order, PageRequest
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import pages as page_store
from evald.store import runs as run_store
from evald.store import stored_completions as completion_store
from evald.store.database import Database
from tests.store.records import (
    Started,
    new_completion,
    new_eval,
    new_item,
    new_run,
    save_items,
    saved_eval,
    started_run,
)

UNIT = 2**15
"""Pages of these tests hold 32 of it, as real ones hold 32 MiB: texts of that size take a minute."""

# lengths of the objects in units, the limit of a page, and how many objects each page then has
WALKS: list[tuple[list[float], int, list[int]]] = [
    ([10, 10, 10, 10], 10, [3, 1]),
    ([40, 1, 40], 10, [1, 1, 1]),
    ([31, 0.5, 0.25, 1], 10, [3, 1]),
    ([1, 1, 1, 1, 1], 3, [3, 2]),
    ([15, 15, 15, 15], 2, [2, 2]),
    ([33], 1, [1]),
    ([], 5, [0]),
]
Walk = Callable[[PageRequest], Awaitable[tuple[list[str], bool]]]


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    assert page_store.LONGEST_PAGE == 32 * 2**20
    monkeypatch.setattr(page_store, "LONGEST_PAGE", 32 * UNIT)


async def pages_of(walk: Walk, limit: int, order: Order) -> list[list[str]]:
    """Read page after page as an SDK does: on from the last id while there is more."""
    pages: list[list[str]] = []
    after, more = None, True
    while more:
        ids, more = await walk(PageRequest(after, limit, order))
        assert ids or not more
        pages.append(ids)
        after = ids[-1] if ids else None
    return pages


def joined(pages: list[list[str]]) -> list[str]:
    return list(chain.from_iterable(pages))


def text(units: float) -> str:
    return '"' + "x" * int(units * UNIT) + '"'


@pytest.mark.parametrize(("lengths", "limit", "expected"), WALKS)
@pytest.mark.parametrize("by_row", [True, False])
async def test_a_page_of_output_items_ends_where_it_is_full(
    database: Database, lengths: list[float], limit: int, expected: list[int], *, by_row: bool
) -> None:
    run = await started_run(database)
    items = [replace(new_item(row), body=text(length)) for row, length in enumerate(lengths)]
    if items:
        await database.write(lambda connection: save_items(connection, run, items))

    async def walk(page: PageRequest) -> tuple[list[str], bool]:
        found = await database.read(
            lambda connection: item_store.list_items(
                connection, run.run_id, page, status=None, by_row=by_row
            )
        )
        return [id_ for id_, _ in found.objects], found.has_more

    pages = await pages_of(walk, limit, "asc")

    assert [len(page) for page in pages] == expected
    assert joined(pages) == [item.id for item in items]
    assert joined(await pages_of(walk, limit, "desc")) == [item.id for item in reversed(items)]


@pytest.mark.parametrize(("lengths", "limit", "expected"), WALKS)
async def test_a_page_of_runs_ends_where_it_is_full(
    database: Database, lengths: list[float], limit: int, expected: list[int]
) -> None:
    eval_id = (await saved_eval(database)).id
    made = await saved_runs(database, eval_id, lengths)

    async def walk(page: PageRequest) -> tuple[list[str], bool]:
        found = await database.read(
            lambda connection: run_store.list_runs(connection, eval_id, page, "queued")
        )
        return [run.id for run in found.objects], found.has_more

    pages = await pages_of(walk, limit, "asc")

    assert [len(page) for page in pages] == expected
    assert joined(pages) == made


async def saved_runs(database: Database, eval_id: str, lengths: Sequence[float]) -> list[str]:
    made = []
    for length in lengths:
        new = replace(new_run(eval_id), data_source_text=text(length))
        await database.write(lambda connection, new=new: run_store.insert_run(connection, new))  # type: ignore[misc]
        made.append(new.id)
    return made


async def test_runs_without_their_rows_are_not_counted_with_them(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    made = await saved_runs(database, eval_id, [20, 20, 20])

    found = await database.read(
        lambda connection: run_store.list_runs_without_rows(
            connection, eval_id, PageRequest(None, 10, "asc")
        )
    )

    assert ([run.id for run in found.objects], found.has_more) == (made, False)


@pytest.mark.parametrize(("lengths", "limit", "expected"), WALKS)
async def test_a_page_of_evals_ends_where_it_is_full(
    database: Database, lengths: list[float], limit: int, expected: list[int]
) -> None:
    made = []
    for length in lengths:
        half = text(length / 2)
        new = replace(new_eval(), testing_criteria=[{"id": half}], data_source_config={"x": half})
        await database.write(lambda connection, new=new: eval_store.insert_eval(connection, new))  # type: ignore[misc]
        made.append(new.id)

    async def walk(page: PageRequest) -> tuple[list[str], bool]:
        found = await database.read(
            lambda connection: eval_store.list_evals(
                connection, DEFAULT_PROJECT, page, "created_at"
            )
        )
        return [each.id for each in found.objects], found.has_more

    pages = await pages_of(walk, limit, "asc")

    assert [len(page) for page in pages] == expected
    assert joined(pages) == made


@pytest.mark.parametrize(("lengths", "limit", "expected"), WALKS)
@pytest.mark.parametrize(
    "wanted", [CompletionFilter(DEFAULT_PROJECT), CompletionFilter(DEFAULT_PROJECT, model="m")]
)
async def test_a_page_of_stored_completions_ends_where_it_is_full(
    database: Database,
    lengths: list[float],
    limit: int,
    expected: list[int],
    wanted: CompletionFilter,
) -> None:
    made = [replace(new_completion(), body=text(length)) for length in lengths]
    await database.write(
        lambda connection: completion_store.insert_completions(connection, DEFAULT_PROJECT, made)
    )

    async def walk(page: PageRequest) -> tuple[list[str], bool]:
        found = await database.read(
            lambda connection: completion_store.list_completions(connection, page, wanted)
        )
        return [id_ for id_, _ in found.objects], found.has_more

    pages = await pages_of(walk, limit, "asc")

    assert [len(page) for page in pages] == expected
    assert joined(pages) == [each.id for each in made]


async def test_a_page_that_is_full_to_the_last_character_has_its_last_object(
    database: Database,
) -> None:
    run: Started = await started_run(database)
    half = page_store.LONGEST_PAGE // 2
    bodies = ["x" * half, "é" * (page_store.LONGEST_PAGE - half), "x"]
    items = [replace(new_item(row), body=body) for row, body in enumerate(bodies)]
    await database.write(lambda connection: save_items(connection, run, items))

    found = await database.read(
        lambda connection: item_store.list_items(
            connection, run.run_id, PageRequest(None, 10, "asc"), status=None
        )
    )

    assert ([body for _, body in found.objects], found.has_more) == (bodies[:2], True)
