"""Pages by key: every object once and in order, however many come in between."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import BadRequest
from evald.rules.paging import Order, PageRequest
from evald.rules.verdict import ItemStatus, Outcome
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.evals import OrderBy
from evald.store.output_items import NewItem
from evald.store.pages import Page
from tests.store.records import (
    Started,
    new_item,
    new_run,
    save_items,
    saved_eval,
    saved_file,
    saved_run,
    started_run,
)

ReadPage = Callable[[AsyncConnection, PageRequest], Awaitable[Page[str]]]
Insert = Callable[[int], Awaitable[str]]
"""Adds an object with this time to the list, and gives its id."""
# Few different times, so that many objects share one; a clock may also go back.
TIMES = st.lists(st.integers(1, 3), min_size=1, max_size=8)
LATER = st.lists(st.lists(st.integers(1, 4), max_size=2), max_size=6)
ORDERS: st.SearchStrategy[Order] = st.sampled_from(["asc", "desc"])
LIMITS = st.integers(1, 4)


async def walk(
    database: Database,
    read: ReadPage,
    page: PageRequest,
    between: Callable[[], Awaitable[None]],
) -> list[str]:
    """Read page after page as an SDK does, with something happening between two of them."""
    seen: list[str] = []
    while True:
        request = replace(page, after=seen[-1] if seen else None)

        async def one(connection: AsyncConnection, request: PageRequest = request) -> Page[str]:
            return await read(connection, request)

        found = await database.read(one)
        assert len(found.objects) <= page.limit
        seen += found.objects
        if not found.has_more:
            return seen
        assert len(found.objects) == page.limit
        await between()


async def check_pages(
    database: Database,
    read: ReadPage,
    insert: Insert,
    times: Sequence[int],
    later: list[list[int]],
    page: PageRequest,
) -> None:
    """Check that the pages show all that was there before, each once, in the order of their keys."""
    before = [await insert(time) for time in times]
    place = {
        id_: (time, number) for number, (id_, time) in enumerate(zip(before, times, strict=True))
    }
    batches = iter(later)

    async def between() -> None:
        for time in next(batches, []):
            place[await insert(time)] = (time, len(place))

    seen = await walk(database, read, page, between)

    assert set(before) <= set(seen) <= set(place)
    assert seen == sorted(set(seen), key=place.__getitem__, reverse=page.order == "desc")


@given(TIMES, LATER, ORDERS, LIMITS)
@pytest.mark.parametrize("by", ["created_at", "updated_at"])
async def test_pages_of_evals_miss_none_and_repeat_none(
    database: Database,
    by: OrderBy,
    times: list[int],
    later: list[list[int]],
    order: Order,
    limit: int,
) -> None:
    await database.write(clear_evals)

    async def read(connection: AsyncConnection, page: PageRequest) -> Page[str]:
        found = await eval_store.list_evals(connection, DEFAULT_PROJECT, page, by)
        return Page(tuple(each.id for each in found.objects), found.has_more)

    async def insert(time: int) -> str:
        created, updated = (time, 9 - time) if by == "created_at" else (9 - time, time)
        return (await saved_eval(database, created_at=created, updated_at=updated)).id

    await check_pages(database, read, insert, times, later, PageRequest(None, limit, order))


async def clear_evals(connection: AsyncConnection) -> None:
    all_evals = await eval_store.list_evals(
        connection, DEFAULT_PROJECT, PageRequest(None, 1000, "asc"), "created_at"
    )
    for each in all_evals.objects:
        await eval_store.delete_eval(connection, each.id)


@given(TIMES, LATER, ORDERS, LIMITS)
async def test_pages_of_runs_miss_none_and_repeat_none(
    database: Database, times: list[int], later: list[list[int]], order: Order, limit: int
) -> None:
    eval_id, other_id = [(await saved_eval(database)).id for _ in range(2)]

    async def read(connection: AsyncConnection, page: PageRequest) -> Page[str]:
        found = await run_store.list_runs(connection, eval_id, page, "queued")
        return Page(tuple(each.id for each in found.objects), found.has_more)

    async def insert(time: int) -> str:
        await saved_run(database, other_id, created_at=time)
        canceled = await saved_run(database, eval_id, created_at=time)
        await database.write(lambda connection: run_store.move(connection, canceled, "cancel"))
        return await saved_run(database, eval_id, created_at=time)

    await check_pages(database, read, insert, times, later, PageRequest(None, limit, order))


@given(TIMES, LATER, ORDERS, LIMITS)
async def test_pages_of_files_miss_none_and_repeat_none(
    database: Database, times: list[int], later: list[list[int]], order: Order, limit: int
) -> None:
    await database.write(lambda connection: file_store.expire_files(connection, 1e9))
    expires_at = 10**9

    async def read(connection: AsyncConnection, page: PageRequest) -> Page[str]:
        found = await file_store.list_files(connection, DEFAULT_PROJECT, page, "evals", 10.0)
        return Page(tuple(each.id for each in found.objects), found.has_more)

    async def insert(time: int) -> str:
        await saved_file(database, created_at=time, expires_at=5)
        await saved_file(database, created_at=time, expires_at=expires_at, purpose="batch")
        return (await saved_file(database, created_at=time, expires_at=expires_at)).id

    await check_pages(database, read, insert, times, later, PageRequest(None, limit, order))


OUTCOMES: st.SearchStrategy[list[Outcome]] = st.lists(
    st.sampled_from(["passed", "failed"]), min_size=1, max_size=8
)


@given(OUTCOMES, st.permutations(range(16)), ORDERS, LIMITS)
@pytest.mark.parametrize("status", [None, "pass"])
async def test_pages_of_output_items_miss_none_and_repeat_none_while_a_run_goes_on(
    database: Database,
    status: ItemStatus | None,
    outcomes: list[Outcome],
    rows: list[int],
    order: Order,
    limit: int,
) -> None:
    run = await started_run(database, 16)
    saved: list[NewItem] = []
    coming = iter(rows)

    async def save(outcome: Outcome) -> None:
        item = new_item(next(coming), outcome, "passed")
        await database.write(lambda connection: save_items(connection, run, [item]))
        saved.append(item)

    async def read(connection: AsyncConnection, page: PageRequest) -> Page[str]:
        found = await item_store.list_items(connection, run.run_id, page, status=status)
        assert all(body == body_of[id_] for id_, body in found.objects)
        return Page(tuple(id_ for id_, _ in found.objects), found.has_more)

    async def between() -> None:
        if len(saved) < len(rows):
            await save("passed")
            body_of[saved[-1].id] = saved[-1].body

    for outcome in outcomes:
        await save(outcome)
    body_of = {item.id: item.body for item in saved}
    wanted = [item.id for item in saved if status in (None, item.counted.status)]

    seen = await walk(database, read, PageRequest(None, limit, order), between)

    everything = [item.id for item in saved if status in (None, item.counted.status)]
    if order == "asc":
        assert seen == everything[: len(seen)]
        assert set(wanted) <= set(seen)
    else:
        assert seen == wanted[::-1]


async def test_output_items_come_in_the_order_of_saving_or_of_the_rows(database: Database) -> None:
    run = await started_run(database)
    items = [new_item(row) for row in (5, 0, 3)]
    await database.write(lambda connection: save_items(connection, run, items))

    assert await ids_of(database, run, by_row=False) == [items[0].id, items[1].id, items[2].id]
    assert await ids_of(database, run, by_row=True) == [items[1].id, items[2].id, items[0].id]
    after_row_0 = await ids_of(database, run, by_row=True, after=items[1].id)
    assert after_row_0 == [items[2].id, items[0].id]


async def ids_of(
    database: Database, run: Started, *, by_row: bool, after: str | None = None
) -> list[str]:
    page = await database.read(
        lambda connection: item_store.list_items(
            connection, run.run_id, PageRequest(after, 10, "asc"), status=None, by_row=by_row
        )
    )
    return [id_ for id_, _ in page.objects]


async def test_a_run_that_leaves_a_filter_keeps_its_place_in_the_list(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    first, second = [await saved_run(database, eval_id) for _ in range(2)]
    await database.write(lambda connection: run_store.move(connection, first, "cancel"))

    page = await database.read(
        lambda connection: run_store.list_runs(
            connection, eval_id, PageRequest(first, 10, "asc"), "queued"
        )
    )

    assert [run.id for run in page.objects] == [second]


@pytest.mark.parametrize("after", ["run", "item", "file", "absent", "x" * 5000, "' OR 1=1"])
async def test_an_after_of_another_list_is_refused(database: Database, after: str) -> None:
    run, other = await started_run(database), await started_run(database)
    item, hidden = new_item(0), await saved_file(database, expires_at=5)
    await database.write(lambda connection: save_items(connection, other, [item]))
    after = {"run": other.run_id, "item": item.id, "file": hidden.id}.get(after, after)
    page = PageRequest(after, 10, "asc")
    lists: list[Callable[[AsyncConnection], Awaitable[object]]] = [
        partial(run_store.list_runs, eval_id=run.eval_id, page=page, wanted=None),
        partial(item_store.list_items, run_id=run.run_id, page=page, status=None),
        partial(
            file_store.list_files, project_id=DEFAULT_PROJECT, page=page, purpose=None, now=10.0
        ),
        partial(
            eval_store.list_evals, project_id=DEFAULT_PROJECT, page=page, order_by="created_at"
        ),
    ]

    for listed in lists:
        with pytest.raises(BadRequest) as refused:
            await database.read(listed)

        assert (refused.value.param, refused.value.code) == ("after", "invalid_value")
        assert len(refused.value.message) < 200


async def test_an_empty_list_has_no_more(database: Database) -> None:
    assert await database.read(
        lambda connection: eval_store.list_evals(
            connection, DEFAULT_PROJECT, PageRequest(None, 1, "desc"), "created_at"
        )
    ) == Page((), has_more=False)


async def test_a_page_that_is_just_full_has_no_more(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    for _ in range(3):
        await database.write(lambda connection: run_store.insert_run(connection, new_run(eval_id)))

    page = await database.read(
        lambda connection: run_store.list_runs(
            connection, eval_id, PageRequest(None, 3, "asc"), None
        )
    )

    assert (len(page.objects), page.has_more) == (3, False)
