"""As much of HTTP/1.1 as a model server's clients speak: a head, a body of known length."""

import re
from dataclasses import dataclass
from http import HTTPStatus

import orjson

END_OF_HEAD = b"\r\n\r\n"
LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
KEY = re.compile(rb"\r\nauthorization: *bearer ([^\r]*)", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)


class BadRequest(Exception):
    """What came is no request that this server can read; the message says why."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, its head unparsed but for what is needed to answer it."""

    method: str
    target: str  # path and query
    head: bytes
    body: bytes

    @property
    def wants_close(self) -> bool:
        """Say whether the client asked to close the connection after the answer."""
        return CLOSE.search(self.head) is not None

    @property
    def key(self) -> str:
        """Give the key that came with it, "" without one."""
        found = KEY.search(self.head)
        return found[1].decode("latin-1") if found else ""

    @property
    def headers(self) -> dict[str, str]:
        """Give the headers with their names in small letters."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines)
        return {name.lower(): value.strip() for name, _, value in pairs}


def take_request(received: bytearray) -> Request | None:
    """Take the first whole request out of what was received; None while it is not all there."""
    end = received.find(END_OF_HEAD)
    if end < 0:
        return None
    head = bytes(received[:end])
    length = LENGTH.search(head)
    if length is None and CHUNKED.search(head):
        raise BadRequest("a request body needs a content-length")
    start = end + len(END_OF_HEAD)
    stop = start + (int(length[1]) if length else 0)
    if len(received) < stop:
        return None
    body = bytes(received[start:stop])
    del received[:stop]
    words = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
    if len(words) != 3:
        raise BadRequest("the first line is no request line")
    return Request(words[0], words[1], head, body)


def json_answer(status: int, value: object) -> bytes:
    """Give a whole answer with a JSON body."""
    body = orjson.dumps(value)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
