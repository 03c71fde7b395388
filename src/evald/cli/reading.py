"""What commands read from a running server: one object, a list, the content of a file."""

from collections.abc import Iterator
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlencode, urlsplit

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules import json_text

PAGE = 100


class CannotRead(Exception):
    """The server gave no answer that can be used. The message says why; `status` is its status."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True)
class Server:
    """The server that is read."""

    url: str
    api_key: str | None
    """Its key; None for a server that asks for none."""
    project: str | None
    """The project that is meant, or None for that of the key."""

    def object(self, *path: str) -> JsonObject:
        """Give an object. Raises CannotRead."""
        return self._parsed(self.content(*path))

    def objects(self, *path: str, **query: str | int) -> Iterator[JsonObject]:
        """Give the objects of a list, page by page. Raises CannotRead."""
        query = {"limit": PAGE, **query}
        while True:
            page = self._parsed(self.content(*path, **query))
            found = page.get("data")
            yield from (
                (each for each in found if isinstance(each, dict))
                if isinstance(found, list)
                else ()
            )
            if not page.get("has_more"):
                return
            query["after"] = str(page.get("last_id"))

    def content(self, *path: str, **query: str | int) -> bytes:
        """Give the body of an answer. Raises CannotRead."""
        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname:
            raise CannotRead(
                f"'{self.url}' is no URL of a server; write it as http://127.0.0.1:8484."
            )
        kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
        steps = "/".join(quote(step, safe="") for step in path)
        target = f"{address.path.rstrip('/')}/v1/{steps}?{urlencode(query)}"
        connection = kind(address.netloc)
        try:
            connection.request("GET", target, headers=self._headers())
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, HTTPException) as error:
            raise CannotRead(f"The server at {self.url} does not answer: {error}.") from None
        finally:
            connection.close()
        if answer.status != 200:
            raise CannotRead(f"{answer.status}: {self._reason(body)}", answer.status)
        return body

    def _headers(self) -> dict[str, str]:
        headers = {}
        if self.api_key:
            headers["authorization"] = f"Bearer {self.api_key.strip()}"
        if self.project:
            headers["evald-project"] = self.project
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise CannotRead("Keys and names of projects are printable ASCII.")
        return headers

    def _parsed(self, body: bytes) -> JsonObject:
        value = self._value(body)
        if not isinstance(value, dict):
            raise CannotRead(f"What answers at {self.url} is no evald.")
        return value

    def _value(self, body: bytes) -> JsonValue:
        try:
            return json_text.parse(body)
        except json_text.BadJson:
            return None

    def _reason(self, body: bytes) -> str:
        match self._value(body):
            case {"error": {"message": str(message)}}:
                return message
        return f"what answers at {self.url} is no evald"
