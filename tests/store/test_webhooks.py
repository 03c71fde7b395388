"""Webhook endpoints and what is delivered to them, in the store."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select

from evald.contract.projects import DEFAULT_PROJECT, ProjectId
from evald.contract.webhooks import Event, WebhookEndpoint
from evald.errors import BadRequest, NotFound
from evald.rules.paging import PageRequest
from evald.store import api_keys as key_store
from evald.store import webhook_deliveries as delivery_store
from evald.store import webhook_endpoints as endpoint_store
from evald.store.database import Database
from evald.store.tables import webhook_endpoints
from evald.store.webhook_deliveries import KEPT_FOR, Attempt, Due
from evald.store.webhook_endpoints import MOST_ENDPOINTS
from tests.store.records import fresh_id, new_endpoint, recorded_event, saved_endpoint

PAGE = PageRequest(None, 20, "desc")


async def due(database: Database, endpoint: WebhookEndpoint, now: float = 100.0) -> list[Due]:
    return await database.read(
        partial(delivery_store.due_deliveries, endpoint_id=endpoint.id, now=now, number=10)
    )


async def ids_of(database: Database, endpoint: WebhookEndpoint) -> list[str]:
    page = await database.read(
        partial(delivery_store.list_deliveries, endpoint_id=endpoint.id, page=PAGE)
    )
    return [each.event_id for each in page.objects]


def attempt(delivery_id: str, **changes: Any) -> Attempt:
    failed = Attempt(delivery_id, 0, 10.0, "pending", 500, "The endpoint answered 500.", 20.0)
    return replace(failed, **changes)


async def another_project(database: Database) -> ProjectId:
    name = fresh_id("project")
    return await database.write(
        lambda connection: key_store.insert_project(connection, name, now=1)
    )


async def save(database: Database, *attempts: Attempt) -> None:
    await database.write(partial(delivery_store.save_attempts, attempts=attempts))


async def test_an_event_is_delivered_to_who_asks_for_it_in_its_project(database: Database) -> None:
    asking = await saved_endpoint(database)
    other_type = await saved_endpoint(database, event_types=("eval.run.failed",))
    other_project = await saved_endpoint(database, project_id=await another_project(database))
    disabled = await saved_endpoint(database, disabled_at=1)

    event = await recorded_event(database)

    assert await ids_of(database, asking) == [event.id]
    for each in (other_type, other_project, disabled):
        assert await ids_of(database, each) == []


async def test_what_is_due_comes_with_all_that_sending_takes(database: Database) -> None:
    endpoint = await saved_endpoint(database)
    event = await recorded_event(database, now=5.5)

    assert await due(database, endpoint, now=5.4) == []
    (found,) = await due(database, endpoint, now=5.5)

    assert found == Due(
        id=found.id,
        endpoint_id=endpoint.id,
        event_type=event.type,
        body=event.as_text(),
        created_at=5.5,
        attempts=0,
        url=endpoint.url,
        config_name=None,
        secrets=("whsec_secret",),
    )
    assert "whsec_secret" not in repr(found)


async def test_what_failed_is_due_again_at_its_time_and_what_ended_never(
    database: Database,
) -> None:
    endpoint = await saved_endpoint(database)
    for _ in range(3):
        await recorded_event(database)
    first, second, third = [each.id for each in await due(database, endpoint)]

    await save(
        database,
        attempt(first, next_attempt_at=30.0),
        attempt(second, status="delivered", status_code=200, error=None, next_attempt_at=None),
        attempt(third, status="failed", next_attempt_at=None),
    )

    assert await due(database, endpoint, now=29.9) == []
    (found,) = await due(database, endpoint, now=30.0)
    assert (found.id, found.attempts) == (first, 1)


async def test_an_attempt_changes_nothing_of_a_delivery_that_is_over(database: Database) -> None:
    endpoint = await saved_endpoint(database)
    await recorded_event(database)
    (found,) = await due(database, endpoint)
    await save(database, attempt(found.id, status="delivered", next_attempt_at=None))

    await save(database, attempt(found.id, next_attempt_at=40.0))

    assert await due(database, endpoint) == []
    page = await database.read(
        partial(delivery_store.list_deliveries, endpoint_id=endpoint.id, page=PAGE)
    )
    assert (page.objects[0].status, page.objects[0].attempts) == ("delivered", 1)


async def test_an_attempt_beside_another_one_is_not_saved_unless_it_arrived(
    database: Database,
) -> None:
    endpoint = await saved_endpoint(database)
    await recorded_event(database)
    (first,) = await due(database, endpoint)
    await save(database, attempt(first.id, next_attempt_at=50.0))

    await save(database, attempt(first.id, status="failed", next_attempt_at=None))
    (again,) = await due(database, endpoint)
    assert (again.attempts, again.id) == (1, first.id)

    await save(database, attempt(first.id, status="delivered", next_attempt_at=None))
    assert await due(database, endpoint) == []


async def test_a_lane_is_one_servers_until_it_leaves_it(database: Database) -> None:
    endpoint = await saved_endpoint(database)
    await recorded_event(database)
    next_times = partial(delivery_store.next_times, configured=())
    take = partial(delivery_store.take_lane, endpoint_id=endpoint.id, seconds=60)
    leave = partial(delivery_store.leave_lane, endpoint_id=endpoint.id)

    assert await database.write(partial(take, holder="ours"))
    assert not await database.write(partial(take, holder="theirs"))
    assert endpoint.id not in await database.read(next_times)

    await database.write(partial(leave, holder="theirs"))
    assert not await database.write(partial(take, holder="theirs"))
    await database.write(partial(leave, holder="ours"))
    assert endpoint.id in await database.read(next_times)
    assert await database.write(partial(take, holder="theirs"))


async def test_an_endpoint_of_another_servers_file_is_left_to_that_one(database: Database) -> None:
    endpoint = await saved_endpoint(database, config_name="ci")
    await recorded_event(database)

    for configured, is_ours in (((), False), (("cd",), False), (("cd", "ci"), True)):
        times = await database.read(partial(delivery_store.next_times, configured=configured))
        assert (endpoint.id in times) == is_ours


async def test_the_next_time_is_that_of_the_first_of_each_endpoint(database: Database) -> None:
    early, late, idle = [
        await saved_endpoint(database, project_id=await another_project(database)) for _ in range(3)
    ]
    for endpoint, times in ((early, (7.0, 3.0)), (late, (9.0, 8.0))):
        for now in times:
            await recorded_event(database, project_id=endpoint.project_id, now=now)

    found = await database.read(partial(delivery_store.next_times, configured=()))

    assert (found[early.id], found[late.id]) == (3.0, 8.0)
    assert idle.id not in found


async def test_an_endpoint_that_is_gone_is_sent_nothing_more(database: Database) -> None:
    endpoint = await saved_endpoint(database)
    await recorded_event(database)

    await database.write(
        partial(endpoint_store.disable_endpoint, endpoint_id=endpoint.id, url="http://x", now=5.0)
    )
    assert len(await due(database, endpoint)) == 1  # it had moved on from that URL

    await database.write(
        partial(endpoint_store.disable_endpoint, endpoint_id=endpoint.id, url=endpoint.url, now=5.0)
    )
    await recorded_event(database)

    assert await due(database, endpoint) == []
    assert len(await ids_of(database, endpoint)) == 1


async def test_the_old_secret_signs_until_its_time_is_over(database: Database) -> None:
    endpoint = await saved_endpoint(database)
    await recorded_event(database)

    await database.write(
        lambda connection: endpoint_store.rotate_secret(
            connection, endpoint, "whsec_new", old_until=50
        )
    )

    assert (await due(database, endpoint, 49.9))[0].secrets == ("whsec_new", "whsec_secret")
    assert (await due(database, endpoint, 50.0))[0].secrets == ("whsec_new",)


async def test_a_delivery_is_removed_some_days_after_its_end_and_never_before(
    database: Database,
) -> None:
    endpoint = await saved_endpoint(database)
    for _ in range(2):
        await recorded_event(database)
    ended, waiting = [each.id for each in await due(database, endpoint)]
    await save(database, attempt(ended, status="delivered", next_attempt_at=None, at=10.0))

    await database.write(partial(delivery_store.remove_old, now=9.0 + KEPT_FOR))
    assert len(await ids_of(database, endpoint)) == 2

    await database.write(partial(delivery_store.remove_old, now=10.0 + KEPT_FOR))
    assert [each.id for each in await due(database, endpoint)] == [waiting]


async def test_a_deleted_endpoint_takes_its_deliveries_and_no_others(database: Database) -> None:
    gone, stays = [await saved_endpoint(database) for _ in range(2)]
    await recorded_event(database)

    await database.write(partial(endpoint_store.delete_endpoint, endpoint_id=gone.id))

    assert await ids_of(database, gone) == []
    assert len(await ids_of(database, stays)) == 1


async def test_the_endpoints_of_the_file_are_those_that_stand_in_it_now(
    database: Database,
) -> None:
    of_the_api = await saved_endpoint(database)
    first = [new_endpoint(config_name=name, created_at=1, updated_at=1) for name in ("a", "b")]
    await keep(database, *first, now=1)
    disable = partial(endpoint_store.disable_endpoint, endpoint_id=first[1].id, url=first[1].url)
    await database.write(partial(disable, now=2.0))

    same = replace(new_endpoint(config_name="b"), created_at=9, updated_at=9)
    moved = replace(new_endpoint(config_name="c"), created_at=9, updated_at=9)
    await keep(database, same, moved, now=9)

    page = await database.read(
        partial(endpoint_store.list_endpoints, project_id=DEFAULT_PROJECT, page=PAGE)
    )
    assert page.objects == (moved, first[1], of_the_api)
    await keep(database, replace(same, url="http://127.0.0.1/new"), moved, now=10)
    changed = await database.read(
        partial(endpoint_store.get_endpoint, project_id=DEFAULT_PROJECT, endpoint_id=first[1].id)
    )
    assert (changed.url, changed.created_at, changed.updated_at) == ("http://127.0.0.1/new", 1, 10)


async def keep(database: Database, *configured: WebhookEndpoint, now: int) -> None:
    await database.write(partial(endpoint_store.keep_configured, configured=configured, now=now))


async def test_secrets_are_of_no_endpoint_that_is_read(database: Database) -> None:
    endpoint = await saved_endpoint(database)

    found = await database.read(
        partial(endpoint_store.get_endpoint, project_id=DEFAULT_PROJECT, endpoint_id=endpoint.id)
    )

    assert found == endpoint
    assert "whsec_secret" not in repr(found)
    kept = await database.read(
        lambda connection: connection.execute(select(webhook_endpoints.c.secret))
    )
    assert kept.scalars().all() == ["whsec_secret"]


async def test_an_endpoint_of_another_project_is_not_there(database: Database) -> None:
    endpoint = await saved_endpoint(database, project_id=await another_project(database))

    with pytest.raises(NotFound):
        await database.read(
            partial(
                endpoint_store.get_endpoint, project_id=DEFAULT_PROJECT, endpoint_id=endpoint.id
            )
        )


async def test_there_is_an_end_to_the_endpoints_of_a_project(database: Database) -> None:
    for _ in range(MOST_ENDPOINTS):
        await saved_endpoint(database)

    with pytest.raises(BadRequest, match=str(MOST_ENDPOINTS)):
        await saved_endpoint(database)
    await saved_endpoint(database, project_id=await another_project(database))


async def test_an_event_that_is_not_committed_is_not_delivered(database: Database) -> None:
    endpoint = await saved_endpoint(database)
    event = Event("evt_0", "eval.run.failed", 1, "evalrun_0")

    async def broken(connection: Any) -> None:
        await delivery_store.record_event(connection, DEFAULT_PROJECT, event, 1.0)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await database.write(broken)

    assert await ids_of(database, endpoint) == []
