"""The statements on stored responses. Their bodies are final JSON texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from sqlalchemy import ColumnElement, Select, asc, delete, desc, insert, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import CompoundSelect, FromClause

from evald.contract.projects import ProjectId
from evald.contract.stored_responses import Chain, ResponseFilter, StoredResponse, Tag
from evald.errors import NotFound
from evald.store import kept
from evald.store.response_chains import chains, note_deleted, was_deleted
from evald.store.stored_completions import Place
from evald.store.tables import response_tags, stored_responses


@dataclass(frozen=True, slots=True)
class LoggedResponse:
    """A stored response as the row of a run is made from it."""

    place: Place
    chain: Chain


known_ids = partial(kept.known_ids, stored_responses)
known_bodies = partial(kept.known_bodies, stored_responses)


async def insert_responses(
    connection: AsyncConnection, project_id: ProjectId, new: Sequence[StoredResponse]
) -> None:
    """Add responses to a project, with what they are found by. Their ids must be free there."""
    if not new:
        return
    table = stored_responses.c
    rows = [
        {
            "project_id": project_id,
            "id": each.id,
            "created_at": each.created_at,
            "previous_id": each.previous_id,
            "size": len(each.body) + len(each.input),
            "instructions": each.instructions,
            "body": each.body,
            "input": each.input,
        }
        for each in new
    ]
    await connection.execute(insert(stored_responses), rows)
    found = await connection.execute(
        select(table.id, table.seq).where(
            *kept.are(stored_responses, project_id, [each.id for each in new])
        )
    )
    numbers = {row.id: row.seq for row in found}
    tags = [
        {
            "project_id": project_id,
            "kind": kind,
            "name": name,
            "value": value,
            "created_at": each.created_at,
            "response_seq": numbers[each.id],
        }
        for each in new
        for kind, name, value in sorted(each.tags)
    ]
    if tags:
        await connection.execute(insert(response_tags), tags)


async def get_response(connection: AsyncConnection, project_id: ProjectId, response_id: str) -> str:
    """Give the JSON text of a response. Raises NotFound."""
    text = await kept.text_of(
        stored_responses, connection, stored_responses.c.body, project_id, response_id
    )
    if text is None:
        raise _no_response(response_id)
    return text


async def get_chain(connection: AsyncConnection, project_id: ProjectId, response_id: str) -> Chain:
    """Give a response with those that it goes on from. Raises NotFound."""
    found = await connection.execute(
        select(stored_responses.c.seq).where(
            *kept.is_one(stored_responses, project_id, response_id)
        )
    )
    seq = found.scalar_one_or_none()
    if seq is None:
        raise _no_response(response_id)
    (chain,) = await chains(connection, project_id, [seq])
    return chain


async def is_closed(connection: AsyncConnection, project_id: ProjectId, response_id: str) -> bool:
    """Say whether a project may not go on from a response: it was deleted, or others alone have it."""
    table = stored_responses.c
    found = await connection.execute(select(table.project_id).where(table.id == response_id))
    owners = set(found.scalars())
    if project_id in owners:
        return False
    return bool(owners) or await was_deleted(connection, response_id)


async def delete_response(
    connection: AsyncConnection, project_id: ProjectId, response_id: str
) -> None:
    """Remove a response; runs that were made from it keep their rows. Raises NotFound.

    Those that go on from it stay, and are told without it.
    """
    gone = await connection.execute(
        delete(stored_responses).where(*kept.is_one(stored_responses, project_id, response_id))
    )
    if gone.rowcount == 0:
        raise _no_response(response_id)
    await note_deleted(connection, project_id, [response_id])


async def delete_old_responses(
    connection: AsyncConnection, project_id: ProjectId, before: int, number: int
) -> int:
    """Remove some responses from before a time, `number` at most; give how many they were."""
    gone = await kept.delete_old(stored_responses, connection, project_id, before, number)
    if gone:
        await note_deleted(connection, project_id, gone)
    return len(gone)


def _no_response(response_id: str) -> NotFound:
    return NotFound(f"Response with id '{response_id[:80]}' not found.", param="response_id")


async def place_of_newest(
    connection: AsyncConnection, wanted: ResponseFilter, number: int
) -> Place | None:
    """Give the place of the `number`-th newest response that fits, or None if they are fewer."""
    newest_first = _together(_ranges(wanted)).order_by(desc("created_at"), desc("seq"))
    found = await connection.execute(newest_first.offset(number - 1).limit(1))
    row = found.one_or_none()
    return None if row is None else (row.created_at, row.seq)


async def next_responses(
    connection: AsyncConnection,
    wanted: ResponseFilter,
    number: int,
    *,
    first: Place | None,
    after: Place | None,
) -> list[LoggedResponse]:
    """Give some responses that fit, the oldest first: from `first` on, and behind `after`.

    They are fewer than `number` where their texts are long, and none only where none is left.
    """
    if first is not None or after is not None:
        # What comes from there on is new enough; SQLite would begin at this bound instead.
        wanted = replace(wanted, created_after=None)
    ranges = _ranges(wanted)
    if after is not None:
        ranges = [each.behind(after) for each in ranges]
    elif first is not None:
        ranges = [each.begun(first) for each in ranges]
    oldest_first = _together(ranges).order_by(asc("created_at"), asc("seq"))
    found = await connection.execute(oldest_first.limit(number))
    places = [(row.created_at, row.seq) for row in found]
    read = await chains(connection, wanted.project_id, [seq for _, seq in places])
    return [LoggedResponse(place, chain) for place, chain in zip(places, read, strict=False)]


@dataclass(frozen=True)
class _Range:
    """Some responses that fit a filter, in the order of their places."""

    source: FromClause
    keys: tuple[ColumnElement[Any], ColumnElement[Any]]
    conditions: tuple[ColumnElement[bool], ...]

    def begun(self, first: Place) -> "_Range":
        """Give those from this place on."""
        return self._narrowed(tuple_(*self.keys) >= tuple_(*first))

    def behind(self, after: Place) -> "_Range":
        """Give those behind this place."""
        return self._narrowed(tuple_(*self.keys) > tuple_(*after))

    def _narrowed(self, condition: ColumnElement[bool]) -> "_Range":
        return replace(self, conditions=(*self.conditions, condition))

    def places(self) -> Select[Any]:
        """Give the statement for their places."""
        created_at, seq = self.keys
        columns = created_at.label("created_at"), seq.label("seq")
        return select(*columns).select_from(self.source).where(*self.conditions)


def _together(ranges: Sequence[_Range]) -> Select[Any] | CompoundSelect[Any]:
    """Give one statement for all of these places; it merges ranges and sorts nothing."""
    first, *others = [each.places() for each in ranges]
    return union(first, *others) if others else first


def _ranges(wanted: ResponseFilter) -> list[_Range]:
    """Read along one tag, which is a range of its index, and look the others up.

    Where one of several tags is enough, there is a range for each. So what is read costs what it
    gives, but for those that are passed over: they have the first tag and not the others, or other
    instructions.
    """
    groups = sorted(wanted.any_of, key=len)
    if not groups:
        table = stored_responses.c
        within = [table.project_id == wanted.project_id, *_within(table.created_at, wanted)]
        within += _instructed(wanted)
        return [_Range(stored_responses, (table.created_at, table.seq), tuple(within))]
    leading, *others = groups
    return [_tagged(tag, others, wanted) for tag in sorted(leading)]


def _tagged(tag: Tag, others: Sequence[frozenset[Tag]], wanted: ResponseFilter) -> _Range:
    leading = response_tags.alias("leading")
    conditions = [*_is_tag(leading, wanted.project_id, tag), *_within(leading.c.created_at, wanted)]
    conditions += [_has_one(leading, wanted.project_id, group) for group in others]
    if wanted.instructions is not None:
        itself = stored_responses.c.seq == leading.c.response_seq
        found = select(stored_responses.c.seq).where(itself, *_instructed(wanted))
        conditions.append(found.correlate(leading).exists())
    return _Range(leading, (leading.c.created_at, leading.c.response_seq), tuple(conditions))


def _has_one(
    leading: FromClause, project_id: ProjectId, group: frozenset[Tag]
) -> ColumnElement[bool]:
    """Say that a response has one of these tags, which are all of one kind and name."""
    other = response_tags.alias()
    kind, name, _ = next(iter(group))
    return (
        select(other.c.kind)
        .where(
            other.c.project_id == project_id,
            other.c.kind == kind,
            other.c.name == name,
            other.c.value.in_(sorted(value for _, _, value in group)),
            other.c.created_at == leading.c.created_at,
            other.c.response_seq == leading.c.response_seq,
        )
        .correlate(leading)
        .exists()
    )


def _is_tag(table: FromClause, project_id: ProjectId, tag: Tag) -> list[ColumnElement[bool]]:
    columns = (table.c.project_id, table.c.kind, table.c.name, table.c.value)
    return [column == part for column, part in zip(columns, (project_id, *tag), strict=True)]


def _instructed(wanted: ResponseFilter) -> list[ColumnElement[bool]]:
    if wanted.instructions is None:
        return []
    return [stored_responses.c.instructions.contains(wanted.instructions, autoescape=True)]


def _within(created_at: ColumnElement[int], wanted: ResponseFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if wanted.created_after is not None:
        conditions.append(created_at >= wanted.created_after)
    if wanted.created_before is not None:
        conditions.append(created_at <= wanted.created_before)
    return conditions
