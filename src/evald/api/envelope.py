"""What is around every request: its id, its limits, where it may come from, and its last resort."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qsl

import structlog
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from evald.api.form_encodings import check_encoding
from evald.api.hosts import origin_of
from evald.api.paths import is_page
from evald.contract.pages import error_json
from evald.errors import ApiError, BadRequest, Forbidden, NotFound, TooLarge
from evald.ids import new_id

log = structlog.get_logger()

LARGEST_BODY: Final = 8 * 1024 * 1024
LARGEST_CHAT: Final = 32 * 1024 * 1024
"""Bytes of a request that is passed on: images are in it, and a row may have as many."""
LARGEST_RUN: Final = 128 * 1024 * 1024
"""Bytes of a request for a run, whose rows may come with it; it is read in another process."""
LARGEST_FILE: Final = 512 * 1024 * 1024
"""Bytes, as OpenAI has it for files (contract section 2.5)."""
IMPORTS_OF_LINES: Final = ("/chat/completions/import", "/evals/import")
UPLOADS: Final = ("/files", "/files/import", "/dashboard/new", *IMPORTS_OF_LINES)
"""The ends of paths that take as much; no file is held in memory."""
FORM_AROUND_A_FILE: Final = 64 * 1024
LARGEST_FORM: Final = 64 * 1024
"""Bytes of a form with a key or a number; the parser would end in the middle of a larger one."""
DRAINED: Final = 2 * 1024 * 1024 * 1024
"""Bytes of a refused body that are still read, so that the client hears the answer."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
OWN_SITES: Final = frozenset({"same-origin", "none"})
"""What `Sec-Fetch-Site` says of our own pages, and of what a person asks for without a page."""

Headers = dict[str, str]
Page = tuple[bytes, Mapping[str, str]]
"""HTML, and the headers of its answer."""


@dataclass(frozen=True)
class Envelope:
    """ASGI middleware, outermost.

    On loopback without keys whoever reaches the port is trusted, and a browser on this machine can be
    sent here by any web page. So requests under a foreign host name are refused (DNS rebinding), and
    so are changes that come from another site's page (CSRF). Who asked for a page is told so on one.
    """

    app: ASGIApp
    is_own_host: Callable[[str], bool]
    server: str
    refused_page: Callable[[str, str], Page]
    """Gives the page under a path that says why a request was refused."""
    own_origin: str | None = None
    """That of the URL by which browsers reach the server, also where a proxy asks by another host."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        request_id = new_id("req")
        scope.setdefault("state", {})["request_id"] = request_id
        body = _LimitedBody(receive, _limit(scope["path"]), _advice(scope["path"]))
        answer = _Answer(send, request_id, self.server)

        async def send_answer(message: Message) -> None:
            if body.refused:
                await body.drain()
            await answer.send(message)

        try:
            self._check_origin(scope)
            _check_address(scope)
            check_encoding(_headers(scope).get("content-type", ""))
            body.check_declared(_headers(scope))
            await self.app(scope, body.receive, send_answer)
        except ApiError as error:
            await body.drain()
            if _is_for_a_person(scope):
                await answer.page(error.status, *self.refused_page(scope["path"], error.message))
            else:
                await answer.error(error.status, error.message, error.type, error.param, error.code)
        except ClientDisconnect:
            pass  # whoever asked has left, so nobody waits for an answer
        except Exception:  # the border of the process: answer, record, go on
            log.exception("request broke", request_id=request_id, path=scope["path"])
            message = f"The server failed; its log says why under {request_id}."
            await answer.error(500, message, "server_error", None, None)

    def _check_origin(self, scope: Scope) -> None:
        headers = _headers(scope)
        host = headers.get("host", "")
        if not self.is_own_host(host):
            raise Forbidden(
                f"This server does not answer under the host name '{host[:80]}'. "
                "Set EVALD_PUBLIC_URL to the URL under which it is reached.",
                code="unknown_host",
            )
        if scope["method"] not in SAFE_METHODS and self._is_foreign(headers, host):
            raise Forbidden(
                "Pages of other sites may not change anything here.", code="foreign_origin"
            )

    def _is_foreign(self, headers: Headers, host: str) -> bool:
        """Say whether a request comes from another site's page.

        Browsers say so in the first two of these headers, old ones in the third alone. Programs send
        none of them.
        """
        site, origin = headers.get("sec-fetch-site"), headers.get("origin")
        if site is not None and site not in OWN_SITES:
            return True  # also another port of this machine, and another name below the same domain
        if origin is not None:
            return not self._is_own(origin, host)
        referer = headers.get("referer")
        return site is None and referer is not None and not self._is_own(referer, host)

    def _is_own(self, url: str, host: str) -> bool:
        # By the host alone: behind a proxy the scheme is not known.
        origin = origin_of(url)
        hosts = (origin_of(f"{scheme}://{host}") for scheme in ("http", "https"))
        return origin is not None and (origin == self.own_origin or origin in hosts)


def _check_address(scope: Scope) -> None:
    """Refuse a NUL anywhere in an address: no id and no word has one, and Postgres takes none."""
    if "\x00" in scope["path"]:
        raise NotFound("There is nothing under an address that holds a NUL character.")
    query = scope["query_string"].decode("latin-1")
    for name, value in parse_qsl(query, keep_blank_values=True):
        if "\x00" in name + value:
            param = name.replace("\x00", "")[:80]
            raise BadRequest(
                f"The query parameter '{param}' holds a NUL character.",
                param=param,
                code="invalid_value",
            )


def _limit(path: str) -> int:
    if path.rstrip("/").endswith(UPLOADS):
        return LARGEST_FILE + FORM_AROUND_A_FILE
    if path.rstrip("/").endswith(("/chat/completions", "/responses")):
        return LARGEST_CHAT
    if path.endswith(("/sign-in", "/sign-out", "/share")):
        return LARGEST_FORM
    return LARGEST_RUN if path.rstrip("/").endswith("/runs") else LARGEST_BODY


def _advice(path: str) -> str:
    """Give what to do about a body that is larger than its limit."""
    if path.rstrip("/").endswith(IMPORTS_OF_LINES):
        return "Send the lines in several requests."
    return "Split the rows into several files and runs."


def _headers(scope: Scope) -> Headers:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}


def _is_for_a_person(scope: Scope) -> bool:
    return is_page(scope["path"]) and "text/html" in _headers(scope).get("accept", "")


class _LimitedBody:
    """Receives a body and stops at its limit."""

    def __init__(self, receive: Receive, limit: int, advice: str) -> None:
        self._receive = receive
        self._limit = limit
        self._advice = advice
        self._size = 0
        self._more = True
        self.refused = False

    def check_declared(self, headers: Headers) -> None:
        declared = headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._limit:
            raise self._too_large()

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._more = message.get("more_body", False)
            if self._size > self._limit:
                raise self._too_large()
        else:
            self._more = False
        return message

    async def drain(self) -> None:
        """Read on after a refusal: a client that still sends does not look for the answer."""
        while self._more and self._size <= DRAINED:
            message = await self._receive()
            self._size += len(message.get("body", b""))
            self._more = message.get("more_body", False)

    def _too_large(self) -> TooLarge:
        self.refused = True
        if self._limit < 2**20:
            limit = f"{self._limit // 2**10} KB."
        else:
            limit = f"{self._limit // 2**20} MB. {self._advice}"
        return TooLarge(
            f"The request is larger than the limit of {limit}", code="request_too_large"
        )


class _Answer:
    """Sends an answer with the headers that every answer has."""

    def __init__(self, send: Send, request_id: str, server: str) -> None:
        self._send = send
        self._started = False
        self._extra = [
            (b"x-request-id", request_id.encode()),
            (b"server", server.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._started = True
            message = {**message, "headers": [*message.get("headers", []), *self._extra]}
        await self._send(message)

    async def error(self, status: int, *parts: Any) -> None:
        headers = {"content-type": "application/json"}
        if status == 401:
            headers["www-authenticate"] = 'Bearer realm="evald"'
        await self._whole(status, error_json(*parts), headers)

    async def page(self, status: int, html: bytes, headers: Mapping[str, str]) -> None:
        await self._whole(status, html, {**headers, "content-type": "text/html; charset=utf-8"})

    async def _whole(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        if self._started:
            return
        sent = {**headers, "content-length": str(len(body))}
        named = [(name.encode(), value.encode()) for name, value in sent.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": named})
        await self.send({"type": "http.response.body", "body": body})
