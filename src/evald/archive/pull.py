"""Read everything out of an API into an archive; what is there already is not read again."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import takewhile
from pathlib import Path
from typing import Any, Final

from evald.archive.folder import (
    Lines,
    dumped,
    is_safe,
    join_around_gap,
    keep,
    load,
    put_in_place,
    remove,
    size_of,
    write_whole,
)
from evald.archive.listing import Listing, Unreadable
from evald.archive.raw_json import RawObject
from evald.archive.source import Broken, Refused, Source

_FILES_A_PAGE: Final = 1000
# As in rules/status.py, which needs all of pydantic.
_FINAL: Final = frozenset({"completed", "failed", "canceled"})


class WrongFolder(Exception):
    """The folder holds what was read from another place."""


@dataclass
class Tally:
    """What a pull has seen and read so far."""

    evals: int = 0
    runs: int = 0
    runs_already_there: int = 0
    output_items: int = 0
    files: int = 0
    stored_completions: int = 0
    failures: int = 0


class Pull:
    """One pull: what it reads, where to, and what it could not get."""

    def __init__(
        self, source: Source, folder: Path, concurrency: int, tell: Callable[[str], None]
    ) -> None:
        """Read from `source` into `folder`; `tell` is given a line for each thing that is done."""
        self._source = source
        self._folder = folder
        self._tell = tell
        self._concurrency = concurrency
        self._run_slots = asyncio.Semaphore(concurrency)
        self._failures: list[bytes] = []
        self.tally = Tally()

    async def everything(self, origin: str, *, with_completions: bool) -> None:
        """Read all there is. Raises SourceGone, WrongFolder, OSError, maybe in a group.

        However it ends, what was read is kept, and the next pull goes on from there.
        """
        begun = self._begin(origin)
        is_whole = False
        try:
            evals = Listing(self._source, "evals")
            await self._each(evals, asyncio.Semaphore(self._concurrency), self._eval)
            await self._files()
            if with_completions:
                await self._stored_completions()
            is_whole = True
        finally:
            self._end(begun, is_whole=is_whole)

    def _begin(self, origin: str) -> dict[str, Any]:
        path = self._folder / "manifest.json"
        known = load(path).get("source", origin)
        if known != origin:
            raise WrongFolder(f"{self._folder} holds what was read from {known}.")
        manifest = {
            "format": "evald archive",
            "version": 1,
            "source": origin,
            "started_at": int(time.time()),
            "finished_at": None,
            "is_complete": False,
        }
        write_whole(path, dumped(manifest))
        return manifest

    def _end(self, manifest: dict[str, Any], *, is_whole: bool) -> None:
        path = self._folder / "failures.jsonl"
        lines = self._failures
        if not is_whole and path.exists():  # what this pull did not come to is still to be had
            lines = list(dict.fromkeys(path.read_bytes().splitlines(keepends=True) + lines))
        write_whole(path, b"".join(lines))
        manifest["finished_at"] = int(time.time()) if is_whole else None
        manifest["is_complete"] = is_whole and not self._failures
        write_whole(
            self._folder / "manifest.json", dumped({**manifest, "last_pull": asdict(self.tally)})
        )

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
            unreadable = partial(self._unreadable, listing.path)
            async with aclosing(listing.objects(unreadable)) as objects:
                async for found in objects:
                    if not is_safe(found.id):
                        self._fail(listing.path, "its id cannot be the name of a folder", found.id)
                    elif found.id not in under_way:  # a list may name one twice
                        under_way.add(found.id)
                        await slots.acquire()
                        group.create_task(one(found))

    async def _eval(self, found: RawObject) -> None:
        folder = self._folder / "evals" / str(found.id)
        keep(folder / "eval.json", found.raw)
        self.tally.evals += 1
        runs = Listing(self._source, f"evals/{found.id}/runs")
        await self._each(runs, self._run_slots, partial(self._run, folder, runs.path))
        self._tell(f"{found.id} is read")

    async def _run(self, eval_folder: Path, path: str, found: RawObject) -> None:
        self.tally.runs += 1
        folder = eval_folder / "runs" / str(found.id)
        incomplete = folder / "incomplete.json"
        if _is_whole(folder):
            self.tally.runs_already_there += 1
            return
        items = Listing(self._source, f"{path}/{found.id}/output_items")
        is_final = found.value.get("status") in _FINAL
        gap = await self._items(items, folder, goes_on=is_final)
        if gap is None:
            remove([incomplete])
        else:
            self._unreadable(items.path, gap)
            write_whole(incomplete, dumped({"after": gap.after, "reason": str(gap)}))
        # It comes last: a final run that is written says that its items were read when it was final.
        keep(folder / "run.json", found.raw)

    async def _items(self, items: Listing, folder: Path, *, goes_on: bool) -> Unreadable | None:
        name = "output_items.jsonl.part" if goes_on else "output_items.jsonl.now.part"
        head = Lines(folder / name, goes_on=goes_on)
        resumed = head.count
        try:
            async with aclosing(items.pages("asc", head.last_id)) as pages:
                async for page in pages:
                    head.add(page)
                    self.tally.output_items += len(page)
            head.finish(folder / "output_items.jsonl")
            remove([folder / "output_items.jsonl.part"])
            return None
        except Unreadable as gap:
            # The last item that was read may be unknown to the API by now.
            begins_anew = gap.is_refused and 0 < resumed == head.count
            if not begins_anew:
                return await self._around(gap, items, head, folder)
        finally:
            head.close()
        return await self._items(items, folder, goes_on=False)

    async def _around(
        self, gap: Unreadable, items: Listing, head: Lines, folder: Path
    ) -> Unreadable | None:
        """Read the list from its other end up to the gap. Give what cannot be had, or None."""
        tail = Lines(folder / "output_items.jsonl.tail.part", goes_on=False)
        is_closed = False
        try:
            if not gap.is_refused:
                is_closed = await self._tail(items, head, tail)
        finally:
            tail.close()
        longest = head.path
        if not tail.count:  # an earlier pull may have come further
            longest = max(head.path, folder / "output_items.jsonl.part", key=size_of)
        join_around_gap(longest, tail.path, folder / "output_items.jsonl")
        remove([tail.path])
        if is_closed or head.path.name.endswith(".now.part"):
            remove([head.path])
        return None if is_closed else gap

    async def _tail(self, items: Listing, head: Lines, tail: Lines) -> bool:
        try:
            async with aclosing(items.pages("desc", None)) as pages:
                async for page in pages:
                    beyond = list(takewhile(lambda each: not head.ends_with(each), page))
                    if beyond:
                        tail.add(beyond)
                        self.tally.output_items += len(beyond)
                    if len(beyond) < len(page):
                        break
        except Unreadable:
            return False
        return True

    async def _files(self) -> None:
        listing = Listing(self._source, "files", {"purpose": "evals"}, most=_FILES_A_PAGE)
        await self._each(listing, self._run_slots, self._file)

    async def _file(self, found: RawObject) -> None:
        if found.value.get("purpose", "evals") != "evals":
            return  # an API that does not know the filter
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
        self._fail(f"files/{found.id}/content", reason)

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
            self._unreadable(messages.path, error)
        finally:
            lines.close()

    def _unreadable(self, path: str, gap: Unreadable) -> None:
        self._fail(path, str(gap), after=gap.after)

    def _fail(
        self, path: str, reason: str, found: str | None = None, after: str | None = None
    ) -> None:
        self.tally.failures += 1
        failure = {"path": path, "id": found, "after": after, "reason": reason}
        self._failures.append(json.dumps(failure).encode() + b"\n")
        place = f" after {after}" if after else ""
        self._tell(self._source.safe(f"not to be had: {path}{place}: {reason}"))


def _is_whole(folder: Path) -> bool:
    return (
        load(folder / "run.json").get("status") in _FINAL
        and (folder / "output_items.jsonl").exists()
        and not (folder / "incomplete.json").exists()
    )
