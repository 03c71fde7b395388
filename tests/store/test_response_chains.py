"""Responses that go on from one another: each is kept once, and the past is joined when it is read."""

import json
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT, ProjectId
from evald.contract.stored_responses import Chain, Gap, ResponseFilter, StoredResponse
from evald.rules.response_chain import LONGEST_PAST, MOST_TURNS, input_of
from evald.store import stored_responses as response_store
from evald.store.database import Database
from evald.store.index_tables import metadata
from evald.store.response_chains import TEXT_AT_ONCE
from evald.store.tables import stored_responses
from tests.store.records import new_response, saved_response

ASKED, SAID = {"asked": 1}, {"said": 1}
OTHER_PROJECT = ProjectId(2)


async def save(database: Database, new: Sequence[StoredResponse]) -> None:
    await database.write(
        lambda connection: response_store.insert_responses(connection, DEFAULT_PROJECT, new)
    )


async def delete(database: Database, response: StoredResponse) -> None:
    await database.write(
        partial(response_store.delete_response, project_id=DEFAULT_PROJECT, response_id=response.id)
    )


async def chain_of(database: Database, response: StoredResponse) -> Chain:
    return await database.read(
        partial(response_store.get_chain, project_id=DEFAULT_PROJECT, response_id=response.id)
    )


async def told(database: Database, response: StoredResponse) -> tuple[list[Any], Gap | None]:
    """Give the input items of a response, and what is missing before them."""
    chain = await chain_of(database, response)
    return [item for _, item in input_of(chain)], chain.gap


def conversation(number: int, text: str = "") -> list[StoredResponse]:
    """Give responses that each go on from the one before; they ask and say their number."""
    turns: list[StoredResponse] = []
    for place in range(number):
        one = new_response(previous_id=turns[-1].id if turns else None)
        body = {"id": one.id, "output": [{"said": place, "text": text}]}
        asked = [{"asked": place, "text": text}]
        turns.append(replace(one, body=json.dumps(body), input=json.dumps(asked)))
    return turns


def asked_and_said(before: int, text: str = "", *, first: int = 0) -> list[Any]:
    """Give the input items of the response of this number, from those of the first one told on."""
    turns = range(first, before)
    items = [{key: place, "text": text} for place in turns for key in ("asked", "said")]
    return [*items, {"asked": before, "text": text}]


async def test_a_response_that_goes_on_from_another_has_what_was_said_before(
    database: Database,
) -> None:
    first = await saved_response(database)
    second = await saved_response(database, previous_id=first.id)
    third = new_response(previous_id=second.id)
    fourth = new_response(previous_id=third.id)
    await save(database, [third, fourth])

    assert await told(database, first) == ([ASKED], None)
    assert await told(database, second) == ([ASKED, SAID, ASKED], None)
    assert await told(database, fourth) == ([ASKED, SAID] * 3 + [ASKED], None)


async def test_sixty_turns_take_sixty_times_the_room_of_one(database: Database) -> None:
    text = "x" * 20_000
    turns = conversation(60, text)
    for turn in turns:
        await save(database, [turn])

    table = stored_responses.c
    sizes = select(
        func.sum(func.length(table.input) + func.length(table.body)), func.sum(table.size)
    )
    found = (await database.read(lambda connection: connection.execute(sizes))).one()

    sent = sum(len(turn.input) + len(turn.body) for turn in turns)
    assert tuple(found) == (sent, sent)
    assert sent < 60 * 2 * (len(text) + 100)
    assert await told(database, turns[-1]) == (asked_and_said(59, text), None)


async def test_of_a_deleted_response_nothing_is_left_but_its_id(database: Database) -> None:
    secret, others = "the password is 1234", conversation(4)
    first, second, third, fourth = others
    second = replace(
        second,
        body=json.dumps({"output": [{"said": secret}]}),
        input=json.dumps([{"asked": secret}]),
        instructions=secret,
        tags=frozenset({("user", "", secret)}),
    )
    await save(database, [first, second, third, fourth])
    assert secret in str(await everything(database))

    await delete(database, second)

    assert secret not in str(await everything(database))
    gap = Gap(second.id, "deleted")
    assert await told(database, third) == (asked_and_said(2, first=2), gap)
    assert await told(database, fourth) == (asked_and_said(3, first=2), gap)
    assert await told(database, first) == (asked_and_said(0), None)


async def everything(database: Database) -> list[Any]:
    async def read(connection: AsyncConnection) -> list[Any]:
        return [
            row
            for table in metadata.sorted_tables
            for row in await connection.execute(select(table))
        ]

    return await database.read(read)


async def test_a_response_that_is_stored_again_joins_what_it_belonged_to(
    database: Database,
) -> None:
    first, second = conversation(2)
    await save(database, [second])
    assert await told(database, second) == (asked_and_said(1, first=1), Gap(first.id, "not_stored"))

    for _ in range(2):
        await save(database, [first])
        assert await told(database, second) == (asked_and_said(1), None)
        await delete(database, first)
        assert (await told(database, second))[1] == Gap(first.id, "deleted")


async def test_a_past_that_is_very_long_is_told_from_where_it_fits(database: Database) -> None:
    first, second, third = conversation(3)
    first = replace(first, input=json.dumps([{"long": "x" * LONGEST_PAST}]))
    await save(database, [first, second, third])

    assert await told(database, first) == ([{"long": "x" * LONGEST_PAST}], None)
    assert await told(database, third) == (
        asked_and_said(2, first=1),
        Gap(first.id, "too_long"),
    )


async def test_a_chain_of_five_thousand_is_read_whole_and_a_longer_one_says_where_it_begins(
    database: Database,
) -> None:
    turns = conversation(MOST_TURNS + 1)
    await save(database, turns)

    assert await told(database, turns[-2]) == (asked_and_said(MOST_TURNS - 1), None)
    assert await told(database, turns[-1]) == (
        asked_and_said(MOST_TURNS, first=1),
        Gap(turns[0].id, "too_long"),
    )


@pytest.mark.parametrize("number", [1, 2, 3])
async def test_responses_that_go_on_from_one_another_in_a_circle_are_read(
    database: Database, number: int
) -> None:
    turns = conversation(number)
    turns[0] = replace(turns[0], previous_id=turns[-1].id)
    await save(database, turns)

    items, gap = await told(database, turns[-1])

    assert (items, gap) == (asked_and_said(number - 1), Gap(turns[-1].id, "loop"))
    assert [len(chain.turns) for chain in await page(database)] == [number] * number


async def page(database: Database, number: int = 256) -> list[Chain]:
    """Give the chains of the responses that a run reads at once."""
    found = await database.read(
        partial(
            response_store.next_responses,
            wanted=ResponseFilter(DEFAULT_PROJECT),
            number=number,
            first=None,
            after=None,
        )
    )
    return [each.chain for each in found]


async def test_a_page_has_of_every_response_what_it_has_alone(database: Database) -> None:
    trunk = conversation(80)
    branch = replace(conversation(1)[0], previous_id=trunk[3].id)
    lone, lost = conversation(1)[0], replace(conversation(1)[0], previous_id="resp_elsewhere")
    all_of_them = [*trunk, branch, lone, lost]
    await save(database, all_of_them)

    read = await page(database)

    assert read == [await chain_of(database, each) for each in all_of_them]
    assert [len(chain.turns) for chain in read] == [*range(1, 81), 5, 1, 1]


async def test_a_page_ends_before_its_texts_fill_the_memory(database: Database) -> None:
    text = "x" * (LONGEST_PAST // 4)
    turns = conversation(20, text)
    await save(database, turns)

    read = await page(database)

    size = sum(
        len(turn.input) + len(turn.body)
        for turn in {turn.id: turn for chain in read for turn in chain.turns}.values()
    )
    assert 0 < TEXT_AT_ONCE - size < 2 * len(text) + 1000
    assert len(read) == TEXT_AT_ONCE // (2 * len(text) + 100)


async def test_nobody_goes_on_from_a_response_that_was_deleted(database: Database) -> None:
    (response,) = conversation(1)
    await save(database, [response])

    async def is_closed(project_id: ProjectId) -> bool:
        return await database.read(
            partial(response_store.is_closed, project_id=project_id, response_id=response.id)
        )

    assert (await is_closed(DEFAULT_PROJECT), await is_closed(OTHER_PROJECT)) == (False, True)
    await delete(database, response)
    assert (await is_closed(DEFAULT_PROJECT), await is_closed(OTHER_PROJECT)) == (True, True)
    await save(database, [response])
    assert await is_closed(DEFAULT_PROJECT) is False
