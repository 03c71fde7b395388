"""Comparisons of runs while they are asked for: made once for all readers, and kept for a while.

To compare two runs all their items are read, a million in the order of a minute. So that is done beside
the requests, one comparison after the other: a program waits for the outcome, a page says how far it is.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from time import monotonic
from typing import Final, Generic, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.evals import Eval
from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.errors import BadRequest
from evald.reports.comparison import Comparison, compare
from evald.reports.judged_rows import JudgedRows, no_rows
from evald.rules import status
from evald.rules.criterion_names import CriterionNames
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.output_items import Snapshot

MOST_RUNS: Final = 5
ROWS_KEPT: Final = 2_000_000
"""Rows of runs, and as many of comparisons, that are kept in memory."""
AN_ENTRY: Final = 1000
"""Rows that whatever is kept counts for on top of its own."""
FEW_ITEMS: Final = 5_000
"""A comparison of no more items is made while a reader waits."""
MANY_ITEMS: Final = 50_000
"""Comparisons of more items are made one after the other."""
ITEMS_A_PAGE: Final = 1000
FRESH_FOR: Final = 5.0
"""Seconds for which a comparison of a run that goes on stands, and longer if it took long to make."""

Kept = TypeVar("Kept")

log = structlog.get_logger()


@dataclass(frozen=True)
class Compared:
    """Runs of one eval, the baseline first, and each of the others against it."""

    of_eval: Eval
    runs: tuple[Run, ...]
    latencies_ms: tuple[float | None, ...]
    """The mean of each run, or None where none is known."""
    comparisons: tuple[Comparison, ...]
    """Of each run but the baseline."""

    @property
    def is_final(self) -> bool:
        """Say whether no more rows are to come."""
        return all(_is_over(run) for run in self.runs)

    def is_pair_final(self, place: int) -> bool:
        """Say whether no more rows are to come of the baseline and of the run at a place."""
        return _is_over(self.runs[0]) and _is_over(self.runs[place])


@dataclass(frozen=True)
class Underway:
    """How far a comparison is that is still being made."""

    of_eval: Eval
    runs: tuple[Run, ...]
    read: int
    """Items that have been read."""
    total: int


@dataclass(frozen=True)
class _Asked:
    """The runs that are to be compared, as they were when it was asked."""

    of_eval: Eval
    runs: tuple[Run, ...]
    snapshots: tuple[Snapshot, ...]

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(run.id for run in self.runs)

    @property
    def items(self) -> int:
        """Give how many items the runs have together."""
        return sum(run.counts.total for run in self.runs)

    @property
    def versions(self) -> tuple[object, ...]:
        """Give for each run what changes whenever an item comes or goes, or the run ends."""
        return tuple(
            (run.status, run.counts, run.resumes, snapshot.last)
            for run, snapshot in zip(self.runs, self.snapshots, strict=True)
        )


@dataclass
class _Making:
    """A comparison that is being made."""

    asked: _Asked
    task: "asyncio.Task[Compared]"
    read: int = 0


@dataclass(frozen=True)
class _Made:
    versions: tuple[object, ...]
    compared: Compared
    stands_until: float
    """For how long it is good enough while a run of it goes on, on the monotonic clock."""


@dataclass
class _LastUsed(Generic[Kept]):
    """The values that were used last, up to a number of rows that they have together."""

    rows: int = 0
    _values: OrderedDict[tuple[str, ...], tuple[int, Kept]] = field(default_factory=OrderedDict)

    def get(self, key: tuple[str, ...]) -> Kept | None:
        """Give the value of a key, or None."""
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[1]

    def put(self, key: tuple[str, ...], value: Kept, rows: int) -> None:
        """Keep a value, and let go of what was not used for longest."""
        rows += AN_ENTRY
        self.rows += rows - self._values.pop(key, (0, None))[0]
        self._values[key] = (rows, value)
        while self.rows > ROWS_KEPT and len(self._values) > 1:
            _, (freed, _) = self._values.popitem(last=False)
            self.rows -= freed


class Comparisons:
    """Gives comparisons, and has them made."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._made = _LastUsed[_Made]()
        self._read = _LastUsed[tuple[object, JudgedRows]]()
        self._making: dict[tuple[str, ...], _Making] = {}
        self._turn = asyncio.Semaphore(1)

    async def of(
        self,
        project_id: ProjectId,
        eval_id: str,
        run_ids: Sequence[str],
        *,
        patience: float | None = None,
    ) -> Compared | Underway:
        """Compare runs of an eval, the first of them being the baseline.

        With `patience`, in seconds, a comparison of many items that takes longer is answered by how far
        it is.
        Raises NotFound, and BadRequest for fewer than two runs, for too many, or for one named twice.
        """
        asked = await self._database.read(
            lambda connection: _asked(connection, project_id, eval_id, run_ids)
        )
        made = self._made.get(asked.ids)
        if made is not None and _is_good(made, asked):
            return replace(made.compared, of_eval=asked.of_eval, runs=asked.runs)
        making = self._making.get(asked.ids) or self._begin(asked)
        is_quick = asked.items <= FEW_ITEMS
        await asyncio.wait({making.task}, timeout=None if is_quick else patience)
        if making.task.done():
            return making.task.result()
        return Underway(asked.of_eval, asked.runs, min(making.read, asked.items), asked.items)

    async def close(self) -> None:
        """Stop what is being made."""
        tasks = [making.task for making in self._making.values()]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    def _begin(self, asked: _Asked) -> _Making:
        task = asyncio.create_task(self._make(asked))
        self._making[asked.ids] = making = _Making(asked, task)
        task.add_done_callback(partial(self._ended, asked.ids))
        return making

    def _ended(self, ids: tuple[str, ...], task: "asyncio.Task[Compared]") -> None:
        del self._making[ids]
        if not task.cancelled() and (error := task.exception()) is not None:
            # Whoever waits gets it; a reader who left meanwhile does not.
            log.warning("comparison failed", runs=list(ids), error=repr(error))

    async def _make(self, asked: _Asked) -> Compared:
        async with self._turn if asked.items > MANY_ITEMS else nullcontext():
            begun = monotonic()
            rows = [await self._rows(asked, place) for place in range(len(asked.runs))]
            comparisons = [await asyncio.to_thread(compare, rows[0], each) for each in rows[1:]]
        latencies = tuple(each.mean_latency_ms for each in rows)
        compared = Compared(asked.of_eval, asked.runs, latencies, tuple(comparisons))
        stands_until = monotonic() + max(FRESH_FOR, 10 * (monotonic() - begun))
        self._made.put(
            asked.ids, _Made(asked.versions, compared, stands_until), sum(map(len, rows))
        )
        return compared

    async def _rows(self, asked: _Asked, place: int) -> JudgedRows:
        """Give the rows of one of the runs, read before or now. Raises NotFound."""
        run, version = asked.runs[place], asked.versions[place]
        known = self._read.get((run.id,))
        if known is not None and known[0] == version:
            return known[1]
        making = self._making[asked.ids]
        names = names_of(asked.of_eval)
        rows = no_rows(names.number)
        async for page in self._pages(asked.snapshots[place]):
            await asyncio.to_thread(rows.take, page, names)
            making.read += len(page)
        # Without the run there are no items either, and that was no end.
        of_eval = asked.of_eval
        await self._database.read(
            lambda connection: run_store.check_run(
                connection, of_eval.project_id, of_eval.id, run.id
            )
        )
        self._read.put((run.id,), (version, rows), len(rows))
        return rows

    async def _pages(self, snapshot: Snapshot) -> AsyncIterator[list[tuple[int, str]]]:
        behind = -1
        while page := await self._database.read(
            partial(item_store.items_behind, snapshot=snapshot, row=behind, limit=ITEMS_A_PAGE)
        ):
            yield page
            behind = page[-1][0]


@asynccontextmanager
async def comparing(database: Database) -> AsyncIterator[Comparisons]:
    """Give what compares runs, until the end of the block."""
    comparisons = Comparisons(database)
    try:
        yield comparisons
    finally:
        await comparisons.close()


def _check_run_ids(run_ids: Sequence[str]) -> None:
    """Check that these runs can be compared with one another. Raises BadRequest."""
    if not 2 <= len(run_ids) <= MOST_RUNS:
        raise BadRequest(
            f"Name 2 to {MOST_RUNS} runs to compare, each as a 'run_id', the baseline first.",
            param="run_id",
            code="invalid_value" if run_ids else "missing_required_parameter",
        )
    if len(set(run_ids)) < len(run_ids):
        raise BadRequest("A run is named twice.", param="run_id", code="invalid_value")


def names_of(of_eval: Eval) -> CriterionNames:
    """Give what the results of an eval's criteria are called."""
    return CriterionNames.of(
        (str(each["id"]), str(each.get("name") or each["id"])) for each in of_eval.testing_criteria
    )


async def _asked(
    connection: AsyncConnection, project_id: ProjectId, eval_id: str, run_ids: Sequence[str]
) -> _Asked:
    of_eval = await eval_store.get_eval(connection, project_id, eval_id)
    _check_run_ids(run_ids)
    runs = [
        await run_store.get_run_without_rows(connection, project_id, eval_id, run_id)
        for run_id in run_ids
    ]
    snapshots = [await item_store.snapshot_of(connection, run.id, None) for run in runs]
    return _Asked(of_eval, tuple(runs), tuple(snapshots))


def _is_good(made: _Made, asked: _Asked) -> bool:
    """Say whether a comparison is of the items as they are, or new enough where they become more."""
    if made.versions == asked.versions:
        return True
    return not all(map(_is_over, asked.runs)) and monotonic() < made.stands_until


def _is_over(run: Run) -> bool:
    return status.is_final(run.status)
