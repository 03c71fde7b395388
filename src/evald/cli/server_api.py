"""The public API of a running server, as commands ask it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, BinaryIO, Final
from urllib.parse import urlencode, urlsplit

ANSWERED_WITHIN_S: Final = 600
"""A large upload is checked row by row before it is answered."""
PIECE: Final = 1024 * 1024


class ServerFailed(Exception):
    """The server cannot be asked, or refuses. The message says why and what to do."""


class ServerApi:
    """One server, asked one request at a time."""

    def __init__(self, url: str, api_key: str | None, project: str | None) -> None:
        """Take the server's URL, a key if it wants one, and the project that is meant.

        Raises ServerFailed for a URL that is none, and a key that cannot be sent.
        """
        try:
            address = urlsplit(url)
            is_good = address.scheme in ("http", "https") and bool(address.hostname)
        except ValueError:
            is_good = False
        if not is_good:
            raise ServerFailed(f"'{url}' is no URL of a server; write it as http://127.0.0.1:8484.")
        self.url = url
        self._address = address
        self._headers = {"accept": "application/json"}
        if api_key:
            self._headers["authorization"] = f"Bearer {api_key.strip()}"
        if project:
            self._headers["evald-project"] = project
        if not all(value.isascii() and value.isprintable() for value in self._headers.values()):
            raise ServerFailed("Keys and names of projects are printable ASCII.")

    def get(self, path: str, **query: object) -> Any:
        """Give the answer to a GET. Raises ServerFailed."""
        return self._asked("GET", f"{path}?{urlencode(query)}" if query else path)

    def post(self, path: str, body: object) -> Any:
        """Give the answer to a POST of JSON. Raises ServerFailed."""
        text = json.dumps(body, ensure_ascii=False).encode()
        return self._asked("POST", path, text, {"content-type": "application/json"})

    def all(self, path: str, **query: object) -> Iterator[Any]:
        """Give the objects of a list, page by page. Raises ServerFailed."""
        while True:
            page = self.get(path, limit=100, **query)
            yield from page["data"]
            if not page["has_more"] or not page["data"]:
                return
            query["after"] = page["data"][-1]["id"]

    def upload(self, name: str, file: BinaryIO, size: int) -> Any:
        """Send a file of rows and give its object. `name` is plain ASCII. Raises ServerFailed."""
        boundary = "evald-rows-4d9b1f"
        head = (
            f'--{boundary}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nevals\r\n'
            f'--{boundary}\r\ncontent-disposition: form-data; name="file"; filename="{name}"\r\n\r\n'
        ).encode()
        tail = f"\r\n--{boundary}--\r\n".encode()
        headers = {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(len(head) + size + len(tail)),
        }
        return self._asked("POST", "files", _parts(head, file, tail), headers)

    def _asked(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        kind = HTTPSConnection if self._address.scheme == "https" else HTTPConnection
        target = f"{self._address.path.rstrip('/')}/{path}"
        try:
            with closing(kind(self._address.netloc, timeout=ANSWERED_WITHIN_S)) as connection:
                connection.request(method, target, body, {**self._headers, **(headers or {})})
                return self._read(connection.getresponse())
        except (OSError, HTTPException) as error:
            raise ServerFailed(f"The server at {self.url} does not answer: {error}.") from None

    def _read(self, answer: HTTPResponse) -> Any:
        text = answer.read()
        try:
            body = json.loads(text)
            if answer.status < 300:
                return body
            reason = body["error"]["message"]
        except (ValueError, KeyError, TypeError):
            reason = f"what answers at {self.url} is no evald"
        raise ServerFailed(f"{answer.status}: {reason}")


def _parts(head: bytes, file: BinaryIO, tail: bytes) -> Iterator[bytes]:
    yield head
    while piece := file.read(PIECE):
        yield piece
    yield tail
