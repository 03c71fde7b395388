"""An answer that is passed on while it comes, and stopped at its source when the client leaves."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evald.api.leaving import unless_gone
from evald.capture.collect import Collector, whole_completion
from evald.contract.json_types import JsonObject
from evald.contract.pages import error_json
from evald.errors import UpstreamFailed
from evald.sampling.relay import UpstreamAnswer

Keep = Callable[[JsonObject], Awaitable[None]]


class PassedOn(Response):
    """What a model endpoint answers.

    `keep` is called once, with the completion, before its client can see that the answer is whole.
    """

    def __init__(
        self,
        answer: AbstractAsyncContextManager[UpstreamAnswer],
        collector: Collector,
        keep: Keep | None,
    ) -> None:
        """Pass this answer on; without `keep` nothing is collected."""
        super().__init__()
        self._coming = answer
        self._collector = collector
        self._keep = keep
        self._begun = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. Raises UpstreamFailed and NotFound as long as nothing is sent."""
        await unless_gone(receive, self._pass_on(send))

    async def _pass_on(self, send: Send) -> None:
        try:
            async with self._coming as answer:
                if answer.is_stream:
                    await self._pass_stream(answer, send)
                else:
                    await self._pass_whole(answer, send)
        except UpstreamFailed as failure:
            if not self._begun:
                raise
            await send(_piece(_error_event(failure), more=False))

    async def _pass_whole(self, answer: UpstreamAnswer, send: Send) -> None:
        body = await answer.whole()
        if self._keep is not None and answer.status == 200:
            completion = whole_completion(body)
            if completion is not None:
                await self._keep(completion)
        await self._begin(answer, send, (b"content-length", str(len(body)).encode()))
        await send(_piece(body, more=False))

    async def _pass_stream(self, answer: UpstreamAnswer, send: Send) -> None:
        # A proxy between us and the client may hold pieces back until it has many of them.
        await self._begin(
            answer, send, (b"cache-control", b"no-cache"), (b"x-accel-buffering", b"no")
        )
        async for piece in answer.pieces():
            if self._keep is None:
                await send(_piece(piece))
                continue
            at_once, end = self._collector.take(piece)
            if at_once:
                await send(_piece(at_once))
            if end:
                await self._keep_collected(answer)
                await send(_piece(end))
        await self._keep_collected(answer)
        await send(_piece(b"", more=False))

    async def _keep_collected(self, answer: UpstreamAnswer) -> None:
        keep, self._keep = self._keep, None
        if keep is not None and answer.status == 200:
            completion = self._collector.completion()
            if completion is not None:
                await keep(completion)

    async def _begin(self, answer: UpstreamAnswer, send: Send, *more: tuple[bytes, bytes]) -> None:
        self._begun = True
        await send(
            {
                "type": "http.response.start",
                "status": answer.status,
                "headers": [*answer.headers, *more],
            }
        )


def _piece(body: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": more}


def _error_event(failure: UpstreamFailed) -> bytes:
    """Give the event that tells a client of an error within a stream; SDKs raise it."""
    body = error_json(failure.message, failure.type, failure.param, failure.code)
    # The endpoint may have stopped within an event, whose rest this line break ends.
    return b"\n\ndata: " + body + b"\n\n"
