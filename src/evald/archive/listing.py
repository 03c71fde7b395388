"""Lists of the API, read to their end: with smaller pages where large ones fail."""

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field

from evald.archive.raw_json import BadPage, Page, RawObject, split_page
from evald.archive.source import Broken, Refused, Source

_LARGEST_PAGE = 8 * 2**20
_LARGEST_OBJECT = 2**30
_SUCCESSES = 10
"""Pages in a row after which a size that failed once is tried again."""


class Unreadable(Exception):
    """The list cannot be read beyond a place. The message says why."""

    def __init__(self, reason: str, *, after: str | None, is_refused: bool) -> None:
        super().__init__(reason)
        self.after = after
        """The id of the last object that was read; None for the beginning."""
        self.is_refused = is_refused
        """Whether the list as a whole was refused, so that its other end is no better."""


@dataclass
class _Pace:
    """How many objects a page is to hold."""

    limit: int
    failed: int | None = None
    successes: int = 0

    def halve(self) -> None:
        self.failed, self.limit, self.successes = self.limit, max(1, self.limit // 2), 0

    def succeeded(self, most: int) -> None:
        self.successes += 1
        if self.failed is None or self.limit * 2 < self.failed or self.successes >= _SUCCESSES:
            self.limit, self.successes = min(most, self.limit * 2), 0


@dataclass(frozen=True)
class Listing:
    """One list of the API."""

    source: Source
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    most: int = 100
    """Objects that a page holds where all is well."""

    async def pages(self, order: str, after: str | None) -> AsyncGenerator[list[RawObject], None]:
        """Give the objects of each page. Raises Unreadable, SourceGone."""
        pace = _Pace(self.most)
        ends: set[str | None] = {None, after}
        while True:
            page = await self._page(order, after, pace)
            if not page.objects:
                return
            last = page.objects[-1].id
            if last is not None and last in ends and page.has_more is None:
                return  # an API that gives the whole list to whoever asks
            if page.has_more is not False and last in ends:
                raise Unreadable(
                    "the list does not get on: its last id is missing or came before",
                    after=after,
                    is_refused=True,
                )
            yield page.objects
            if page.has_more is False:
                return
            ends.add(last)
            after = last

    async def _page(self, order: str, after: str | None, pace: _Pace) -> Page:
        failures = 0
        while True:
            try:
                page = await self._ask(order, after, pace.limit)
                pace.succeeded(self.most)
                return page
            except (Broken, BadPage, Refused) as error:
                is_refused = isinstance(error, Refused)
                may_be_size = not isinstance(error, Refused) or error.status in (400, 413, 422)
                if may_be_size and pace.limit > 1:
                    pace.halve()
                    await self.source.rest(0)
                    continue
                failures += 1
                if is_refused or failures >= self.source.tries:
                    reason = self.source.safe(error)
                    raise Unreadable(reason, after=after, is_refused=is_refused) from None
                await self.source.rest(failures)

    async def _ask(self, order: str, after: str | None, limit: int) -> Page:
        query = {**self.query, "order": order, "limit": str(limit)}
        if after is not None:
            query["after"] = after
        largest = _LARGEST_PAGE if limit > 1 else _LARGEST_OBJECT
        return split_page(await self.source.read(self.path, query, largest))

    async def objects(
        self, unreadable: Callable[[Unreadable], None]
    ) -> AsyncGenerator[RawObject, None]:
        """Give every object that can be had; what cannot is told to `unreadable`.

        Beyond an object that cannot be had the list is read from its other end.
        """
        last: str | None = None
        try:
            async for page in self.pages("asc", None):
                for each in page:
                    last = each.id
                    yield each
        except Unreadable as gap:
            where = gap
        else:
            return
        if where.is_refused:
            unreadable(where)
            return
        try:
            async for page in self.pages("desc", None):
                for each in page:
                    if last is not None and each.id == last:
                        return  # what could not be had came now
                    yield each
        except Unreadable:
            unreadable(where)
