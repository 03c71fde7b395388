"""Idempotency keys in the store: one row a key and route, in the transaction of what it stands for."""

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import KeyTaken
from evald.store import evals as eval_store
from evald.store import idempotency_keys as key_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.idempotency_keys import LIFETIME, FirstAnswer, IdempotencyKey
from tests.store.records import new_eval, new_key, row_counts, saved_eval, saved_key, started_run

NOW = 1_000_000


async def found(database: Database, key: IdempotencyKey, now: float = 2) -> tuple[str, str] | None:
    return await database.read(
        lambda connection: key_store.find_key(connection, key.project_id, key.route, key.key, now)
    )


async def create(database: Database, key: IdempotencyKey, new: Eval, now: int = 1) -> None:
    """Insert an eval under a key, as a create does."""

    async def insert(connection: AsyncConnection) -> None:
        await eval_store.insert_eval(connection, new)
        first = FirstAnswer(new.id, None, new.id.encode())
        await key_store.insert_key(connection, key, first, now)

    await database.write(insert)


async def test_a_key_gives_the_hash_of_the_body_and_the_answer(database: Database) -> None:
    key, new = new_key(body_hash="f00d"), new_eval()

    await create(database, key, new)

    assert await found(database, key) == ("f00d", new.id)


async def test_a_key_is_known_by_its_route_and_its_text(database: Database) -> None:
    key = await saved_key(database, (await saved_eval(database)).id)

    assert await found(database, IdempotencyKey(DEFAULT_PROJECT, "/other", key.key, "ab")) is None
    assert (
        await found(database, IdempotencyKey(DEFAULT_PROJECT, key.route, f"{key.key} ", "ab"))
        is None
    )
    assert await found(database, key) is not None


@pytest.mark.parametrize("body_hash", ["ab", "cd"])
async def test_a_second_create_under_a_key_makes_nothing(
    database: Database, body_hash: str
) -> None:
    key, first = new_key(), new_eval()
    await create(database, key, first)
    before = await row_counts(database)

    with pytest.raises(KeyTaken):
        await create(
            database, IdempotencyKey(DEFAULT_PROJECT, key.route, key.key, body_hash), new_eval()
        )

    assert await row_counts(database) == before
    assert await found(database, key) == ("ab", first.id)


@pytest.mark.parametrize(
    ("age", "known"), [(0, True), (LIFETIME - 1, True), (LIFETIME, False), (LIFETIME + 1, False)]
)
async def test_a_key_is_known_for_a_day(database: Database, age: int, *, known: bool) -> None:
    key = await saved_key(database, (await saved_eval(database)).id, now=NOW)

    assert (await found(database, key, NOW + age + 0.9) is not None) == known


async def test_an_expired_key_can_be_taken_again(database: Database) -> None:
    key, later = new_key(), new_eval()
    await create(database, key, new_eval(), NOW)

    await create(database, key, later, NOW + LIFETIME)

    assert await found(database, key, NOW + LIFETIME) == ("ab", later.id)
    assert (await row_counts(database))["evals"] == 2


async def test_a_new_key_removes_those_that_are_expired_and_no_other(database: Database) -> None:
    eval_id = (await saved_eval(database)).id
    await saved_key(database, eval_id, now=NOW)
    young = await saved_key(database, eval_id, now=NOW + 1)

    new = await saved_key(database, eval_id, now=NOW + LIFETIME)

    assert (await row_counts(database))["idempotency_keys"] == 2
    assert await found(database, young, NOW + LIFETIME) is not None
    assert await found(database, new, NOW + LIFETIME) is not None


async def test_a_key_goes_with_the_run_or_the_eval_that_it_made(database: Database) -> None:
    run = await started_run(database)
    of_eval = await saved_key(database, run.eval_id)
    of_run = await saved_key(database, run.eval_id, run.run_id)

    await database.write(lambda connection: run_store.delete_run(connection, run.run_id))
    assert await found(database, of_run) is None
    assert await found(database, of_eval) is not None

    await database.write(lambda connection: eval_store.delete_eval(connection, run.eval_id))
    assert await found(database, of_eval) is None
