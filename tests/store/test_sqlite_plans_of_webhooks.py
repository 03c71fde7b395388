"""How SQLite carries out the statements on webhooks: by an index."""

from collections.abc import Callable
from functools import partial

import pytest

from evald.contract.projects import DEFAULT_PROJECT
from evald.store import webhook_deliveries as delivery_store
from evald.store import webhook_endpoints as endpoint_store
from evald.store.database import Database
from evald.store.webhook_deliveries import Attempt
from tests.store.plans import Statements, check_plan, page, plans
from tests.store.records import (
    recorded_event,
    saved_endpoint,
)

QUEUE = "ix_webhook_deliveries_endpoint_id_next_attempt_at_seq (endpoint_id=?"
DELIVERIES: dict[str, tuple[Callable[[str], Statements], str]] = {
    "what is due": (
        lambda endpoint_id: partial(
            delivery_store.due_deliveries, endpoint_id=endpoint_id, now=5.0, number=4
        ),
        f"{QUEUE} AND next_attempt_at<?)",
    ),
    "the next times": (
        lambda _: partial(delivery_store.next_times, configured=()),
        f"{QUEUE} AND next_attempt_at>?)",
    ),
    "a saved attempt": (
        lambda _: partial(
            delivery_store.save_attempts,
            attempts=[Attempt("wh_0", 0, 1.0, "delivered", 200, None, None)],
        ),
        "sqlite_autoindex_webhook_deliveries_1 (id=?)",
    ),
    "a page": (
        lambda endpoint_id: partial(
            delivery_store.list_deliveries, endpoint_id=endpoint_id, page=page(None, "desc")
        ),
        "ix_webhook_deliveries_endpoint_id_seq (endpoint_id=?)",
    ),
    "what is gone": (
        lambda endpoint_id: partial(
            endpoint_store.disable_endpoint,
            endpoint_id=endpoint_id,
            url="http://127.0.0.1:9/hook",
            now=5.0,
        ),
        f"{QUEUE} AND next_attempt_at>?)",
    ),
    "what is old": (
        lambda _: partial(delivery_store.remove_old, now=5.0),
        "ix_webhook_deliveries_ended_at (ended_at<?)",
    ),
}


@pytest.mark.parametrize(("statements", "index"), DELIVERIES.values(), ids=DELIVERIES)
async def test_deliveries_are_found_by_an_index(
    database: Database, statements: Callable[[str], Statements], index: str
) -> None:
    endpoint = await saved_endpoint(database)
    await recorded_event(database)

    steps = await plans(database, statements(endpoint.id))

    assert any(index in step for step in steps), steps
    check_plan(steps)


async def test_a_page_of_webhook_endpoints_is_read_from_its_index(database: Database) -> None:
    endpoint = await saved_endpoint(database)

    steps = await plans(
        database,
        partial(
            endpoint_store.list_endpoints,
            project_id=DEFAULT_PROJECT,
            page=page(endpoint.id, "desc"),
        ),
    )

    assert "ix_webhook_endpoints_project_id_created_at_seq (project_id=? AND" in steps[-1]
    check_plan(steps)
