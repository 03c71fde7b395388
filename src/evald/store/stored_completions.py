"""The statements on stored chat completions. Their bodies are final JSON texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Select, delete, insert, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import FromClause

from evald.contract.projects import ProjectId
from evald.contract.stored_completions import CompletionFilter, StoredCompletion
from evald.errors import NotFound
from evald.rules.paging import PageRequest
from evald.rules.stored_completion import with_metadata
from evald.store import kept
from evald.store.pages import Page, page_of_rows
from evald.store.tables import completion_tags, stored_completions

Tag = tuple[str, str, str]
Place = tuple[int, int]
"""Where a completion stands in every list: its time and its number."""


@dataclass(frozen=True, slots=True)
class Logged:
    """A stored completion as the row of a run is made from it."""

    place: Place
    id: str
    body: str
    messages: str


known_ids = partial(kept.known_ids, stored_completions)
known_bodies = partial(kept.known_bodies, stored_completions)


async def insert_completions(
    connection: AsyncConnection, project_id: ProjectId, new: Sequence[StoredCompletion]
) -> None:
    """Add completions to a project, with what they are found by. Their ids must be free there."""
    if not new:
        return
    table = stored_completions.c
    rows = [
        {
            "project_id": project_id,
            "id": each.id,
            "created_at": each.created_at,
            "body": each.body,
            "messages": each.messages,
        }
        for each in new
    ]
    await connection.execute(insert(stored_completions), rows)
    found = await connection.execute(
        select(table.id, table.seq).where(
            *kept.are(stored_completions, project_id, [each.id for each in new])
        )
    )
    numbers = {row.id: row.seq for row in found}
    await _insert_tags(
        connection,
        project_id,
        [(tag, (each.created_at, numbers[each.id])) for each in new for tag in _tags(each)],
    )


def _tags(completion: StoredCompletion) -> list[Tag]:
    models: list[Tag] = [("model", "", name) for name in completion.models]
    return _metadata_tags(completion.metadata) + models


async def get_completion(
    connection: AsyncConnection, project_id: ProjectId, completion_id: str
) -> str:
    """Give the JSON text of a completion. Raises NotFound."""
    return await _text(connection, stored_completions.c.body, project_id, completion_id)


async def get_messages(
    connection: AsyncConnection, project_id: ProjectId, completion_id: str
) -> str:
    """Give the messages that a completion answered, a JSON array in order. Raises NotFound."""
    return await _text(connection, stored_completions.c.messages, project_id, completion_id)


async def _text(
    connection: AsyncConnection,
    column: ColumnElement[str],
    project_id: ProjectId,
    completion_id: str,
) -> str:
    text = await kept.text_of(stored_completions, connection, column, project_id, completion_id)
    if text is None:
        raise _no_completion(completion_id)
    return text


async def update_metadata(
    connection: AsyncConnection,
    project_id: ProjectId,
    completion_id: str,
    metadata: dict[str, str],
) -> str:
    """Replace the metadata of a completion and give its new JSON text. Raises NotFound."""
    table = stored_completions.c
    found = await connection.execute(
        select(table.seq, table.created_at, table.body)
        .where(*kept.is_one(stored_completions, project_id, completion_id))
        .with_for_update()
    )
    row = found.one_or_none()
    if row is None:
        raise _no_completion(completion_id)
    body = with_metadata(orjson.loads(row.body), metadata)
    await connection.execute(
        update(stored_completions).where(table.seq == row.seq).values(body=body)
    )
    await connection.execute(
        delete(completion_tags).where(
            completion_tags.c.completion_seq == row.seq, completion_tags.c.kind == "metadata"
        )
    )
    place = (row.created_at, row.seq)
    await _insert_tags(connection, project_id, [(tag, place) for tag in _metadata_tags(metadata)])
    return body


async def delete_completion(
    connection: AsyncConnection, project_id: ProjectId, completion_id: str
) -> None:
    """Remove a completion; runs that were made from it keep their rows. Raises NotFound."""
    gone = await connection.execute(
        delete(stored_completions).where(
            *kept.is_one(stored_completions, project_id, completion_id)
        )
    )
    if gone.rowcount == 0:
        raise _no_completion(completion_id)


async def delete_old_completions(
    connection: AsyncConnection, project_id: ProjectId, before: int, number: int
) -> int:
    """Remove some completions from before a time, `number` at most; give how many they were."""
    gone = await kept.delete_old(stored_completions, connection, project_id, before, number)
    return len(gone)


def _no_completion(completion_id: str) -> NotFound:
    return NotFound(
        f"No stored chat completion found with id '{completion_id[:80]}'.", param="completion_id"
    )


def _metadata_tags(metadata: dict[str, str]) -> list[Tag]:
    return [("metadata", name, value) for name, value in metadata.items()]


async def _insert_tags(
    connection: AsyncConnection, project_id: ProjectId, tags: Sequence[tuple[Tag, Place]]
) -> None:
    if tags:
        rows = [
            {
                "project_id": project_id,
                "kind": kind,
                "name": name,
                "value": value,
                "created_at": created_at,
                "completion_seq": seq,
            }
            for (kind, name, value), (created_at, seq) in tags
        ]
        await connection.execute(insert(completion_tags), rows)


async def list_completions(
    connection: AsyncConnection, page: PageRequest, wanted: CompletionFilter
) -> Page[tuple[str, str]]:
    """Give one page of the completions that fit, each its id and its JSON text."""
    if wanted.is_impossible:
        return Page((), has_more=False)
    fitting, table = _fitting(wanted), stored_completions.c
    rows, more = await page_of_rows(
        connection,
        fitting.rows(table.id, table.body),
        fitting.keys,
        page,
        id_column=table.id,
        members=[table.project_id == wanted.project_id],
        place_keys=[table.created_at, table.seq],
        texts=[table.body],
    )
    return Page(tuple((row.id, row.body) for row in rows), more)


async def place_of_newest(
    connection: AsyncConnection, wanted: CompletionFilter, number: int
) -> Place | None:
    """Give the place of the `number`-th newest completion that fits, or None if they are fewer."""
    fitting = _fitting(wanted)
    newest_first = [key.desc() for key in fitting.keys]
    found = await connection.execute(
        select(*fitting.keys)
        .select_from(fitting.source)
        .where(*fitting.conditions)
        .order_by(*newest_first)
        .offset(number - 1)
        .limit(1)
    )
    row = found.one_or_none()
    return None if row is None else (row[0], row[1])


async def next_completions(
    connection: AsyncConnection,
    wanted: CompletionFilter,
    number: int,
    *,
    first: Place | None,
    after: Place | None,
) -> list[Logged]:
    """Give some completions that fit, the oldest first: from `first` on, and behind `after`."""
    if first is not None or after is not None:
        # What comes from there on is new enough; SQLite would begin at this bound instead.
        wanted = replace(wanted, created_after=None)
    fitting, table = _fitting(wanted), stored_completions.c
    rows = fitting.rows(table.created_at, table.seq, table.id, table.body, table.messages)
    if after is not None:
        rows = rows.where(tuple_(*fitting.keys) > tuple_(*after))
    elif first is not None:
        rows = rows.where(tuple_(*fitting.keys) >= tuple_(*first))
    found = await connection.execute(rows.order_by(*fitting.keys).limit(number))
    return [Logged((row.created_at, row.seq), row.id, row.body, row.messages) for row in found]


@dataclass(frozen=True)
class _Fitting:
    """Where the completions that fit a filter are read, in the order of every list."""

    source: FromClause
    keys: list[ColumnElement[Any]]
    conditions: list[ColumnElement[bool]]

    def rows(self, *columns: ColumnElement[Any]) -> Select[Any]:
        """Give a statement for these columns of the completions."""
        source = self.source
        if source is not stored_completions:
            source = source.join(stored_completions, stored_completions.c.seq == self.keys[1])
        return select(*columns).select_from(source).where(*self.conditions)


def _fitting(wanted: CompletionFilter) -> _Fitting:
    """Read along one tag, which is a range of its index, and look the others up.

    So a list with one filter costs what its page costs; with several it also passes over those that
    have the first tag and not the others.
    """
    tags: list[Tag] = [("metadata", name, value) for name, value in sorted(wanted.pairs)]
    if wanted.model is not None:
        tags.append(("model", "", wanted.model))
    if not tags:
        table = stored_completions
        keys: list[ColumnElement[Any]] = [table.c.created_at, table.c.seq]
        conditions = [table.c.project_id == wanted.project_id]
        return _Fitting(table, keys, conditions + _within(table.c.created_at, wanted))
    leading = completion_tags.alias("leading")
    keys = [leading.c.created_at, leading.c.completion_seq]
    conditions = [
        *_is_tag(leading, wanted.project_id, tags[0]),
        *_within(leading.c.created_at, wanted),
    ]
    for tag in tags[1:]:
        other = completion_tags.alias()
        same = [
            other.c.created_at == leading.c.created_at,
            other.c.completion_seq == leading.c.completion_seq,
        ]
        conditions.append(
            select(other.c.kind)
            .where(*_is_tag(other, wanted.project_id, tag), *same)
            .correlate(leading)
            .exists()
        )
    return _Fitting(leading, keys, conditions)


def _is_tag(table: FromClause, project_id: ProjectId, tag: Tag) -> list[ColumnElement[bool]]:
    columns = (table.c.project_id, table.c.kind, table.c.name, table.c.value)
    return [column == part for column, part in zip(columns, (project_id, *tag), strict=True)]


def _within(created_at: ColumnElement[int], wanted: CompletionFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.created_after is not None:
        conditions.append(created_at >= wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(created_at <= wanted.created_before)
    return conditions
