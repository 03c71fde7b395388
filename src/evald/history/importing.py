"""Take history in: JSON lines, read and kept as they arrive, in batches that are kept whole or not."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.projects import ProjectId
from evald.history.keep_evals import keep_evals
from evald.history.keep_items import keep_items
from evald.history.keep_runs import keep_runs
from evald.history.outcome import Outcome
from evald.history.reading import HistoryReader, LineError, Read, ReadEval, ReadItem, ReadRun
from evald.store.database import Database
from evald.store.imported import take_turns

KEPT_AT_ONCE: Final = 256
BYTES_AT_ONCE: Final = 8 * 1024 * 1024
"""A batch is kept at whichever of the two comes first."""

Faults: TypeAlias = Callable[[Eval], Awaitable[Sequence[str]]]
"""Gives why an eval cannot be run on this server as it is set up, in sentences."""


@dataclass(frozen=True)
class Import:
    """Whose history is taken in, and how."""

    project_id: ProjectId
    now: int
    """Whole Unix seconds."""
    dry_run: bool
    """Whether nothing is kept, and only told what would be."""
    faults: Faults


@dataclass
class _Batch:
    evals: list[ReadEval] = field(default_factory=list)
    runs: list[ReadRun] = field(default_factory=list)
    items: list[ReadItem] = field(default_factory=list)
    size: int = 0
    """Bytes of the lines that they came from, about."""

    def add(self, read: Read) -> None:
        match read:
            case ReadEval():
                self.evals.append(read)
                self.size += read.size
            case ReadRun():
                self.runs.append(read)
                self.size += len(read.new.body) + len(read.new.data_source_text)
            case ReadItem():
                self.items.append(read)
                self.size += len(read.new.body)

    @property
    def is_full(self) -> bool:
        number = len(self.evals) + len(self.runs) + len(self.items)
        return number >= KEPT_AT_ONCE or self.size >= BYTES_AT_ONCE


class _Undo(Exception):
    """Undoes the transaction of a dry run."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


async def import_history(parts: AsyncIterator[bytes], asked: Import, database: Database) -> Outcome:
    """Keep the evals, runs and output items of JSON lines in a project, and say what became of each.

    A wrong line is left out and the others are kept, so it can be mended and sent again with them:
    what is here already stays as it is.
    """
    reader, outcome, batch = HistoryReader(asked.project_id, asked.now), Outcome(), _Batch()
    async for part in parts:
        for read in await asyncio.to_thread(reader.feed, part):
            batch = await _taken(read, batch, outcome, asked, database)
    for read in await asyncio.to_thread(reader.end):
        batch = await _taken(read, batch, outcome, asked, database)
    outcome.add(await _kept(batch, asked, database))
    return outcome


async def _taken(
    read: Read, batch: _Batch, outcome: Outcome, asked: Import, database: Database
) -> _Batch:
    """Take what a line holds, and give the batch that the next line goes into."""
    if isinstance(read, LineError):
        outcome.fail(read)
        return batch
    batch.add(read)
    if not batch.is_full:
        return batch
    outcome.add(await _kept(batch, asked, database))
    return _Batch()


async def _kept(batch: _Batch, asked: Import, database: Database) -> Outcome:
    """Keep a batch in one transaction: its evals first, then its runs, then its output items."""
    told = {each.line: await _faults(each, asked) for each in batch.evals}

    async def keep(connection: AsyncConnection) -> Outcome:
        outcome = Outcome()
        await take_turns(connection)
        await keep_evals(connection, batch.evals, told, outcome)
        await keep_runs(connection, batch.runs, asked.project_id, outcome, orphans=asked.dry_run)
        await keep_items(connection, batch.items, asked.project_id, outcome, orphans=asked.dry_run)
        if asked.dry_run:
            raise _Undo(outcome)
        return outcome

    try:
        return await database.write(keep)
    except _Undo as undone:
        return undone.outcome


async def _faults(read: ReadEval, asked: Import) -> Sequence[str]:
    """Give why an eval cannot be run here: as it is, or on this server as it is set up."""
    imported = read.new.imported
    if imported is not None and imported.reconstructed:
        return read.faults
    return [*read.faults, *await asked.faults(read.new)]
