"""Projects and keys in the store, and what a project has of the objects of another: nothing."""

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import DEFAULT_PROJECT, ApiKey, ProjectId
from evald.store import api_keys as api_key_store
from evald.store.api_keys import KeyInForce, KeysInForce, NewKey
from evald.store.database import Database


def new_key(number: int, project_id: ProjectId = DEFAULT_PROJECT) -> NewKey:
    return NewKey(f"key_{number}", project_id, f"number {number}", f"hash {number}", "cdef", 5)


async def saved_key(database: Database, new: NewKey) -> None:
    await database.write(lambda connection: api_key_store.insert_key(connection, new))


async def saved_project(database: Database, name: str) -> ProjectId:
    return await database.write(
        lambda connection: api_key_store.insert_project(connection, name, 5)
    )


async def in_force(database: Database) -> KeysInForce:
    return await database.read(api_key_store.keys_in_force)


async def test_a_new_database_has_the_default_project_and_no_key(database: Database) -> None:
    async def default(connection: AsyncConnection) -> ProjectId | None:
        return await api_key_store.find_project(connection, "default")

    assert await database.read(default) == DEFAULT_PROJECT
    assert await in_force(database) == KeysInForce({}, were_made=False)


async def test_a_project_is_found_by_its_name(database: Database) -> None:
    made = await saved_project(database, "support")

    async def found(connection: AsyncConnection) -> list[ProjectId | None]:
        names = ("support", "Support", "other")
        return [await api_key_store.find_project(connection, name) for name in names]

    assert await database.read(found) == [made, None, None]
    assert made != DEFAULT_PROJECT


async def test_two_projects_have_no_name_in_common(database: Database) -> None:
    await saved_project(database, "support")

    with pytest.raises(IntegrityError):
        await saved_project(database, "support")


async def test_the_keys_in_force_are_found_by_their_hashes(database: Database) -> None:
    support = await saved_project(database, "support")
    await saved_key(database, new_key(1))
    await saved_key(database, new_key(2, support))

    assert await in_force(database) == KeysInForce(
        {
            "hash 1": KeyInForce("key_1", DEFAULT_PROJECT, "default"),
            "hash 2": KeyInForce("key_2", support, "support"),
        },
        were_made=True,
    )


async def test_a_revoked_key_is_in_force_no_more_and_stays_in_the_list(database: Database) -> None:
    await saved_key(database, new_key(1))
    await saved_key(database, new_key(2))

    async def revoke(connection: AsyncConnection) -> list[bool]:
        return [await api_key_store.revoke_key(connection, "key_1", now) for now in (7, 8)]

    assert await database.write(revoke) == [True, False]
    assert [*(await in_force(database)).by_hash] == ["hash 2"]
    assert await database.read(api_key_store.list_keys) == [
        ApiKey("key_1", "default", "number 1", "cdef", 5, 7),
        ApiKey("key_2", "default", "number 2", "cdef", 5, None),
    ]


async def test_that_there_were_keys_is_known_when_all_are_revoked(database: Database) -> None:
    await saved_key(database, new_key(1))

    await database.write(lambda connection: api_key_store.revoke_key(connection, "key_1", 7))

    assert await in_force(database) == KeysInForce({}, were_made=True)
