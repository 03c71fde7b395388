"""Stored chat completions of an archive: each with the messages that lie beside it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import orjson

from evald.archive.reading.records import Record
from evald.archive.sending.batches import Batches
from evald.archive.sending.outcome import Origin, Outcome
from evald.archive.sending.server import Server

MOST_WAITING: Final = 64 * 2**20
"""Bytes of completions and messages that wait for each other."""


@dataclass
class Pairs:
    """Completions and messages, by the folder that they lie in together."""

    batches: Batches
    size: int = 0
    """Bytes that wait."""
    _completions: dict[str, Record] = field(default_factory=dict)
    _messages: dict[str, list[Record]] = field(default_factory=dict)

    def completion(self, folder: str, completion: Record) -> None:
        """Send a completion with its messages, when they are there. Raises ServerGone."""
        if folder in self._completions:  # a list of them, and no folder for each
            self._send(completion, [])
            return
        self._completions[folder] = completion
        self._waits(folder, completion)

    def messages(self, folder: str, messages: list[Record]) -> None:
        """Send the completion of these messages, when it is there. Raises ServerGone."""
        self._messages[folder] = messages
        self._waits(folder, *messages)

    def _waits(self, folder: str, *records: Record) -> None:
        self.size += _size_of(records)
        if folder in self._completions and folder in self._messages:
            completion, messages = self._completions.pop(folder), self._messages.pop(folder)
            self.size -= _size_of([completion, *messages])
            self._send(completion, messages)
        elif self.size > MOST_WAITING:
            self.rest()

    def rest(self) -> None:
        """Send the completions whose messages did not come. Raises ServerGone."""
        for completion in self._completions.values():
            self._send(completion, [])
        self._completions, self._messages, self.size = {}, {}, 0

    def _send(self, completion: Record, messages: list[Record]) -> None:
        sent = {**completion.value, "messages": [_as_sent(each.value) for each in messages]}
        origin = Origin(completion.where, completion.place, completion.id)
        if not messages:
            self.batches.outcome.note(origin, "The archive does not hold its messages.")
        self.batches.add(orjson.dumps(sent), origin)


def _size_of(records: Iterable[Record]) -> int:
    return sum(len(each.raw) for each in records)


def _as_sent(message: Mapping[str, Any]) -> dict[str, Any]:
    """Give a message of the list as the request had it."""
    told = {key: value for key, value in message.items() if key not in ("id", "content_parts")}
    if isinstance(message.get("content_parts"), list):
        told["content"] = message["content_parts"]
    return {
        key: value for key, value in told.items() if value is not None or key in ("role", "content")
    }


def try_completion(
    server: Server, completion: Record, outcome: Outcome, met: set[tuple[str | None, int]]
) -> None:
    """Count what would become of a completion; `met` has those before it. Raises ServerGone."""
    mark = (completion.id, hash(orjson.dumps(completion.value, option=orjson.OPT_SORT_KEYS)))
    is_known = mark in met
    if not is_known:
        met.add(mark)
        found = server.ask("GET", f"chat/completions/{quote(str(completion.id), safe='')}")
        is_known = found.status == 200
    if is_known:
        outcome.stored_completions.existing += 1
    else:
        outcome.stored_completions.imported += 1
