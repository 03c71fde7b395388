"""Evals, runs, rows and output items to fill a database with."""

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.counts import ModelUsage
from evald.contract.evals import Eval
from evald.contract.files import File
from evald.contract.json_types import JsonObject
from evald.contract.projects import DEFAULT_PROJECT, ProjectId
from evald.contract.runs import Regraded
from evald.contract.stored_completions import StoredCompletion
from evald.contract.stored_responses import StoredResponse, Tag
from evald.contract.webhooks import Event, WebhookEndpoint
from evald.rules.tally import Counted, tally
from evald.rules.verdict import ItemStatus, Outcome, item_status
from evald.store import chunks as chunk_store
from evald.store import counters as counter_store
from evald.store import evals as eval_store
from evald.store import files as file_store
from evald.store import idempotency_keys as key_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store import stored_completions as completion_store
from evald.store import stored_responses as response_store
from evald.store import webhook_deliveries as delivery_store
from evald.store import webhook_endpoints as endpoint_store
from evald.store.chunks import PackedChunk, pack, row_text
from evald.store.database import Database
from evald.store.idempotency_keys import FirstAnswer, IdempotencyKey
from evald.store.imported import NewImportedItem, NewImportedRun
from evald.store.index_tables import metadata
from evald.store.output_items import NewItem
from evald.store.runs import NewRun

CRITERIA = 2
PASSED: tuple[Outcome, ...] = ("passed", "passed")
_numbers = itertools.count()


def fresh_id(prefix: str) -> str:
    """Give an id that no other test has, also where a property sets the chance of all ids."""
    return f"{prefix}_{next(_numbers):032x}"


def new_eval(*, created_at: int = 1, updated_at: int = 1, criteria: int = CRITERIA) -> Eval:
    return Eval(
        id=fresh_id("eval"),
        project_id=DEFAULT_PROJECT,
        name="Triage",
        created_at=created_at,
        updated_at=updated_at,
        data_source_config={
            "type": "custom",
            "schema": {"properties": {"item": {"type": "object"}}},
        },
        testing_criteria=[{"id": f"criterion-{place}"} for place in range(criteria)],
        metadata={"team": "support"},
    )


def new_run(
    eval_id: str,
    *,
    created_at: int = 1,
    criteria: int = CRITERIA,
    unread_file_id: str | None = None,
    regrade_of: Regraded | None = None,
) -> NewRun:
    plan: JsonObject = {"type": "completions", "model": "m"}
    return NewRun(
        id=fresh_id("evalrun"),
        eval_id=eval_id,
        name="first",
        model="m",
        created_at=created_at,
        data_source_text='{"type":"completions","source":{"type":"file_content","content":[]}}',
        plan=plan,
        unread_file_id=unread_file_id,
        metadata={},
        criteria=criteria,
        regrade_of=regrade_of,
    )


def new_imported_run(
    eval_id: str, *, created_at: int = 1, reconstructed: bool = False
) -> NewImportedRun:
    run_id = fresh_id("evalrun")
    return NewImportedRun(
        id=run_id,
        eval_id=eval_id,
        name="then",
        model="gone",
        status="canceled",
        original_status="in_progress",
        created_at=created_at,
        imported_at=9,
        reconstructed=reconstructed,
        data_source_text='{"type":"jsonl","source":{"type":"file_id","id":"unknown"}}',
        plan_text="{}",
        metadata=None,
        error_code=None,
        error_message=None,
        row_count=None,
        passed=5,
        failed=0,
        errored=0,
        calls_aborted=0,
        started_at=None,
        finished_at=None,
        body=f'{{"id":"{run_id}","shared_with_openai":false}}',
        extras='{"rows":null}',
    )


def new_imported_item(
    run: NewImportedRun, *, row: int | None = None, status: ItemStatus = "pass"
) -> NewImportedItem:
    item_id = fresh_id("outputitem")
    return NewImportedItem(
        id=item_id,
        run_id=run.id,
        eval_id=run.eval_id,
        wanted_row=row,
        status=status,
        error_message=None,
        body=f'{{"id":"{item_id}"}}',
    )


def new_item(
    row_index: int, *outcomes: Outcome, usage: Sequence[ModelUsage] = (), error: str | None = None
) -> NewItem:
    """Give the output item of a row, passed by every criterion unless said otherwise."""
    judged = outcomes or PASSED
    item_id = fresh_id("outputitem")
    return NewItem(
        id=item_id,
        row_index=row_index,
        body=f'{{"id":"{item_id}","datasource_item_id":{row_index}}}',
        counted=Counted(item_status(judged), judged, tuple(usage)),
        error_message=error,
    )


def new_file(*, created_at: int = 1, expires_at: int | None = None, purpose: str = "evals") -> File:
    return File(
        id=fresh_id("file"),
        project_id=DEFAULT_PROJECT,
        bytes=0,
        created_at=created_at,
        expires_at=expires_at,
        filename="rows.jsonl",
        purpose=purpose,
    )


def new_completion(
    *,
    created_at: int = 1,
    model: str = "m",
    metadata: dict[str, str] | None = None,
) -> StoredCompletion:
    completion_id = fresh_id("chatcmpl")
    return StoredCompletion(
        id=completion_id,
        created_at=created_at,
        models=frozenset({model}),
        metadata=metadata or {},
        body=f'{{"id":"{completion_id}","created":{created_at}}}',
        messages='[{"role":"user","content":"Say hi."}]',
    )


def new_response(
    *,
    created_at: int = 1,
    tags: Iterable[Tag] = (),
    instructions: str = "",
    previous_id: str | None = None,
) -> StoredResponse:
    response_id = fresh_id("resp")
    return StoredResponse(
        id=response_id,
        created_at=created_at,
        tags=frozenset(tags),
        instructions=instructions,
        body=f'{{"id":"{response_id}","created_at":{created_at},"output":[{{"said":1}}]}}',
        input='[{"asked":1}]',
        previous_id=previous_id,
    )


def pairs(metadata: dict[str, str]) -> frozenset[tuple[str, str]]:
    """Give metadata as a filter has it."""
    return frozenset(metadata.items())


async def saved_completion(database: Database, **changes: Any) -> StoredCompletion:
    new = new_completion(**changes)
    await database.write(
        lambda connection: completion_store.insert_completions(connection, DEFAULT_PROJECT, [new])
    )
    return new


async def saved_response(database: Database, **changes: Any) -> StoredResponse:
    new = new_response(**changes)
    await database.write(
        lambda connection: response_store.insert_responses(connection, DEFAULT_PROJECT, [new])
    )
    return new


def packed_rows(count: int, *, position: int = 0, first_row: int = 0) -> PackedChunk:
    texts = [row_text({"item": {"n": first_row + place}}) for place in range(count)]
    return pack(position, first_row, texts)


@dataclass(frozen=True)
class Started:
    """A run in progress, with its rows in one chunk that is claimed."""

    eval_id: str
    run_id: str
    claim: str


async def saved_eval(database: Database, **changes: int) -> Eval:
    new = new_eval(**changes)
    await database.write(lambda connection: eval_store.insert_eval(connection, new))
    return new


async def saved_run(
    database: Database,
    eval_id: str,
    *,
    created_at: int = 1,
    criteria: int = CRITERIA,
    unread_file_id: str | None = None,
) -> str:
    new = new_run(eval_id, created_at=created_at, criteria=criteria, unread_file_id=unread_file_id)
    await database.write(lambda connection: run_store.insert_run(connection, new))
    return new.id


async def started_run(database: Database, rows: int = 8, *, eval_id: str | None = None) -> Started:
    eval_id = eval_id or (await saved_eval(database)).id
    run_id = await saved_run(database, eval_id)
    claim = fresh_id("claim")

    async def start(connection: AsyncConnection) -> None:
        await chunk_store.insert_chunk(connection, run_id, packed_rows(rows))
        await run_store.set_row_count(connection, run_id, rows)
        await run_store.move(connection, run_id, "start", started_at=1.0)
        await chunk_store.claim_chunk(connection, run_id, 0, claim)

    await database.write(start)
    return Started(eval_id, run_id, claim)


async def save_items(
    connection: AsyncConnection, run: Started, items: Sequence[NewItem], criteria: int = CRITERIA
) -> None:
    """Save items with what they add to the counters, as a run saves its batches."""
    added = tally([item.counted for item in items], criteria)
    await counter_store.add_to_counters(connection, run.run_id, 0, run.claim, added)
    await item_store.insert_items(connection, run.run_id, items)


async def saved_file(database: Database, parts: Sequence[bytes] = (b"x",), **changes: Any) -> File:
    new = new_file(**changes)

    async def upload(connection: AsyncConnection) -> None:
        await file_store.begin_upload(connection, new, "upload")
        for position, part in enumerate(parts):
            await file_store.add_part(connection, new.id, position, part, "upload")
        await file_store.finish_upload(connection, new.id, sum(map(len, parts)), "upload")

    await database.write(upload)
    return new


def new_key(*, route: str = "/evals", body_hash: str = "ab") -> IdempotencyKey:
    return IdempotencyKey(DEFAULT_PROJECT, route, fresh_id("key"), body_hash)


async def saved_key(
    database: Database, eval_id: str, run_id: str | None = None, *, now: int = 1
) -> IdempotencyKey:
    new, first = new_key(), FirstAnswer(eval_id, run_id, b'{"id":"first"}')
    await database.write(lambda connection: key_store.insert_key(connection, new, first, now))
    return new


def new_endpoint(**changes: Any) -> WebhookEndpoint:
    endpoint = WebhookEndpoint(
        id=fresh_id("whe"),
        project_id=DEFAULT_PROJECT,
        name="ours",
        url="http://127.0.0.1:9/hook",
        event_types=("eval.run.succeeded", "eval.run.canceled"),
        secret_hint="whsec_...cret",
        created_at=1,
        updated_at=1,
    )
    return replace(endpoint, **changes)


async def saved_endpoint(database: Database, **changes: Any) -> WebhookEndpoint:
    new = new_endpoint(**changes)
    await database.write(
        lambda connection: endpoint_store.insert_endpoint(connection, new, "whsec_secret")
    )
    return new


async def recorded_event(
    database: Database, *, project_id: ProjectId = DEFAULT_PROJECT, now: float = 1.0
) -> Event:
    """Record that a run was completed."""
    event = Event(fresh_id("evt"), "eval.run.succeeded", int(now), fresh_id("evalrun"))
    await database.write(
        lambda connection: delivery_store.record_event(connection, project_id, event, now)
    )
    return event


async def row_counts(database: Database) -> dict[str, int]:
    """Give the number of rows in every table."""

    async def counted(connection: AsyncConnection) -> dict[str, int]:
        return {table.name: await count(connection, table) for table in metadata.sorted_tables}

    return await database.read(counted)


async def count(connection: AsyncConnection, table: Table) -> int:
    found = await connection.execute(select(func.count()).select_from(table))
    number: int = found.scalar_one()
    return number
