"""The output items of a run as a file, made bit by bit while it is sent."""

import asyncio
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Final, Literal, Protocol

from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.data_source_configs import item_schema_of
from evald.contract.evals import Eval
from evald.contract.projects import ProjectId
from evald.errors import BadRequest, NotReady
from evald.reports.columns import Choice, Column
from evald.reports.criteria import Criterion, Verdict, criteria_of, find_criterion
from evald.reports.parquet import Parquet
from evald.reports.text_tables import csv_lines, json_lines, whole_items
from evald.reports.values import parsed_item
from evald.rules.item_query import ItemQuery
from evald.rules.item_query_words import Parameters, read_query
from evald.rules.verdict import ItemStatus
from evald.store import evals as eval_store
from evald.store import output_items as item_store
from evald.store import runs as run_store
from evald.store.database import Database
from evald.store.item_figures import figures_of
from evald.store.item_search import find_items
from evald.store.output_items import Snapshot

Format = Literal["jsonl", "csv", "parquet"]
FORMATS: Final[tuple[Format, ...]] = ("jsonl", "csv", "parquet")
ITEMS_A_PAGE: Final = 1000
FOUND_A_PAGE: Final = 200
"""Items that the index finds at a time."""
_LOOKS: Final = 50
_PAUSE_S: Final = 0.2
"""So often, and so many seconds apart, is looked whether the index has caught up."""


@dataclass(frozen=True)
class Wanted:
    """What is asked for."""

    format: Format = "jsonl"
    columns: str | None = None
    """Their names as a line of CSV, or None for those that the format has by itself."""
    status: ItemStatus | None = None
    criterion: str | None = None
    """The criterion whose verdict is `verdict`, by name or id."""
    verdict: Verdict | None = None
    filters: Parameters = ()
    """What else the items have to be, as the parameters of an address."""
    limit: int | None = None
    """Items at most."""
    is_raw: bool = False
    """Whether the texts of a CSV are as they are, also those that a spreadsheet would compute."""


class Table(Protocol):
    """A format: what it gives is joined to a file. Its functions compute, and run in a thread."""

    def begin(self) -> bytes:
        """Give what stands before the first item."""
        ...

    def take(self, texts: Sequence[str]) -> Iterator[bytes]:
        """Take the next items, each as its JSON text, and give what is ready of the file, by size."""
        ...

    def end(self) -> bytes:
        """Give the rest of the file."""
        ...


@dataclass(frozen=True)
class _Begun:
    """A run, and its first items."""

    of_eval: Eval
    items: Snapshot | ItemQuery
    """Which items: those of one moment, or those that the index finds."""
    page: "_Page"


@dataclass(frozen=True)
class _Page:
    """Some items, and where the next ones begin: behind a row, at a cursor, or None at the end."""

    texts: list[str]
    behind: int | str | None


@dataclass
class _Sieve:
    """Lets through what is wanted of a run's items."""

    criterion: Criterion | None
    verdict: Verdict | None
    left: int | None
    """Items that are still wanted, or None for all."""

    def sift(self, texts: Sequence[str]) -> Sequence[str]:
        """Give those that are wanted."""
        criterion = self.criterion
        if criterion is not None:
            texts = [
                text for text in texts if criterion.verdict_in(parsed_item(text)) == self.verdict
            ]
        if self.left is not None:
            texts = texts[: self.left]
            self.left -= len(texts)
        return texts


class Export:
    """The items of a run that were saved when it was begun, in the order of their rows.

    Each page is read in a transaction of its own, so that nobody waits for a slow reader.
    """

    def __init__(
        self, database: Database, project_id: ProjectId, eval_id: str, run_id: str, wanted: Wanted
    ) -> None:
        self._database = database
        self._run = (project_id, eval_id, run_id)
        self._wanted = wanted

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Give the file piece by piece.

        Raises NotFound, BadRequest and NotReady before the first piece. NotFound behind it means that
        the run was deleted meanwhile.
        """
        if self._wanted.filters:
            await self._until_indexed()
        begun = await self._database.read(self._begin)
        table, sieve = await asyncio.to_thread(self._table, begun)
        head: bytes | None = await asyncio.to_thread(table.begin)
        async with aclosing(self._pages(begun)) as pages:
            async for texts in pages:
                ready = _taken(table, sieve, texts)
                while (piece := await asyncio.to_thread(next, ready, None)) is not None:
                    yield (head or b"") + piece
                    head = None
                if head is not None:
                    yield head
                    head = None
                if sieve.left == 0:
                    break
        yield (head or b"") + await asyncio.to_thread(table.end)

    async def _begin(self, connection: AsyncConnection) -> _Begun:
        project_id, eval_id, run_id = self._run
        await run_store.check_run(connection, *self._run)
        of_eval = await eval_store.get_eval(connection, project_id, eval_id)
        query = _query(self._wanted, len(of_eval.testing_criteria))
        items = (
            await item_store.snapshot_of(connection, run_id, query.status)
            if query.is_plain
            else query
        )
        return _Begun(of_eval, items, await self._page(connection, items, None))

    async def _until_indexed(self) -> None:
        """Wait until the index has the items that the run had when the export was asked for."""
        saved: int | None = None
        for _ in range(_LOOKS):
            indexed, now = await self._database.read(self._progress)
            saved = now if saved is None else saved
            if indexed >= saved:
                return
            await asyncio.sleep(_PAUSE_S)
        raise NotReady(
            f"Of the run's {saved:,} items {indexed:,} are searchable so far. An export with a filter "
            "needs all of them: try again in a moment, or export without the filter.",
            code="items_not_searchable_yet",
        )

    async def _progress(self, connection: AsyncConnection) -> tuple[int, int]:
        """Give how many items the index has, and how many there are."""
        project_id, eval_id, _ = self._run
        run = await run_store.get_run_without_rows(connection, *self._run)
        of_eval = await eval_store.get_eval(connection, project_id, eval_id)
        _query(self._wanted, len(of_eval.testing_criteria))  # a wrong one is refused without a wait
        figures = await figures_of(connection, run.id)
        return figures.indexed, run.counts.total

    def _most(self, number: int) -> int:
        """Give how many items to read at once, of a few that are wanted not more than those."""
        wanted = self._wanted
        return number if wanted.limit is None or wanted.criterion else min(number, wanted.limit)

    def _table(self, begun: _Begun) -> tuple[Table, _Sieve]:
        wanted = self._wanted
        criteria = criteria_of(begun.of_eval.testing_criteria)
        criterion = _criterion(criteria, wanted.criterion) if wanted.criterion else None
        sieve = _Sieve(criterion, wanted.verdict, wanted.limit)
        if wanted.format == "jsonl" and wanted.columns is None:
            return whole_items(), sieve
        schema = item_schema_of(begun.of_eval.data_source_config)
        choice = Choice(criteria, schema)
        columns = choice.default() if wanted.columns is None else choice.chosen(wanted.columns)
        return _table_of(wanted, columns), sieve

    async def _pages(self, begun: _Begun) -> AsyncGenerator[list[str], None]:
        page = begun.page
        while page.texts:
            yield page.texts
            if page.behind is None:
                return
            page = await self._database.read(
                partial(self._page, items=begun.items, behind=page.behind)
            )

    async def _page(
        self, connection: AsyncConnection, items: Snapshot | ItemQuery, behind: int | str | None
    ) -> _Page:
        # Without the run there are no items either, and that is no end.
        await run_store.check_run(connection, *self._run)
        if isinstance(items, Snapshot):
            row = behind if isinstance(behind, int) else -1
            read = await item_store.items_behind(connection, items, row, self._most(ITEMS_A_PAGE))
            return _Page([text for _, text in read], read[-1][0] if read else None)
        cursor = behind if isinstance(behind, str) else None
        found = await find_items(
            connection,
            self._run[2],
            items,
            after=cursor,
            before=None,
            limit=self._most(FOUND_A_PAGE),
        )
        return _Page([text for _, text in found.items], found.next_after)


def _query(wanted: Wanted, criteria: int) -> ItemQuery:
    """Give which items are wanted, by row. Raises BadRequest for a filter that says nothing."""
    read = read_query(wanted.filters, criteria)
    if read.not_understood:
        name = read.not_understood[0]
        raise BadRequest(
            f"The filter '{name[:80]}' is not understood. The eval has {criteria} criteria, counted "
            "from 0; verdicts are passed, failed and errored; ranges are as 0.2..0.7, 500.. or ..800.",
            param=name[:80],
            code="invalid_value",
        )
    return replace(read.query, status=wanted.status)


def _taken(table: Table, sieve: _Sieve, texts: Sequence[str]) -> Iterator[bytes]:
    yield from table.take(sieve.sift(texts))


def _table_of(wanted: Wanted, columns: Sequence[Column]) -> Table:
    match wanted.format:
        case "jsonl":
            return json_lines(columns)
        case "csv":
            return csv_lines(columns, is_raw=wanted.is_raw)
        case "parquet":
            return Parquet(columns)


def _criterion(criteria: Sequence[Criterion], name: str) -> Criterion:
    found = find_criterion(criteria, name)
    if found is None or found[1] is not None:
        labels = ", ".join(each.label for each in criteria[:20])
        raise BadRequest(
            f"The eval has no criterion {name[:80]!r}; it has: {labels[:800]}.",
            param="criterion",
            code="invalid_value",
        )
    return found[0]
