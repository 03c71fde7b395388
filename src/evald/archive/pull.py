"""Read everything out of an API, or some of its evals, into an archive.

What is there already is not read again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from evald.archive.folder import (
    Lines,
    dumped,
    is_safe,
    keep,
    load,
    put_in_place,
    remove,
    write_whole,
)
from evald.archive.listing import Listing, Unreadable
from evald.archive.raw_json import BadPage, RawObject, one_object
from evald.archive.record import Record, Tally
from evald.archive.run_items import ITEMS, read_items, shortfall
from evald.archive.source import Broken, Refused, Source

_FILES_A_PAGE: Final = 1000
_LARGEST_OBJECT: Final = 2**30
OTHER_ID: Final = "what came has another id"
# As in rules/status.py, which needs all of pydantic.
_FINAL: Final = frozenset({"completed", "failed", "canceled"})


class Pull:
    """One pull: what it reads, where to, and what it could not get.

    However it ends, what was read is kept, and the next pull goes on from there.
    """

    def __init__(
        self, source: Source, folder: Path, concurrency: int, tell: Callable[[str], None]
    ) -> None:
        """Read from `source` into `folder`; `tell` is given a line for each thing that is done."""
        self._source = source
        self._folder = folder
        self._concurrency = concurrency
        self._run_slots = asyncio.Semaphore(concurrency)
        self._record = Record(folder, source, tell)
        self._file_ids: set[str] = set()
        """Of files that the runs read."""
        self._asked: set[str] = set()
        self._asked_below: set[str] = set()

    @property
    def tally(self) -> Tally:
        """What was seen and read so far."""
        return self._record.tally

    async def everything(self, origin: str, *, with_completions: bool) -> None:
        """Read all there is. Raises SourceGone, WrongFolder, OSError, maybe in a group."""
        with self._recorded(origin, lambda _: True):
            evals = Listing(self._source, "evals")
            await self._each(evals, asyncio.Semaphore(self._concurrency), self._eval)
            await self._files()
            if with_completions:
                await self._stored_completions()

    async def evals(self, origin: str, wanted: Mapping[str, Sequence[str]]) -> None:
        """Read these evals, each with these runs or, if none is named, with all, and their files.

        Raises as `everything` does.
        """
        with self._recorded(origin, self._was_asked):
            for eval_id, run_ids in wanted.items():
                await self._one_eval(eval_id, run_ids)
            for file_id in sorted(self._file_ids):
                await self._file_of_run(file_id)

    def _was_asked(self, path: str) -> bool:
        return path in self._asked or any(path.startswith(f"{each}/") for each in self._asked_below)

    @contextmanager
    def _recorded(self, origin: str, was_asked: Callable[[str], bool]) -> Iterator[None]:
        self._record.begin(origin)
        is_whole = False
        try:
            yield
            is_whole = True
        finally:
            self._record.end(is_whole=is_whole, was_asked=was_asked)

    async def _each(
        self,
        listing: Listing,
        slots: asyncio.Semaphore,
        read: Callable[[RawObject], Awaitable[None]],
    ) -> None:
        under_way: set[str | None] = set()

        async def one(found: RawObject) -> None:
            try:
                await read(found)
            finally:
                under_way.discard(found.id)
                slots.release()

        async with asyncio.TaskGroup() as group:
            unreadable = partial(self._record.unreadable, listing.path)
            async with aclosing(listing.objects(unreadable)) as objects:
                async for found in objects:
                    if not is_safe(found.id):
                        self._record.fail(
                            listing.path, "its id cannot be the name of a folder", found.id
                        )
                    elif found.id not in under_way:  # a list may name one twice
                        under_way.add(found.id)
                        await slots.acquire()
                        group.create_task(one(found))

    async def _eval(self, found: RawObject) -> None:
        folder = self._folder / "evals" / str(found.id)
        keep(folder / "eval.json", found.raw)
        self.tally.evals += 1
        self._asked_below.add(f"evals/{found.id}")
        runs = Listing(self._source, f"evals/{found.id}/runs")
        await self._each(runs, self._run_slots, partial(self._run, folder, runs.path))
        self._record.tell(f"{found.id} is read")

    async def _one_eval(self, eval_id: str, run_ids: Sequence[str]) -> None:
        found = await self._object(f"evals/{eval_id}", eval_id)
        if found is None:
            return
        if not run_ids:
            await self._eval(found)
            return
        folder = self._folder / "evals" / eval_id
        keep(folder / "eval.json", found.raw)
        self.tally.evals += 1
        runs = f"evals/{eval_id}/runs"
        for run_id in run_ids:
            run = await self._object(f"{runs}/{run_id}", run_id)
            if run is not None:
                self._asked_below.add(f"{runs}/{run_id}")
                await self._run(folder, runs, run)

    async def _object(self, path: str, wanted_id: str) -> RawObject | None:
        """Give the object of this id, or None, which is noted."""
        try:
            found = await self._read_object(path)
        except (Refused, Broken, BadPage) as error:
            self._record.fail(path, self._source.safe(error), wanted_id)
            return None
        if found.id != wanted_id:
            self._record.fail(path, OTHER_ID, wanted_id)
            return None
        return found

    async def _read_object(self, path: str) -> RawObject:
        self._asked.add(path)
        for attempt in range(1, self._source.tries + 1):
            try:
                return one_object(await self._source.read(path, {}, _LARGEST_OBJECT))
            except (Broken, BadPage):
                if attempt == self._source.tries:
                    raise
            await self._source.rest(attempt)
        raise AssertionError("there is at least one try")

    async def _run(self, eval_folder: Path, path: str, found: RawObject) -> None:
        self.tally.runs += 1
        self._file_ids |= _file_read_by(found)
        folder = eval_folder / "runs" / str(found.id)
        incomplete = folder / "incomplete.json"
        if _is_whole(folder):
            self.tally.runs_already_there += 1
            return
        items = Listing(self._source, f"{path}/{found.id}/output_items")
        is_final = found.value.get("status") in _FINAL
        gap = await read_items(items, folder, self.tally, goes_on=is_final)
        gap = gap or shortfall(found.value, folder)
        if gap is None:
            remove([incomplete])
        else:
            self._record.unreadable(items.path, gap)
            write_whole(incomplete, dumped({"after": gap.after, "reason": str(gap)}))
        # It comes last: a final run that is written says that its items were read when it was final.
        keep(folder / "run.json", found.raw)

    async def _files(self) -> None:
        listing = Listing(self._source, "files", {"purpose": "evals"}, most=_FILES_A_PAGE)
        await self._each(listing, self._run_slots, self._file)

    async def _file(self, found: RawObject) -> None:
        if found.value.get("purpose", "evals") != "evals":
            return  # an API that does not know the filter
        await self._any_file(found)

    async def _file_of_run(self, file_id: str) -> None:
        path = f"files/{file_id}"
        self._asked_below.add(path)
        try:
            found = await self._read_object(path)
            if found.id != file_id:  # it would be the name of a folder
                self._record.fail(path, OTHER_ID, file_id)
                return
            await self._any_file(found)
        except Refused as error:
            if error.status == 404:
                self._record.tell(f"{file_id}, which a run read, is not there any more")
                return
            self._record.fail(path, self._source.safe(error), file_id)
        except (Broken, BadPage) as error:
            self._record.fail(path, self._source.safe(error), file_id)

    async def _any_file(self, found: RawObject) -> None:
        self.tally.files += 1
        folder = self._folder / "files" / str(found.id)
        keep(folder / "file.json", found.raw)
        if (folder / "content").exists():
            return
        for attempt in range(1, self._source.tries + 1):
            try:
                await self._content(f"files/{found.id}/content", found, folder / "content")
                return
            except Refused as error:
                reason = str(error)
                break
            except Broken as error:
                reason = str(error)
                await self._source.rest(attempt)
        self._record.fail(f"files/{found.id}/content", reason)

    async def _content(self, path: str, found: RawObject, target: Path) -> None:
        part = target.with_name("content.part")
        with part.open("wb") as file:
            async with aclosing(self._source.stream(path)) as pieces:
                async for piece in pieces:
                    file.write(piece)
            told = found.value.get("bytes")
            if isinstance(told, str) and told != str(file.tell()):
                raise Broken(f"{file.tell():,} bytes came, and not the {told} that it should have")
            put_in_place(file, part, target)

    async def _stored_completions(self) -> None:
        listing = Listing(self._source, "chat/completions")
        await self._each(listing, self._run_slots, self._stored_completion)

    async def _stored_completion(self, found: RawObject) -> None:
        self.tally.stored_completions += 1
        folder = self._folder / "stored_completions" / str(found.id)
        keep(folder / "completion.json", found.raw)
        target = folder / "messages.jsonl"
        if target.exists():
            return
        messages = Listing(self._source, f"chat/completions/{found.id}/messages")
        lines = Lines(folder / "messages.jsonl.part", goes_on=False)
        try:
            async with aclosing(messages.pages("asc", None)) as pages:
                async for page in pages:
                    lines.add(page)
            lines.finish(target)
        except Unreadable as error:
            self._record.unreadable(messages.path, error)
        finally:
            lines.close()


def _file_read_by(run: RawObject) -> set[str]:
    """Give the id of the file that a run read its rows from, if it did."""
    match run.value:
        case {"data_source": {"source": {"type": "file_id", "id": str(file_id)}}}:
            return {file_id} if is_safe(file_id) else set()
    return set()


def _is_whole(folder: Path) -> bool:
    return (
        load(folder / "run.json").get("status") in _FINAL
        and (folder / ITEMS).exists()
        and not (folder / "incomplete.json").exists()
    )
