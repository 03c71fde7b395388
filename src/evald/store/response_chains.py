"""The statements that read stored responses with what was said before them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Select, bindparam, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.projects import ProjectId
from evald.contract.stored_responses import Chain, Turn
from evald.rules.response_chain import MOST_TURNS, Link, Way, way_back
from evald.store.tables import deleted_responses, stored_responses

TEXT_AT_ONCE: Final = 64 * 1024 * 1024
"""Characters of responses that are in memory together."""
WALKED_AT_ONCE: Final = 64
"""Responses from which one statement goes back."""
TEXTS_AT_ONCE: Final = 500
"""Responses whose texts one statement reads."""


@dataclass
class _Read:
    """Ways back whose texts are to be read together; what they share counts once."""

    ways: list[Way] = field(default_factory=list)
    sizes: dict[int, int] = field(default_factory=dict)
    size: int = 0

    def takes(self, way: Way) -> bool:
        """Add a way, unless that would be too much at once; the first is always taken."""
        fresh = {link.seq: link.size for link in way.links if link.seq not in self.sizes}
        size = self.size + sum(fresh.values())
        if self.ways and size > TEXT_AT_ONCE:
            return False
        self.ways.append(way)
        self.sizes |= fresh
        self.size = size
        return True


async def chains(
    connection: AsyncConnection, project_id: ProjectId, seqs: Sequence[int]
) -> list[Chain]:
    """Give the chains that end with these responses of a project, in this order.

    Of chains that are very long together only the first are given, one at least.
    """
    read = await _ways(connection, project_id, seqs)
    turns = await _turns(connection, list(read.sizes))
    return [
        Chain(tuple(turns[link.seq] for link in reversed(way.links)), way.gap) for way in read.ways
    ]


async def _ways(connection: AsyncConnection, project_id: ProjectId, seqs: Sequence[int]) -> _Read:
    read = _Read()
    table = stored_responses.c
    found = await connection.execute(
        select(table.seq, table.id, table.previous_id, table.size).where(table.seq.in_(seqs))
    )
    ends = {row.seq: Link(*row) for row in found}
    for start in range(0, len(seqs), WALKED_AT_ONCE):
        some = [ends[seq] for seq in seqs[start : start + WALKED_AT_ONCE]]
        links, deleted = await _before(connection, project_id, some)
        for link in some:
            if not read.takes(way_back(link, links, deleted)):
                return read
    return read


async def _before(
    connection: AsyncConnection, project_id: ProjectId, ends: Sequence[Link]
) -> tuple[dict[str, Link], set[str]]:
    """Give what these responses go on from, by id, and which of those that are missing were deleted."""
    seqs = [link.seq for link in ends if link.previous_id]
    if not seqs:
        return {}, set()
    found = await connection.execute(
        _LINKS, {"project_id": project_id, "seqs": seqs, "most": len(seqs) * MOST_TURNS}
    )
    links = {row.id: Link(*row) for row in found}
    absent = {link.previous_id for link in links.values() if link.previous_id} - links.keys()
    return links, await _deleted(connection, project_id, sorted(absent)) if absent else set()


def _links() -> Select[Any]:
    """Give the statement for some responses and those that they go on from, each of them once.

    Each step back finds no more than one response for each that it began with, so a limit of
    MOST_TURNS for each leaves out nothing that is less far back. A chain that runs in a circle ends
    with its first response that has been found before.
    """
    table = stored_responses.c
    earlier = stored_responses.alias("earlier")
    links = (
        select(table.seq, table.id, table.previous_id, table.size)
        .where(table.seq.in_(bindparam("seqs", expanding=True)))
        .cte("links", recursive=True)
    )
    step = select(earlier.c.seq, earlier.c.id, earlier.c.previous_id, earlier.c.size).where(
        earlier.c.project_id == bindparam("project_id"), earlier.c.id == links.c.previous_id
    )
    return select(links.union(step)).limit(bindparam("most"))


_LINKS: Final = _links()


async def _deleted(
    connection: AsyncConnection, project_id: ProjectId, ids: Sequence[str]
) -> set[str]:
    table = deleted_responses.c
    found = await connection.execute(
        select(table.id).where(table.id.in_(ids), table.project_id == project_id)
    )
    return set(found.scalars())


async def _turns(connection: AsyncConnection, seqs: Sequence[int]) -> dict[int, Turn]:
    table = stored_responses.c
    turns: dict[int, Turn] = {}
    for start in range(0, len(seqs), TEXTS_AT_ONCE):
        found = await connection.execute(
            select(table.seq, table.id, table.input, table.body).where(
                table.seq.in_(seqs[start : start + TEXTS_AT_ONCE])
            )
        )
        turns |= {row.seq: Turn(row.id, row.input, row.body) for row in found}
    return turns


async def note_deleted(
    connection: AsyncConnection, project_id: ProjectId, ids: Sequence[str]
) -> None:
    """Remember that responses of a project were deleted; they may have been before."""
    table = deleted_responses.c
    await connection.execute(
        delete(deleted_responses).where(table.id.in_(ids), table.project_id == project_id)
    )
    rows = [{"id": each, "project_id": project_id} for each in ids]
    await connection.execute(insert(deleted_responses), rows)


async def was_deleted(connection: AsyncConnection, response_id: str) -> bool:
    """Say whether a response was deleted, of whichever project it was."""
    table = deleted_responses.c
    found = await connection.execute(select(table.id).where(table.id == response_id).limit(1))
    return found.first() is not None
