"""One client's connection: reads requests, answers plain ones at once, plays the others."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import cast

from tests.model_server.answer import answer_to
from tests.model_server.call import Call, call_from, embedding_call_from
from tests.model_server.completion import error
from tests.model_server.control import control
from tests.model_server.http import BadRequest, Request, json_answer, take_request
from tests.model_server.ledger import CallRecord
from tests.model_server.play import play
from tests.model_server.script import Step
from tests.model_server.service import Service

READERS: dict[str, Callable[[bytes], Call]] = {
    "/chat/completions": partial(call_from, api="chat"),
    "/responses": partial(call_from, api="responses"),
    "/embeddings": embedding_call_from,
}
CALLS = {f"{prefix}{path}": read for prefix in ("/v1", "") for path, read in READERS.items()}
"""The paths of models, each with what reads a request for it."""


class Connection(asyncio.Protocol):
    """Answers one request after the other; notices at once when the client goes away."""

    def __init__(self, service: Service, connections: set["Connection"]) -> None:
        self.service = service
        self.connections = connections
        self.received = bytearray()
        self.in_work: asyncio.Task[None] | None = None
        self.open_call: CallRecord | None = None
        self.writable = asyncio.Event()
        self.writable.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self.transport = cast(asyncio.Transport, transport)
        self.connections.add(self)

    def data_received(self, data: bytes) -> None:
        """Serve what has come completely, unless an answer is still being given."""
        self.received += data
        self.serve_all()

    def serve_all(self) -> None:
        """Serve request after request until one takes time or there is none."""
        try:
            while self.in_work is None and (request := take_request(self.received)):
                self.serve(request)
        except BadRequest as reason:
            self.transport.write(json_answer(400, error(400, str(reason), None, None)))
            self.transport.close()

    def serve(self, request: Request) -> None:
        """Answer a request, now or in a task of its own."""
        if request.method == "POST" and request.target in CALLS:
            self.serve_call(request)
        else:
            self.work(request, self.serve_control(request))

    def serve_call(self, request: Request) -> None:
        """Answer a call as the script says; this is the hot path."""
        try:
            call = CALLS[request.target](request.body)
        except (ValueError, AttributeError) as reason:
            raise BadRequest(f"no request that a model could answer: {reason}") from reason
        service = self.service
        number = service.note(request)
        step = service.script.next_step(call.model, call.message, call.api)
        record = service.ledger.start(call.message, request.key)
        if step.at_once:
            self.transport.write(answer_to(call, step, number).joined())
            service.ledger.finish(record)
            self.close_if_wanted(request)
        else:
            self.open_call = record
            self.work(request, self.serve_slowly(call, step, number, record))

    async def serve_slowly(self, call: Call, step: Step, number: int, record: CallRecord) -> None:
        """Answer a call whose step takes time."""
        await play(call, step, number, self.service.hold, self)
        self.open_call = None
        self.service.ledger.finish(record)

    async def serve_control(self, request: Request) -> None:
        """Answer everything that is not a call of a model."""
        self.transport.write(await control(self.service, request))

    def work(self, request: Request, answering: Coroutine[None, None, None]) -> None:
        """Answer in a task; the connection owns it and ends it when the client goes away."""

        def done(task: asyncio.Task[None]) -> None:
            self.in_work = None
            if task.cancelled():
                return
            if task.exception() is not None:
                self.transport.abort()
                task.result()  # raises, so that the loop prints it
            self.close_if_wanted(request)
            if not self.transport.is_closing():
                self.serve_all()

        self.in_work = asyncio.get_running_loop().create_task(answering)
        self.in_work.add_done_callback(done)

    def close_if_wanted(self, request: Request) -> None:
        """Close after the answer when the client asked for it."""
        if request.wants_close:
            self.transport.close()

    async def send(self, data: bytes) -> None:
        """Write, and return when the client has taken enough of it."""
        self.transport.write(data)
        await self.writable.wait()

    def cut(self) -> None:
        """Close the connection without sending what is still in the buffer."""
        self.transport.abort()

    def close(self) -> None:
        """Close the connection after what is still in the buffer."""
        self.transport.close()

    def pause_writing(self) -> None:
        """Note that the client reads too slowly."""
        self.writable.clear()

    def resume_writing(self) -> None:
        """Note that the client has caught up."""
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note an aborted call at once and end its task."""
        self.connections.discard(self)
        if self.open_call is not None:
            self.service.ledger.abort(self.open_call)
            self.open_call = None
        if self.in_work is not None:
            self.in_work.cancel()
