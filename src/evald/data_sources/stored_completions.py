"""Rows made of stored chat completions."""

from collections.abc import Sequence

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.projects import ProjectId
from evald.contract.run_data_sources import StoredCompletionsSource
from evald.contract.stored_completions import CompletionFilter
from evald.data_sources.logged import Logs, pairs_meant
from evald.store import stored_completions as completion_store
from evald.store.stored_completions import Logged, Place


def completion_filter(
    source: StoredCompletionsSource, config: JsonObject, project_id: ProjectId
) -> CompletionFilter:
    """Give the completions that both the run and its eval mean (contract section 5.4)."""
    return CompletionFilter(
        project_id,
        pairs=pairs_meant(source.metadata, config),
        model=source.model,
        created_after=source.created_after,
        created_before=source.created_before,
    )


def logged_completions(wanted: CompletionFilter, *, with_samples: bool) -> Logs[Logged]:
    """Give the completions that fit; with samples their rows bring what was answered."""

    async def newest(connection: AsyncConnection, number: int) -> Place | None:
        if wanted.is_impossible:
            return None
        return await completion_store.place_of_newest(connection, wanted, number)

    async def following(
        connection: AsyncConnection, number: int, first: Place | None, after: Place | None
    ) -> Sequence[Logged]:
        if wanted.is_impossible:
            return []
        return await completion_store.next_completions(
            connection, wanted, number, first=first, after=after
        )

    def row(each: Logged) -> tuple[str, JsonValue]:
        return f"stored completion {each.id}", _row(each, with_sample=with_samples)

    filters = "metadata, model, created_after or created_before"
    return Logs("stored chat completions", filters, newest, following, row)


def _row(each: Logged, *, with_sample: bool) -> JsonObject:
    completion = orjson.loads(each.body)
    item: JsonObject = {
        "input": orjson.loads(each.messages),
        "metadata": completion.get("metadata"),
        "completion_id": each.id,
    }
    return {"item": item, "sample": completion} if with_sample else {"item": item}
