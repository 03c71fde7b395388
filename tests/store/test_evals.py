"""Evals in the store: as they were saved, changed as a whole, gone with everything."""

from dataclasses import replace

import pytest
from hypothesis import given
from sqlalchemy.exc import IntegrityError

from evald.contract.json_types import JsonObject
from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import NotFound
from evald.store import evals as eval_store
from evald.store.database import Database
from tests.rules.json_values import JSON_OBJECTS
from tests.store.records import new_eval, saved_eval


@given(JSON_OBJECTS)
async def test_an_eval_comes_back_as_it_was_saved(database: Database, config: JsonObject) -> None:
    new = replace(new_eval(), data_source_config=config, testing_criteria=[config])

    await database.write(lambda connection: eval_store.insert_eval(connection, new))

    assert (
        await database.read(
            lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, new.id)
        )
        == new
    )


@pytest.mark.parametrize("metadata", [None, {}, {"a": "\x00\u2028é", "": ""}])
async def test_metadata_that_is_null_and_empty_stay_apart(
    database: Database, metadata: dict[str, str] | None
) -> None:
    new = replace(new_eval(), metadata=metadata)

    await database.write(lambda connection: eval_store.insert_eval(connection, new))

    kept = await database.read(
        lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, new.id)
    )
    assert kept.metadata == metadata


async def test_an_update_changes_name_metadata_and_time_and_nothing_else(
    database: Database,
) -> None:
    saved = await saved_eval(database)
    other = await saved_eval(database)
    changed = replace(
        saved, name="new", metadata=None, updated_at=9, created_at=9, testing_criteria=[]
    )

    await database.write(lambda connection: eval_store.update_eval(connection, changed))

    found = await database.read(
        lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, saved.id)
    )
    assert found == replace(saved, name="new", metadata=None, updated_at=9)
    assert (
        await database.read(
            lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, other.id)
        )
        == other
    )


async def test_an_eval_that_is_not_there_is_not_found_by_a_short_name(database: Database) -> None:
    with pytest.raises(NotFound, match=r"^No eval found with id 'x{80}'\.$") as missing:
        await database.read(
            lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, "x" * 5000)
        )

    assert missing.value.param == "eval_id"


async def test_an_id_is_given_once(database: Database) -> None:
    saved = await saved_eval(database)

    with pytest.raises(IntegrityError):
        await database.write(lambda connection: eval_store.insert_eval(connection, saved))


async def test_deleting_what_is_gone_changes_nothing(database: Database) -> None:
    saved = await saved_eval(database)

    await database.write(lambda connection: eval_store.delete_eval(connection, "eval_absent"))

    assert (
        await database.read(
            lambda connection: eval_store.get_eval(connection, DEFAULT_PROJECT, saved.id)
        )
        == saved
    )
