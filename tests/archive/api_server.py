"""A scripted copy of the API that is pulled: its lists, its faults, and what it was asked."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlsplit

Fault = int | Literal["hang", "cut"]


@dataclass(frozen=True)
class Asked:
    """One request that came."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]


@dataclass
class Content:
    """What the API holds: each list by its path, each object as its text."""

    lists: dict[str, list[bytes]] = field(default_factory=dict)
    bodies: dict[str, bytes] = field(default_factory=dict)

    def add(self, path: str, **fields: Any) -> bytes:
        """Add an object to a list, in the form in which OpenAI writes JSON."""
        raw = json.dumps(fields, indent=2).encode()
        self.lists.setdefault(path, []).append(raw)
        return raw

    def add_run(self, eval_id: str, run_id: str, items: int, status: str = "completed") -> None:
        """Add a run with so many output items."""
        counts = {"total": items, "passed": items, "failed": 0, "errored": 0}
        runs = f"evals/{eval_id}/runs"
        self.add(runs, id=run_id, object="eval.run", status=status, result_counts=counts)
        path = f"{runs}/{run_id}/output_items"
        self.lists[path] = []
        for number in range(items):
            self.add(path, id=f"{run_id}-{number}", score=0.1 * number, text="æ \n \U0001f600")


class ApiServer:
    """The API on a free port, while the `with` lasts."""

    def __init__(self, content: Content) -> None:
        """Serve `content`; `fault` decides on each request what goes wrong with it."""
        self.content = content
        self.fault: Callable[[Asked], Fault | None] = lambda _: None
        self.asked: list[Asked] = []
        self.released = threading.Event()
        self.tells_no_end = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def base_url(self) -> str:
        """The base URL for a client."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop, and let go of what hangs."""
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def page(self, asked: Asked) -> list[bytes] | None:
        """Give the objects that a request asks for, or None where there is no such list."""
        objects = self.content.lists.get(asked.path)
        if objects is None:
            return None
        ordered = objects if asked.query.get("order", "asc") == "asc" else objects[::-1]
        after = asked.query.get("after")
        ids = [json.loads(each).get("id") for each in ordered]
        if after is not None and after not in ids:
            return None
        start = 0 if after is None else ids.index(after) + 1
        return ordered[start:]

    def paths(self) -> list[str]:
        """Give what was asked for, in order."""
        return [each.path for each in self.asked]


def _handler(api: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

        def do_GET(self) -> None:
            address = urlsplit(self.path)
            headers = {name.lower(): value for name, value in self.headers.items()}
            path = address.path.removeprefix("/v1/")
            asked = Asked(path, dict(parse_qsl(address.query)), headers)
            api.asked.append(asked)
            fault = api.fault(asked)
            if fault == "hang":
                api.released.wait(60)
                self.close_connection = True
            elif isinstance(fault, int):
                told = headers.get("authorization", headers.get("api-key", ""))
                self._send(fault, json.dumps({"error": {"message": f"no: {told}"}}).encode())
            else:
                self._answer(asked, is_cut=fault == "cut")

        def _answer(self, asked: Asked, *, is_cut: bool) -> None:
            if (body := api.content.bodies.get(asked.path)) is not None:
                self._send(200, body, is_cut=is_cut)
                return
            rest = api.page(asked)
            if rest is None:
                self._send(404, b'{"error": {"message": "there is no such thing"}}')
                return
            page = rest[: int(asked.query.get("limit", "20"))]
            body = b'{\n  "object": "list",\n  "data": [' + b",\n  ".join(page) + b"]"
            if not api.tells_no_end:
                body += b',\n  "has_more": ' + (b"true" if len(rest) > len(page) else b"false")
            self._send(200, body + b"\n}\n", is_cut=is_cut)

        def _send(self, status: int, body: bytes, *, is_cut: bool = False) -> None:
            try:
                self.send_response(status)
                if status == 429:
                    self.send_header("retry-after-ms", "50")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if is_cut else body)
            except OSError:  # the client left
                is_cut = True
            self.close_connection = is_cut

    return Handler
