"""A running server, as commands ask it: one request after the other, each answered or told why not."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import BinaryIO, Final, Self
from urllib.parse import SplitResult, quote, urlencode, urlsplit

from evald import __version__
from evald.contract.json_types import JsonObject, JsonValue
from evald.rules import json_text
from evald.rules.terminal import one_line

ANSWERED_WITHIN_S: Final = 600
"""A server that is silent for so long is given up; a large upload is checked row by row."""
PAGE: Final = 100

Body = bytes | BinaryIO | Iterator[bytes]


class ServerFailed(Exception):
    """The server cannot be asked, or refuses. The message says why, and a terminal may show it."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        """The HTTP status of the refusal; None where none came."""


def server_url(text: str) -> SplitResult:
    """Give the URL of a server, without the `/v1` that it may end with. Raises ServerFailed."""
    if "@" in text:
        raise ServerFailed("The URL must hold no password; the key comes from EVALD_API_KEY.")
    try:
        url = urlsplit(text)
        host = url.hostname or ""
        host.encode("idna")  # as a look-up of its address does
        is_good = url.scheme in ("http", "https") and host and url.port != 0
    except ValueError:  # half an IPv6 address, or a port or a host that is none
        is_good = False
    if not is_good or not (text.isascii() and text.isprintable()) or " " in url.netloc:
        raise ServerFailed(
            f"'{one_line(text)}' is no URL of a server; write it as http://127.0.0.1:8484."
        )
    path = url.path.rstrip("/").removesuffix("/v1").rstrip("/")
    return url._replace(path=path, query="", fragment="")


def key_in(text: str | None) -> str | None:
    """Give the key that was given, or None for a server that is asked without one."""
    return (text or "").strip() or None


def headers_of(key: str | None, project: str | None) -> dict[str, str]:
    """Give the headers that say who asks, and for which project. Raises ServerFailed."""
    headers = {"user-agent": f"evald/{__version__}"}
    if key is not None:
        headers["authorization"] = f"Bearer {key}"
    if project:
        headers["evald-project"] = project
    if not can_be_sent(headers):
        raise ServerFailed("Keys and names of projects are printable ASCII.")
    return headers


def can_be_sent(headers: Mapping[str, str]) -> bool:
    """Say whether HTTP takes the values of headers."""
    return all(value.isascii() and value.isprintable() for value in headers.values())


def api_path(*steps: str, **query: str | int) -> str:
    """Give the path of an object or a list, below `/v1`."""
    path = "/".join(quote(step, safe="") for step in steps)
    return f"{path}?{urlencode(query)}" if query else path


@dataclass(frozen=True)
class RunningServer:
    """A server, and who asks it."""

    url: SplitResult
    """Its `/v1` follows."""
    headers: Mapping[str, str]
    key: str | None
    """What must never be told; None when the server is asked without one."""

    @classmethod
    def at(cls, url: str, api_key: str | None, project: str | None) -> Self:
        """Give the server of the options --url, --api-key and --project. Raises ServerFailed."""
        key = key_in(api_key)
        return cls(server_url(url), headers_of(key, project), key)

    def get(self, *steps: str) -> JsonObject:
        """Give an object. Raises ServerFailed."""
        return self._asked("GET", api_path(*steps))

    def objects(self, *steps: str, **query: str | int) -> Iterator[JsonObject]:
        """Give the objects of a list, page by page. Raises ServerFailed."""
        query = {"limit": PAGE, **query}
        while True:
            page = self._asked("GET", api_path(*steps, **query))
            data = page.get("data")
            listed = data if isinstance(data, list) else []
            found = [each for each in listed if isinstance(each, dict)]
            yield from found
            last = found[-1].get("id") if found else None
            if not page.get("has_more") or last is None or last == query.get("after"):
                return
            query["after"] = str(last)

    def content(self, *steps: str) -> bytes:
        """Give what a file holds. Raises ServerFailed."""
        with self.answer("GET", api_path(*steps)) as answer:
            return self._read(answer)

    def post(self, value: JsonValue, *steps: str) -> JsonObject:
        """Send a value as JSON and give the object that answers. Raises ServerFailed."""
        text = json.dumps(value, ensure_ascii=False).encode()
        return self.send(api_path(*steps), text, {"content-type": "application/json"})

    def send(self, path: str, body: Body, headers: Mapping[str, str]) -> JsonObject:
        """POST any body and give the object that answers. Raises ServerFailed."""
        return self._asked("POST", path, body, headers)

    @contextmanager
    def answer(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Iterator[HTTPResponse]:
        """Give an answer that is no refusal, to be read before the `with` ends. Raises ServerFailed."""
        kind = HTTPSConnection if self.url.scheme == "https" else HTTPConnection
        target = f"{self.url.path}/v1/{path}"
        with closing(kind(self.url.netloc, timeout=ANSWERED_WITHIN_S)) as connection:
            try:
                connection.request(method, target, body, {**self.headers, **(headers or {})})
                answer = connection.getresponse()
            except (OSError, HTTPException) as error:
                raise self._silent(error) from None
            if answer.status >= 300:
                reason = self._reason(self._read(answer))
                raise ServerFailed(f"{answer.status}: {self.safe(reason)}", answer.status)
            yield answer

    def safe(self, text: object) -> str:
        """Give a text from outside without the key and without what a terminal would obey."""
        return one_line(text, self.key)

    def _asked(
        self,
        method: str,
        path: str,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> JsonObject:
        also = {"accept": "application/json", **(headers or {})}
        with self.answer(method, path, body, also) as answer:
            value = _parsed(self._read(answer))
        if not isinstance(value, dict):
            raise ServerFailed(f"What answers at {self.url.geturl()} is no evald.")
        return value

    def _read(self, answer: HTTPResponse) -> bytes:
        try:
            return answer.read()
        except (OSError, HTTPException) as error:
            raise self._silent(error) from None

    def _silent(self, error: Exception) -> ServerFailed:
        reason = self.safe(error) or type(error).__name__
        return ServerFailed(f"The server at {self.url.geturl()} does not answer: {reason}.")

    def _reason(self, body: bytes) -> str:
        match _parsed(body):
            case {"error": {"message": str(message)}}:
                return message
        return f"what answers at {self.url.geturl()} is no evald"


def _parsed(body: bytes) -> JsonValue:
    try:
        return json_text.parse(body)
    except json_text.BadJson:
        return None
