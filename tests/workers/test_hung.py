"""A process that hangs in the middle of a transaction, and what the others do meanwhile."""

import asyncio
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg

from evald.store.postgres import NAME
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.postgres import fetched
from tests.runs.invariants import check
from tests.runs.making import create_eval, create_run, get_final, rows, sampled
from tests.server import EvaldServer
from tests.waiting import until
from tests.workers.conftest import StartWorker

CHUNKS = 4
ROWS = CHUNKS * 256
WORK = "SELECT pg_sleep(60)"
TAKEN = "FROM evald_pgqueuer WHERE status = 'picked'"
LONG_S = 4
"""Longer than a claim tries to get the run before it waits for it without end."""


@contextmanager
def locked(server: EvaldServer, run_id: str, *, at_work: bool) -> Iterator[None]:
    """Keep a run locked until the end of the `with`: by a session that works, or one that hangs."""
    url = server.environment["EVALD_DATABASE_URL"].replace("+asyncpg", "")
    with asyncio.Runner() as runner:
        connection = runner.run(asyncpg.connect(url, server_settings={"application_name": NAME}))
        lock = f"BEGIN; SELECT FROM runs WHERE id = '{run_id}' FOR UPDATE"
        runner.run(connection.execute(lock))
        working = runner.run(_begun(connection.execute(WORK))) if at_work else None
        try:
            yield
        finally:
            # From elsewhere: Postgres does not look whether the client of one that works is there.
            found(server, f"SELECT pg_terminate_backend({connection.get_server_pid()})")
            if working is not None:
                working.cancel()
            connection.terminate()


async def _begun(work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
    task = asyncio.create_task(work)
    await asyncio.sleep(0)  # now it is asked
    return task


def found(server: EvaldServer, statement: str) -> Any:
    ((value,),) = asyncio.run(fetched(server.environment["EVALD_DATABASE_URL"], statement))
    return value


def claimed_chunks(server: EvaldServer, run_id: str) -> int:
    return int(found(server, f"SELECT count(claim) FROM chunks WHERE run_id = '{run_id}'"))


def test_a_process_that_hangs_with_the_run_locked_keeps_no_other_from_its_next_chunk(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    start_worker()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    until(lambda: claimed_chunks(server, run["id"]) == CHUNKS / 2)

    with locked(server, run["id"], at_work=False):
        start_worker()
        until(lambda: claimed_chunks(server, run["id"]) == CHUNKS)

    models.release()
    assert get_final(server, run)["status"] == "completed"
    check(server, run["eval_id"], run["id"])


def test_a_worker_that_waits_for_a_run_gives_its_signs_of_life_meanwhile(
    server: EvaldServer, models: ModelServer, start_worker: StartWorker
) -> None:
    start_worker()
    models.script(Step(hold="before"))
    run = create_run(server, create_eval(server), sampled(rows(ROWS)))
    until(lambda: claimed_chunks(server, run["id"]) == CHUNKS / 2)

    with locked(server, run["id"], at_work=True):
        start_worker()
        until(lambda: found(server, "SELECT count(*) " + TAKEN) == CHUNKS)
        last = found(server, "SELECT max(heartbeat) " + TAKEN)
        long_after = f"'{last}'::timestamptz + interval '{LONG_S} seconds'"
        until(lambda: found(server, f"SELECT bool_and(heartbeat > {long_after}) {TAKEN}"))
        assert claimed_chunks(server, run["id"]) == CHUNKS / 2

    models.release()
    assert get_final(server, run)["status"] == "completed"
    check(server, run["eval_id"], run["id"])
