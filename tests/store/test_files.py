"""Files: uploaded in parts, seen when whole, gone in time, kept for the run that still reads them."""

from functools import partial

import pytest
from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.files import File
from evald.contract.projects import DEFAULT_PROJECT
from evald.errors import NotFound
from evald.rules.paging import PageRequest
from evald.rules.status import Event
from evald.store import files as file_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.tables import files, leases
from tests.store.records import new_file, row_counts, saved_eval, saved_file, saved_run

RECEIVER = "upload"
ALL = PageRequest(after=None, limit=100, order="asc")


async def visible(
    database: Database, *, now: float = 10.0, purpose: str | None = None
) -> list[str]:
    page = await database.read(
        lambda connection: file_store.list_files(connection, DEFAULT_PROJECT, ALL, purpose, now)
    )
    return [file.id for file in page.objects]


async def is_kept(database: Database, file: File) -> bool:
    async def read(connection: AsyncConnection) -> bool:
        found = await connection.execute(select(files.c.id).where(files.c.id == file.id))
        part = await file_store.read_part(connection, file.id, 0)
        assert (part is not None) == (found.one_or_none() is not None)
        return part is not None

    return await database.read(read)


async def delete(database: Database, file: File) -> None:
    await database.write(lambda connection: file_store.delete_file(connection, file.id))


async def queued_run(database: Database, file: File) -> str:
    return await saved_run(database, (await saved_eval(database)).id, unread_file_id=file.id)


async def test_the_parts_of_a_file_come_back_in_order_and_then_none(database: Database) -> None:
    parts = [b"\x00\xff" * 1000, b"", b"\n", b"end"]
    file = await saved_file(database, parts)

    async def read(connection: AsyncConnection) -> list[bytes | None]:
        return [await file_store.read_part(connection, file.id, place) for place in range(5)]

    assert await database.read(read) == [*parts, None]


async def test_a_file_is_seen_only_when_its_upload_is_whole(database: Database) -> None:
    file = new_file()
    await begin(database, file)
    await add(database, file, b"ab")

    before = await visible(database)
    assert await finish(database, file, 2)

    assert (before, await visible(database)) == ([], [file.id])
    found = await database.read(
        lambda connection: file_store.get_file(connection, DEFAULT_PROJECT, file.id, 10.0)
    )
    assert found == File(file.id, DEFAULT_PROJECT, 2, 1, None, "rows.jsonl", "evals")


async def test_an_upload_that_somebody_receives_is_not_a_broken_one(database: Database) -> None:
    file = new_file()
    await begin(database, file)

    await database.write(file_store.drop_broken_uploads)

    assert await add(database, file, b"a")
    assert await finish(database, file, 1)


async def test_an_upload_whose_id_another_one_has_taken_over_adds_nothing_to_it(
    database: Database,
) -> None:
    file = new_file()
    assert await begin(database, file)
    assert not await begin(database, file, "another")  # the id is taken for as long as it goes on
    await stop_receiving(database)
    await database.write(file_store.drop_broken_uploads)
    assert await begin(database, file, "another")

    assert not await add(database, file, b"of the first")
    assert not await finish(database, file, 12)
    await database.write(partial(file_store.drop_upload, file_id=file.id, receiver=RECEIVER))
    assert await add(database, file, b"b", "another")
    assert await finish(database, file, 1, "another")
    part = partial(file_store.read_part, file_id=file.id, position=0)
    assert await database.read(part) == b"b"


async def begin(database: Database, file: File, receiver: str = RECEIVER) -> bool:
    return await database.write(partial(file_store.begin_upload, file=file, receiver=receiver))


async def add(database: Database, file: File, content: bytes, receiver: str = RECEIVER) -> bool:
    add_part = partial(file_store.add_part, file_id=file.id, position=0, content=content)
    return await database.write(partial(add_part, receiver=receiver))


async def finish(database: Database, file: File, size: int, receiver: str = RECEIVER) -> bool:
    finish_upload = partial(file_store.finish_upload, file_id=file.id, size=size)
    return await database.write(partial(finish_upload, receiver=receiver))


async def stop_receiving(database: Database) -> None:
    """Have all uploads look as if nobody had gone on with them for long."""
    await database.write(lambda connection: connection.execute(update(leases).values(until=0)))


async def test_an_upload_that_broke_off_is_removed_with_its_parts(database: Database) -> None:
    whole = await saved_file(database)
    for drop in ("alone", "all"):
        broken = new_file()
        await begin(database, broken)
        assert await add(database, broken, b"a")
        if drop == "alone":
            drop_upload = partial(file_store.drop_upload, file_id=broken.id, receiver=RECEIVER)
            await database.write(drop_upload)
        else:
            await stop_receiving(database)
            await database.write(file_store.drop_broken_uploads)

        assert not await is_kept(database, broken)

    assert await is_kept(database, whole)


@pytest.mark.parametrize(
    ("now", "seen"), [(99.0, True), (99.99, True), (100.0, False), (1e9, False)]
)
async def test_a_file_is_seen_until_its_time_is_over(
    database: Database, now: float, seen: bool
) -> None:
    file = await saved_file(database, expires_at=100)
    for_ever = await saved_file(database)

    assert await visible(database, now=now) == [*([file.id] if seen else []), for_ever.id]
    if not seen:
        with pytest.raises(NotFound):
            await database.read(
                lambda connection: file_store.get_file(connection, DEFAULT_PROJECT, file.id, now)
            )


async def test_expired_files_are_removed_and_others_stay(database: Database) -> None:
    old, young, for_ever = [
        await saved_file(database, expires_at=time) for time in (100, 101, None)
    ]

    await database.write(lambda connection: file_store.expire_files(connection, 100.5))

    assert [await is_kept(database, each) for each in (old, young, for_ever)] == [False, True, True]


async def test_a_deleted_file_is_gone_at_once_with_its_bytes(database: Database) -> None:
    file, other = await saved_file(database, [b"a", b"b"]), await saved_file(database)

    await delete(database, file)

    assert await visible(database) == [other.id]
    assert (await row_counts(database))["file_parts"] == 1


async def test_a_deleted_file_is_kept_unseen_for_the_run_that_has_to_read_it(
    database: Database,
) -> None:
    file = await saved_file(database)
    run_id = await queued_run(database, file)

    await delete(database, file)

    assert await is_kept(database, file)
    assert await visible(database) == []
    with pytest.raises(NotFound):
        await database.read(
            lambda connection: file_store.get_file(connection, DEFAULT_PROJECT, file.id, 10.0)
        )

    await database.write(lambda connection: run_store.set_row_count(connection, run_id, 1))
    await database.write(file_store.purge_files)
    assert not await is_kept(database, file)


async def test_an_expired_file_is_kept_for_the_run_that_has_to_read_it(database: Database) -> None:
    file = await saved_file(database, expires_at=5)
    await queued_run(database, file)

    await database.write(lambda connection: file_store.expire_files(connection, 6.0))

    assert await is_kept(database, file)


@pytest.mark.parametrize("events", [["cancel"], ["fail"], ["start", "cancel"], ["start", "fail"]])
async def test_a_run_that_ended_before_reading_its_file_frees_it(
    database: Database, events: list[Event]
) -> None:
    file = await saved_file(database)
    run_id = await queued_run(database, file)
    await delete(database, file)

    for event in events:
        await database.write(partial(run_store.move, run_id=run_id, event=event))
    await database.write(file_store.purge_files)

    assert not await is_kept(database, file)


async def test_a_file_is_kept_while_one_of_two_runs_has_to_read_it(database: Database) -> None:
    file = await saved_file(database)
    first, second = [await queued_run(database, file) for _ in range(2)]
    await delete(database, file)
    kept = []

    for run_id in (first, second):
        await database.write(partial(run_store.set_row_count, run_id=run_id, row_count=1))
        await database.write(file_store.purge_files)
        kept.append(await is_kept(database, file))

    assert kept == [True, False]


async def test_a_purge_leaves_files_alone_that_nobody_deleted(database: Database) -> None:
    file = await saved_file(database)
    uploading = new_file()
    await begin(database, uploading)

    await database.write(file_store.purge_files)

    assert await is_kept(database, file)
    assert await add(database, uploading, b"more")


async def test_files_are_listed_by_purpose(database: Database) -> None:
    for_evals = await saved_file(database)
    for_batch = await saved_file(database, purpose="batch")

    assert await visible(database, purpose="evals") == [for_evals.id]
    assert await visible(database, purpose="batch") == [for_batch.id]
    assert await visible(database, purpose="none of these") == []
