"""Events of a run over HTTP, as server-sent events: the answer that goes on until the run has ended."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evald.contract.projects import ProjectId
from evald.errors import Forbidden, NotFound, Unauthorized
from evald.store.database import DatabaseAway
from evald.watching.sight import Sight, WatchedRun
from evald.watching.watches import News, Tell, Watch, Watches

QUIET: Final = 10.0
"""Seconds until a sign of life is sent, and until it is asked again whether a viewer may see this."""
TAKEN_WITHIN: Final = 60.0
"""Seconds after which a viewer who takes nothing is left."""
FAREWELL: Final = 0.5
"""Seconds in which the end of a stream is sent; a viewer who takes nothing gets none."""
PIECE: Final = 256 * 1024
"""Bytes that are handed to the connection at a time."""
AGAIN_AFTER: Final = b"retry: 2000\n\n"
"""How long browsers wait before they connect again, in ms."""
SIGN_OF_LIFE: Final = b":\n\n"
HEADERS: Final = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store",
    "x-accel-buffering": "no",  # nginx would hold the events back
}


def event(name: str, data: bytes, event_id: str | None = None) -> bytes:
    """Give the text of one event. Whoever connects again says the last id that it got."""
    lines = [b"event: " + name.encode()]
    if event_id is not None:
        lines.append(b"id: " + event_id.encode())
    lines += [b"data: " + line for line in data.splitlines() or [b""]]
    return b"\n".join(lines) + b"\n\n"


@dataclass(frozen=True)
class Telling:
    """How runs are told to one kind of viewers."""

    kind: str
    id_of: Callable[[Sight], str]
    """Gives the id of a sight: who says that it knows this one is told what comes behind it."""
    tell: Tell
    """Gives the events of a sight. The last of them has its id, and no other."""
    is_last: Callable[[Sight], bool]
    """Says whether nothing is told behind a sight."""
    over: bytes
    """The event for one who knows the last sight."""
    gone: bytes
    """The event when the run was deleted."""


class EventStream(Response):
    """The answer with the events of a run. Until the first is sent, errors are answered as ever."""

    def __init__(
        self,
        watches: Watches,
        watched: WatchedRun,
        telling: Telling,
        request: Request,
        headers: Mapping[str, str] = HEADERS,
    ) -> None:
        super().__init__()
        self._watches = watches
        self._watched = watched
        self._telling = telling
        self._known = request.headers.get("last-event-id", "")
        self._ask_again: Callable[[], Awaitable[ProjectId | None]] = request.state.ask_again
        self._stream_headers = {**headers, **HEADERS}
        self._is_begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. Raises NotFound and Busy as long as nothing is sent."""
        async with self._watches.watching(self._watched) as watch:
            telling = asyncio.ensure_future(self._tell(watch, send))
            ends = [asyncio.ensure_future(_left(receive))]
            ends.append(asyncio.ensure_future(self._leaving()))
            try:
                await asyncio.wait([telling, *ends], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (telling, *ends):
                    task.cancel()
                await asyncio.wait([telling, *ends])
        if not telling.cancelled():
            telling.result()
        if self._is_begun:
            with suppress(TimeoutError):
                async with asyncio.timeout(FAREWELL):
                    await send(_body(b"", more=False))

    async def _leaving(self) -> None:
        await self._watches.leaving.wait()

    async def _tell(self, watch: Watch, send: Send) -> None:
        first = await watch.news(0)
        await self._begin(send)
        asked_at = time.monotonic()
        async with aclosing(self._texts(watch, first)) as texts:
            async for text in texts:
                await _send(text, send)
                if time.monotonic() - asked_at >= QUIET:
                    asked_at = time.monotonic()
                    if not await self._may_see_more():
                        return

    async def _texts(self, watch: Watch, first: News | None) -> AsyncGenerator[bytes, None]:
        """Give what is to be sent, until the run has ended or is gone.

        Only the latest sight is told: a viewer who is slow misses those in between.
        """
        telling, known, seen = self._telling, self._known, 0
        yield AGAIN_AFTER
        if first is not None and telling.id_of(first.sight) == known:
            seen = 0 if telling.is_last(first.sight) else first.number
        try:
            while True:
                try:
                    async with asyncio.timeout(QUIET):
                        news = await watch.news(seen)
                except TimeoutError:
                    yield SIGN_OF_LIFE
                    continue
                if news is None:
                    return
                if telling.is_last(news.sight) and telling.id_of(news.sight) == known:
                    yield telling.over
                    return
                news, text = await watch.told(telling.kind, telling.tell)
                yield text
                if telling.is_last(news.sight):
                    return
                known, seen = telling.id_of(news.sight), news.number
        except NotFound:
            yield telling.gone

    async def _may_see_more(self) -> bool:
        """Say whether the key or the session that this began with is still in force."""
        try:
            return await self._ask_again() == self._watched.project_id
        except (Unauthorized, Forbidden):
            return False
        except DatabaseAway:
            return True

    async def _begin(self, send: Send) -> None:
        self._is_begun = True
        headers = [(name.encode(), value.encode()) for name, value in self._stream_headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _send(text: bytes, send: Send) -> None:
    """Send a text. Raises TimeoutError when it is not taken."""
    async with asyncio.timeout(TAKEN_WITHIN):
        for start in range(0, len(text), PIECE):
            await send(_body(text[start : start + PIECE]))


def _body(piece: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": piece, "more_body": more}


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
