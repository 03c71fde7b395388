"""Lists: pages, order, filters, and pages that stay right while objects are added (contract 1.7)."""

from collections.abc import Callable
from typing import Any

import openai
import pytest

from tests.contract.making import (
    completed,
    completions,
    finished,
    ids,
    items_of,
    jsonl,
    new_eval,
    new_run,
    raw,
    row,
)
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.waiting import until

EMPTY: Any = {"object": "list", "data": [], "first_id": None, "last_id": None, "has_more": False}

Page = Callable[..., Any]
"""Asks for one page of a list."""


@pytest.fixture(params=["evals", "runs", "output items", "files"])
def five(request: pytest.FixtureRequest, client: openai.OpenAI) -> tuple[Page, list[str]]:
    """Five objects of a kind, oldest first, and how to list the objects behind an earlier one."""
    if request.param == "evals":
        before = new_eval(client).id
        made = [new_eval(client).id for _ in range(5)]
        return _behind(client.evals.list, before), made
    if request.param == "files":
        before, *made = [upload(client) for _ in range(6)]
        return _behind(client.files.list, before), made
    eval_id = new_eval(client).id
    if request.param == "runs":
        made = [new_run(client, eval_id, jsonl(row("a"))).id for _ in range(5)]
        return _of(client.evals.runs.list, eval_id), made
    run = completed(client, eval_id, jsonl(*[row(str(n)) for n in range(5)]))
    listed = ids(list(client.evals.runs.output_items.list(run.id, eval_id=eval_id)))
    return _of(client.evals.runs.output_items.list, run.id, eval_id=eval_id), listed


def _behind(listing: Any, before: str) -> Page:
    """List what came after an object; in the other order, everything has to end there."""

    def page(**query: Any) -> Any:
        if query.get("order", "asc") == "asc":
            query = {"after": before, "order": "asc", **query}
        return listing(**query)

    return page


def _of(listing: Any, *path: str, **named: str) -> Page:
    return lambda **query: listing(*path, **named, **query)


def upload(client: openai.OpenAI, purpose: Any = "evals") -> str:
    return client.files.create(file=("a.jsonl", b'{"item": {}}\n'), purpose=purpose).id


def test_a_page_has_its_first_and_last_id_and_says_whether_more_follow(
    five: tuple[Page, list[str]],
) -> None:
    page, made = five

    first = page(limit=2).to_dict()
    last = page(limit=2, after=made[2]).to_dict()

    assert (first["object"], ids(page(limit=2).data)) == ("list", made[:2])
    assert (first["first_id"], first["last_id"], first["has_more"]) == (made[0], made[1], True)
    assert [each["id"] for each in last["data"]] == made[3:]
    assert (last["first_id"], last["last_id"], last["has_more"]) == (made[3], made[4], False)


def test_a_full_last_page_says_that_nothing_follows(five: tuple[Page, list[str]]) -> None:
    page, made = five

    assert page(limit=5).to_dict()["has_more"] is False
    assert ids(page(limit=5).data) == made


def test_the_page_behind_the_last_object_is_empty_with_null_ids(
    five: tuple[Page, list[str]],
) -> None:
    page, made = five

    assert page(after=made[-1]).to_dict() == EMPTY


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100, 1000])
def test_the_sdk_goes_through_all_pages(five: tuple[Page, list[str]], limit: int) -> None:
    page, made = five

    assert ids(list(page(limit=limit))) == made


def test_descending_is_ascending_turned_round(five: tuple[Page, list[str]]) -> None:
    page, made = five
    found: list[str] = []

    for each in page(limit=2, order="desc"):
        found.append(each.id)
        if len(found) == 5:
            break

    assert found == made[::-1]


def test_a_limit_over_1000_is_taken_as_1000(five: tuple[Page, list[str]]) -> None:
    page, made = five

    assert ids(page(limit=10**9).data) == made
    assert ids(page(limit=99999999999999999999).data) == made


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_below_1_is_refused(five: tuple[Page, list[str]], limit: int) -> None:
    page, _ = five

    with pytest.raises(openai.BadRequestError) as refused:
        page(limit=limit)

    assert (refused.value.param, refused.value.code) == ("limit", "invalid_value")


def test_an_after_that_is_no_id_of_this_list_is_refused(five: tuple[Page, list[str]]) -> None:
    page, _ = five

    with pytest.raises(openai.BadRequestError) as refused:
        page(after="no such id")

    assert (refused.value.param, refused.value.type) == ("after", "invalid_request_error")


def test_an_unknown_order_is_refused(five: tuple[Page, list[str]]) -> None:
    page, _ = five

    with pytest.raises(openai.BadRequestError) as refused:
        page(order="newest")

    assert refused.value.param == "order"
    assert "asc" in refused.value.message


def test_lists_of_runs_and_items_hold_20_unless_asked_otherwise(client: openai.OpenAI) -> None:
    eval_id = new_eval(client).id
    run = completed(client, eval_id, jsonl(*[row(str(n)) for n in range(21)]))
    for _ in range(20):
        new_run(client, eval_id, jsonl(row("a")))

    items = client.evals.runs.output_items.list(run.id, eval_id=eval_id)
    runs = client.evals.runs.list(eval_id)

    assert (len(items.data), items.has_more) == (20, True)
    assert (len(runs.data), runs.has_more) == (20, True)
    assert len(list(items)) == 21


def test_a_page_holds_a_thousand_items_and_no_more(client: openai.OpenAI) -> None:
    run = completed(client, new_eval(client).id, jsonl(*[row(str(n)) for n in range(1001)]))

    page = client.evals.runs.output_items.list(run.id, eval_id=run.eval_id, limit=5000)

    assert (len(page.data), page.has_more) == (1000, True)
    assert len(list(page)) == 1001


def test_a_list_of_an_eval_without_runs_is_empty(client: openai.OpenAI) -> None:
    answer = client.evals.runs.with_raw_response.list(new_eval(client).id)

    assert raw(answer) == EMPTY


def test_runs_are_filtered_by_status(client: openai.OpenAI, models: ModelServer) -> None:
    models.script(Step(hold="before"))
    eval_id = new_eval(client).id
    done = completed(client, eval_id, jsonl(row("a"))).id
    canceled = new_run(client, eval_id, completions(row("a"))).id
    client.evals.runs.cancel(canceled, eval_id=eval_id)
    going = new_run(client, eval_id, completions(row("b"))).id
    until(lambda: client.evals.runs.retrieve(going, eval_id=eval_id).status == "in_progress")

    by_status = {
        status: ids(list(client.evals.runs.list(eval_id, status=status, limit=1)))
        for status in ("queued", "in_progress", "completed", "canceled", "failed")
    }

    assert by_status == {
        "queued": [],
        "in_progress": [going],
        "completed": [done],
        "canceled": [canceled],
        "failed": [],
    }


def test_pages_of_a_filter_go_on_behind_an_object_that_has_left_it(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    eval_id = new_eval(client).id
    runs = [new_run(client, eval_id, completions(row(str(n)))) for n in range(3)]
    models.wait(held=3)

    def under_way() -> Any:
        found = client.evals.runs.list(eval_id, status="in_progress", limit=1)
        return found if ids(found.data) == [runs[0].id] and found.has_more else None

    page = until(under_way)
    client.evals.runs.cancel(runs[0].id, eval_id=eval_id)

    assert ids(list(page)) == ids(runs)


def test_an_unknown_status_of_runs_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.evals.runs.list(new_eval(client).id, status="cancelled")  # type: ignore[arg-type]

    assert refused.value.param == "status"
    assert "canceled" in refused.value.message


def test_evals_ordered_by_update_end_with_the_one_changed_last(client: openai.OpenAI) -> None:
    first, second, third = [new_eval(client) for _ in range(3)]
    until(lambda: new_eval(client).created_at > third.created_at)  # times are whole seconds
    client.evals.update(second.id, name="changed")

    newest = client.evals.list(order_by="updated_at", order="desc", limit=100)
    oldest = client.evals.list(order_by="created_at", order="desc", limit=100)

    ours = {first.id, second.id, third.id}
    assert [each for each in ids(newest.data) if each in ours] == [second.id, third.id, first.id]
    assert [each for each in ids(oldest.data) if each in ours] == [third.id, second.id, first.id]


def test_an_unknown_order_by_is_refused(client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        client.evals.list(order_by="name")  # type: ignore[arg-type]

    assert refused.value.param == "order_by"


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_evals_neither_repeat_nor_miss_while_evals_are_added(
    client: openai.OpenAI, order: Any
) -> None:
    made = [new_eval(client).id for _ in range(6)]
    start = made[0] if order == "asc" else made[-1]
    expected = made[1:] if order == "asc" else made[-2::-1]
    found: list[str] = []

    for each in client.evals.list(after=start, limit=2, order=order):
        found.append(each.id)
        if len(found) == 5:
            break
        new_eval(client)

    assert found == expected


def test_pages_of_items_neither_repeat_nor_miss_while_a_run_goes_on(
    client: openai.OpenAI, models: ModelServer
) -> None:
    models.script(Step(hold="before"))
    run = new_run(client, new_eval(client).id, completions(*[row(str(n)) for n in range(12)]))
    models.wait(held=12)
    found: list[str] = []

    for done in (4, 8, 12):
        models.release(count=4)
        until(lambda done=done: len(items_of(client, run)) == done)  # type: ignore[misc]
        query: Any = {"after": found[-1]} if found else {}
        page = client.evals.runs.output_items.list(run.id, eval_id=run.eval_id, limit=3, **query)
        found += ids(page.data)
    found += ids(
        list(client.evals.runs.output_items.list(run.id, eval_id=run.eval_id, after=found[-1]))
    )

    finished(client, run)
    assert len(found) == 12
    assert sorted(found) == sorted(ids(items_of(client, run)))


def test_an_after_from_another_list_is_refused(client: openai.OpenAI) -> None:
    eval_id, other_id = new_eval(client).id, new_eval(client).id
    run, other_run = [completed(client, each, jsonl(row("a"))) for each in (eval_id, other_id)]
    (other_item,) = items_of(client, other_run)

    with pytest.raises(openai.BadRequestError):
        client.evals.runs.list(eval_id, after=other_run.id)
    with pytest.raises(openai.BadRequestError):
        client.evals.runs.output_items.list(run.id, eval_id=eval_id, after=other_item.id)
    with pytest.raises(openai.BadRequestError):
        client.evals.list(after=run.id)


def test_files_come_newest_first_and_can_be_had_by_purpose(client: openai.OpenAI) -> None:
    first, other, last = upload(client), upload(client, "user_data"), upload(client)

    everything = ids(client.files.list(limit=3).data)
    for_evals = ids(client.files.list(purpose="evals", limit=2).data)

    assert everything == [last, other, first]
    assert for_evals == [last, first]


LONG = "x" * 6_000_000


def test_a_list_of_long_items_has_short_pages_and_is_whole_for_a_client(
    client: openai.OpenAI,
) -> None:
    eval_id = new_eval(client).id
    run = completed(client, eval_id, jsonl(*[row(str(n), LONG) for n in range(12)]))
    page = client.evals.runs.output_items.list(run.id, eval_id=eval_id, limit=100)

    everything = [item.datasource_item["question"] for item in page]
    client.evals.delete(eval_id)

    assert (len(page.data), page.has_more) == (5, True)
    assert everything == [str(n) for n in range(12)]


def test_a_list_of_runs_with_long_rows_has_short_pages_and_is_whole_for_a_client(
    client: openai.OpenAI,
) -> None:
    eval_id = new_eval(client).id
    made = [completed(client, eval_id, jsonl(row("a", LONG), row("b", LONG))).id for _ in range(4)]
    page = client.evals.runs.list(eval_id, limit=100)

    everything = ids(list(page))
    client.evals.delete(eval_id)

    assert (ids(page.data), page.has_more) == (made[:2], True)
    assert everything == made
