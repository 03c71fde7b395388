"""The statements on stored responses. Their bodies are final JSON texts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sqlalchemy import ColumnElement, Select, asc, delete, desc, insert, select, tuple_, union
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.selectable import CompoundSelect, FromClause

from evald.contract.projects import ProjectId
from evald.contract.stored_responses import ResponseFilter, StoredResponse, Tag
from evald.errors import NotFound
from evald.rules.json_text import BadJson
from evald.rules.stored_response import continued
from evald.store import kept
from evald.store.stored_completions import Place
from evald.store.tables import response_tags, stored_responses

LONGEST_PAST: Final = 8 * 1024 * 1024
"""Characters of what was said before, above which a response keeps only what was sent with it."""


@dataclass(frozen=True, slots=True)
class LoggedResponse:
    """A stored response as the row of a run is made from it."""

    place: Place
    id: str
    body: str
    input: str


known_ids = partial(kept.known_ids, stored_responses)
known_bodies = partial(kept.known_bodies, stored_responses)


async def insert_responses(
    connection: AsyncConnection, project_id: ProjectId, new: Sequence[StoredResponse]
) -> None:
    """Add responses to a project, with what they are found by. Their ids must be free there.

    One that goes on from another that is here gets its input items before its own.
    """
    if not new:
        return
    new = await _continued(connection, project_id, new)
    table = stored_responses.c
    rows = [
        {
            "project_id": project_id,
            "id": each.id,
            "created_at": each.created_at,
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


async def _continued(
    connection: AsyncConnection, project_id: ProjectId, new: Sequence[StoredResponse]
) -> list[StoredResponse]:
    table = stored_responses.c
    ids = [each.previous_id for each in new if each.previous_id is not None]
    before: dict[str | None, tuple[str, str]] = {}
    if ids:
        found = await connection.execute(
            select(table.id, table.input, table.body).where(
                *kept.are(stored_responses, project_id, ids)
            )
        )
        before = {row.id: (row.input, row.body) for row in found}
    whole = []
    for each in new:
        if each.previous_id in before:
            each = _going_on(each, *before[each.previous_id])
        before[each.id] = each.input, each.body  # an imported log may hold both
        whole.append(each)
    return whole


def _going_on(new: StoredResponse, previous_input: str, previous_body: str) -> StoredResponse:
    if len(previous_input) + len(previous_body) > LONGEST_PAST:
        return new
    try:
        return replace(new, input=continued(previous_input, previous_body, new.input))
    except BadJson:  # nested too deep together
        return new


async def get_response(connection: AsyncConnection, project_id: ProjectId, response_id: str) -> str:
    """Give the JSON text of a response. Raises NotFound."""
    return await _text(connection, stored_responses.c.body, project_id, response_id)


async def is_of_others(
    connection: AsyncConnection, project_id: ProjectId, response_id: str
) -> bool:
    """Say whether a response is stored, but not in this project."""
    table = stored_responses.c
    found = await connection.execute(select(table.project_id).where(table.id == response_id))
    owners = set(found.scalars())
    return bool(owners) and project_id not in owners


async def get_input(connection: AsyncConnection, project_id: ProjectId, response_id: str) -> str:
    """Give the input items that a response answered, a JSON array in order. Raises NotFound."""
    return await _text(connection, stored_responses.c.input, project_id, response_id)


async def _text(
    connection: AsyncConnection, column: ColumnElement[str], project_id: ProjectId, response_id: str
) -> str:
    text = await kept.text_of(stored_responses, connection, column, project_id, response_id)
    if text is None:
        raise _no_response(response_id)
    return text


async def delete_response(
    connection: AsyncConnection, project_id: ProjectId, response_id: str
) -> None:
    """Remove a response; runs that were made from it keep their rows. Raises NotFound."""
    gone = await connection.execute(
        delete(stored_responses).where(*kept.is_one(stored_responses, project_id, response_id))
    )
    if gone.rowcount == 0:
        raise _no_response(response_id)


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
    """Give some responses that fit, the oldest first: from `first` on, and behind `after`."""
    if first is not None or after is not None:
        # What comes from there on is new enough; SQLite would begin at this bound instead.
        wanted = replace(wanted, created_after=None)
    ranges = _ranges(wanted)
    if after is not None:
        ranges = [each.behind(after) for each in ranges]
    elif first is not None:
        ranges = [each.begun(first) for each in ranges]
    oldest_first = _together(ranges).order_by(asc("created_at"), asc("seq"))
    places = await connection.execute(oldest_first.limit(number))
    return await _at(connection, [(row.created_at, row.seq) for row in places])


async def _at(connection: AsyncConnection, places: Sequence[Place]) -> list[LoggedResponse]:
    """Give the responses at these places, in their order."""
    table = stored_responses.c
    found = await connection.execute(
        select(table.created_at, table.seq, table.id, table.body, table.input).where(
            table.seq.in_([seq for _, seq in places])
        )
    )
    responses = [
        LoggedResponse((row.created_at, row.seq), row.id, row.body, row.input) for row in found
    ]
    return sorted(responses, key=lambda each: each.place)


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
