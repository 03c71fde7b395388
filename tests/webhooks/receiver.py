"""A webhook endpoint: a real HTTP server that answers as it is told, and keeps what it got."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self

import orjson

from tests.waiting import until


@dataclass(frozen=True)
class Reply:
    """How one webhook is answered."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    fault: Literal["", "hang", "endless", "no http", "cut"] = ""


@dataclass(frozen=True)
class Received:
    """A webhook as it came. Names of headers are in small letters."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def id(self) -> str:
        """What it has as `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """The parsed body."""
        return orjson.loads(self.body)


class Receiver:
    """An endpoint for the duration of a ``with`` block.

    Webhooks are answered by its replies in turn, the last one for ever; without any, by 200.
    """

    def __init__(self, *replies: Reply) -> None:
        self.replies = list(replies) or [Reply()]
        self.received: list[Received] = []
        self._lock = threading.Lock()
        self._let_go = threading.Event()

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._let_go.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where webhooks are to be sent to."""
        return f"http://127.0.0.1:{self._server.server_port}/hook?token=t"

    def got(self, number: int) -> list[Received]:
        """Give what came, as soon as so many came."""
        return until(lambda: self.received[:] if len(self.received) >= number else None)

    def take(self, received: Received) -> Reply:
        """Keep a webhook and say how it is answered."""
        with self._lock:
            self.received.append(received)
            return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    def hang(self) -> None:
        """Return at the end of the block."""
        self._let_go.wait()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, receiver: Receiver, *connection: Any) -> None:
        self.to = receiver
        super().__init__(*connection)  # serves it to its end

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        named = {name.lower(): value for name, value in self.headers.items()}
        reply = self.to.take(Received(self.command, self.path, named, body))
        match reply.fault:
            case "hang":
                self.to.hang()
            case "no http":
                self.wfile.write(b"SSH-2.0-nothing\r\n")
            case "endless":
                self._endless()
            case "":
                self._answer(reply)
        self.close_connection = bool(reply.fault)

    do_GET = do_POST  # noqa: N815

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()

    def _endless(self) -> None:
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b"x" * 65536)
        except OSError:  # the other side has left
            return

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""
