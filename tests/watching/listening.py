"""A program that listens to the events of a run."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPResponse
from typing import Any

from tests.server import ANSWERED_WITHIN_S, EvaldServer


@dataclass(frozen=True)
class Event:
    """An event as it came."""

    name: str
    id: str | None
    data: str

    @property
    def json(self) -> Any:
        """The parsed data."""
        return json.loads(self.data)


class Events:
    """Events that come in, one after the other."""

    def __init__(self, answer: HTTPResponse) -> None:
        self.answer = answer

    def __iter__(self) -> Iterator[Event]:
        """Give the events until the stream ends."""
        fields: dict[str, str] = {}
        for line in self.answer:
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if name == "data" and "data" in fields:
                value = f"{fields['data']}\n{value}"
            if name:
                fields[name] = value
            elif "data" in fields:
                yield Event(fields["event"], fields.get("id"), fields["data"])
                fields = {}

    def next(self) -> Event:
        """Give the next one."""
        return next(iter(self))


@contextmanager
def listening(server: EvaldServer, path: str, known: str | None = None) -> Iterator[Events]:
    """Listen, as one who got the event `known` last if there is one."""
    headers = dict(server.headers) if known is None else {**server.headers, "last-event-id": known}
    connection = HTTPConnection("127.0.0.1", server.port, timeout=ANSWERED_WITHIN_S)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200, answer.read().decode()
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        yield Events(answer)
    finally:
        connection.close()
