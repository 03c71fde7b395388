"""Responses that kept their whole past before there were chains: they read as they did."""

import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT
from evald.rules.response_chain import input_of
from evald.store import migrate as migration
from evald.store import stored_responses as response_store
from evald.store.database import Database, open_database
from evald.store.migrate import migrate
from evald.store.tables import stored_responses

THOUGHT = {"type": "reasoning", "summary": []}


def said(name: str) -> dict[str, Any]:
    return {"said": f"{name}: \u00e4 \u2028 1e2", "number": 1.0}


def sent(name: str) -> dict[str, Any]:
    return {"sent": name}


def body(name: str, previous_id: str | None) -> str:
    output = [THOUGHT, said(name), "odd"]
    return dumped({"id": name, "previous_response_id": previous_id, "output": output})


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


PAST = {
    "first": [sent("first")],
    "second": [sent("first"), said("first"), sent("second")],
    "third": [sent("first"), said("first"), sent("second"), said("second"), sent("third")],
    # The one that it goes on from was deleted.
    "orphan": [sent("gone"), said("gone"), sent("orphan")],
    # The one that it goes on from was too long, or came later.
    "cut": [sent("cut")],
    "early": [sent("early")],
    "circle": [sent("circle")],
}
PREVIOUS = {
    "second": "first",
    "third": "second",
    "orphan": "gone",
    "cut": "third",
    "early": "late",
    "circle": "circle",
}


@pytest.fixture
async def migrated(database_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """A database of the schema before, brought to the newest one."""
    database = open_database(database_url)
    monkeypatch.setattr(migration, "LATEST", "0004")
    await migrate(database)

    async def fill(connection: AsyncConnection) -> None:
        for name, items in {**PAST, "late": [sent("late")]}.items():
            values = (name, body(name, PREVIOUS.get(name)), dumped(items))
            await connection.execute(
                text(
                    "INSERT INTO stored_responses "
                    "(project_id, id, created_at, instructions, body, input) "
                    "VALUES (1, :id, 5, 'be brief', :body, :input)"
                ),
                dict(zip(("id", "body", "input"), values, strict=True)),
            )
        await connection.execute(
            text("INSERT INTO response_tags VALUES (1, 'user', '', 'ada', 5, 3)")
        )

    await database.write(fill)
    monkeypatch.undo()
    await migrate(database)
    yield database
    await database.close()


@pytest.mark.parametrize("name", PAST)
async def test_the_input_of_a_response_is_what_it_was(migrated: Database, name: str) -> None:
    chain = await migrated.read(
        partial(response_store.get_chain, project_id=DEFAULT_PROJECT, response_id=name)
    )

    assert [item for _, item in input_of(chain)] == PAST[name]
    assert chain.turns[-1].body == body(name, PREVIOUS.get(name))
    assert chain.gap is None


async def test_a_past_that_is_stored_with_its_own_responses_is_stored_no_more(
    migrated: Database,
) -> None:
    table = stored_responses.c
    found = await migrated.read(
        lambda connection: connection.execute(
            select(table.id, table.previous_id, table.input, table.size, table.instructions)
        )
    )

    rows = {row.id: row for row in found}
    cut = {"first": None, "second": "first", "third": "second"}
    for name, previous_id in cut.items():
        assert rows[name].previous_id == previous_id
        assert json.loads(rows[name].input) == [sent(name)]
    uncut = PAST.keys() - cut.keys()
    assert {rows[name].previous_id for name in uncut} == {None}
    for name, row in rows.items():
        assert row.size == len(row.input) + len(body(name, PREVIOUS.get(name)))
        assert row.instructions == "be brief"


async def test_what_belongs_to_a_response_stays_with_it(migrated: Database) -> None:
    await migrated.write(
        partial(response_store.delete_response, project_id=DEFAULT_PROJECT, response_id="third")
    )

    tags = await migrated.read(
        lambda connection: connection.execute(text("SELECT * FROM response_tags"))
    )
    assert tags.all() == []
