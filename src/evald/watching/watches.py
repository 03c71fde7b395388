"""The runs that are watched: one look at each for all who do, and only as long as somebody does."""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from evald.contract.runs import Run
from evald.errors import Busy, NotFound
from evald.rules.speed import Look, Looks, pause_between_looks, with_another
from evald.rules.status import is_final
from evald.runs.tools import Tools
from evald.store.database import DatabaseAway
from evald.store.item_figures import Indexed
from evald.watching.sight import Sight, WatchedRun, in_flight_of, look_at, with_speed

MOST_VIEWERS: Final = 500
"""Streams that a process has open: each is a file, of which many systems give a process 1,024."""
SETTLES_WITHIN: Final = 5.0
"""Seconds that the figures of a run that has ended may stand still before they are taken as they are."""

log = structlog.get_logger()

Tell = Callable[[Sight], Awaitable[bytes]]


@dataclass(frozen=True, slots=True)
class News:
    """What was seen last, and its number: they are counted from 1 while a run is watched."""

    number: int
    sight: Sight
    at: float
    """By a clock that never goes back."""


class Watch:
    """A run that is watched: what was seen last, and how it is told."""

    def __init__(self, watched: WatchedRun, tools: Tools) -> None:
        """Have seen nothing yet."""
        self.viewers = 0
        self.is_over = False
        """Whether nothing more will be seen."""
        self._watched = watched
        self._tools = tools
        self._looks: Looks = ()
        self._news: News | None = None
        self._failure: Exception | None = None
        self._changed = asyncio.Event()
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._texts: dict[str, tuple[News, bytes]] = {}

    async def news(self, since: int) -> News | None:
        """Give what was seen last, as soon as that is newer than the sight of this number.

        None when nothing newer will come, which is never the first answer. Raises NotFound when the
        run is gone, and what kept it from being looked at.
        """
        while not self._is_behind(since) and not self.is_over:
            await self._changed.wait()
        if self._failure is not None:
            raise self._failure
        return self._news if self._is_behind(since) else None

    def _is_behind(self, since: int) -> bool:
        return self._news is not None and self._news.number > since

    async def told(self, kind: str, tell: Tell) -> tuple[News, bytes]:
        """Give the latest news with their text of this kind, which is made once for all viewers.

        There must have been some.
        """
        async with self._turns[kind]:
            known = self._texts.get(kind)
            if known is None or known[0] is not self._news:
                assert self._news is not None
                news = self._news
                known = self._texts[kind] = news, await tell(news.sight)
            return known

    async def look_on(self, pause: Callable[[], float]) -> None:
        """Look at the run until all is settled or it is gone, with so many seconds in between."""
        try:
            while not await self._look():
                await asyncio.sleep(pause())
        except NotFound as gone:
            self._failure = gone
        except Exception as error:  # the border of the watch: its viewers hear of it, and ask again
            log.exception("watch broke", run=self._watched.run_id)
            self._failure = error
        self.is_over = True
        self._changed.set()

    async def _look(self) -> bool:
        """Look once, and say whether there is nothing more to see."""
        try:
            run, indexed = await self._tools.database.read(
                lambda connection: look_at(connection, self._watched)
            )
        except DatabaseAway:
            if self._news is None:
                raise
            return False
        now = time.monotonic()
        self._looks = with_another(self._looks, Look(now, run.counts.total))
        is_settled = self._is_settled(run, indexed, now)
        sight = Sight(run, in_flight_of(run, self._tools), indexed, is_settled)
        sight = with_speed(sight, self._looks, self._tools.clock())
        if self._news is None:
            self._show(News(1, sight, now))
        elif sight.is_news_after(self._news.sight):
            self._show(News(self._news.number + 1, sight, now))
        return is_settled

    def _is_settled(self, run: Run, indexed: Indexed, now: float) -> bool:
        if not is_final(run.status):
            return False
        stands_still = self._news is not None and now - self._news.at >= SETTLES_WITHIN
        return stands_still or indexed.items >= run.counts.total

    def _show(self, news: News) -> None:
        self._news = news
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()


class Watches:
    """The runs that this process watches."""

    def __init__(self, tools: Tools, leaving: asyncio.Event) -> None:
        """Watch nothing yet. `leaving` is set when the process leaves: streams end then."""
        self.leaving = leaving
        self._tools = tools
        self._watches: dict[WatchedRun, tuple[Watch, asyncio.Task[None]]] = {}
        self._viewers = 0

    @asynccontextmanager
    async def watching(self, watched: WatchedRun) -> AsyncIterator[Watch]:
        """Watch a run together with all others who do. Raises Busy when there are too many."""
        if self._viewers >= MOST_VIEWERS:
            raise Busy(
                f"This server has {MOST_VIEWERS} streams of events open, and opens no more. Ask for the "
                "run itself now and then, or try again later.",
                code="too_many_streams",
            )
        watch, task = self._watch(watched)
        self._viewers += 1
        watch.viewers += 1
        try:
            yield watch
        finally:
            self._viewers -= 1
            watch.viewers -= 1
            if not watch.viewers:
                await self._end(watched, task)

    def _watch(self, watched: WatchedRun) -> tuple[Watch, asyncio.Task[None]]:
        """Give the watch of a run; one that is over sees nothing more, though the run may go on."""
        known = self._watches.get(watched)
        if known is None or known[0].is_over:
            watch = Watch(watched, self._tools)
            looking = watch.look_on(lambda: pause_between_looks(len(self._watches)))
            known = self._watches[watched] = watch, asyncio.create_task(looking)
        return known

    async def _end(self, watched: WatchedRun, task: asyncio.Task[None]) -> None:
        known = self._watches.get(watched)
        if known is not None and known[1] is task:
            del self._watches[watched]
        task.cancel()
        await asyncio.wait([task])
