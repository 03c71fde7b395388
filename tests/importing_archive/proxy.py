"""A server in front of a server: it counts what is sent, holds it back, or answers in its place."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self

from tests.waiting import until


@dataclass(frozen=True)
class Instead:
    """What a request gets instead of its answer. A cut one has reached the server."""

    kind: Literal["cut", "hold", "answer"]
    status: int = 429
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"


Fault = Callable[[int], Instead | None]
"""Is given the number of a POST, from 1."""


class Proxy:
    """Passes requests on to the server at a port of this machine."""

    def __init__(self, port: int, fault: Fault = lambda _: None) -> None:
        self.posts: list[bytes] = []
        self.fault = fault
        self._target = port
        self._end = threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                proxy.pass_on(self, b"")

            def do_POST(self) -> None:
                proxy.answer(self, self.rfile.read(int(self.headers["content-length"])))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end.set()
        self._server.shutdown()
        self._server.server_close()

    def wait_for(self, posts: int) -> None:
        until(lambda: len(self.posts) >= posts)

    def answer(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        self.posts.append(body)
        instead = self.fault(len(self.posts))
        if instead is None:
            self.pass_on(request, body)
        elif instead.kind == "hold":
            self._end.wait()
        elif instead.kind == "cut":
            self._asked(request, body)
            request.close_connection = True
        else:
            request.send_response(instead.status)
            for name, value in instead.headers.items():
                request.send_header(name, value)
            request.send_header("content-length", str(len(instead.body)))
            request.end_headers()
            request.wfile.write(instead.body)

    def pass_on(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        status, content = self._asked(request, body)
        request.send_response(status)
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(content)))
        request.end_headers()
        request.wfile.write(content)

    def _asked(self, request: BaseHTTPRequestHandler, body: bytes) -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", self._target, timeout=60)
        names = ("content-type", "authorization", "evald-project")
        headers = {name: request.headers[name] for name in names if request.headers[name]}
        try:
            connection.request(request.command, request.path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()
