"""Lines of a log: each an exchange with a model, in one of the forms that logs have."""

import hashlib
from dataclasses import dataclass
from typing import Final, Generic, TypeAlias

from pydantic import TypeAdapter, ValidationError

from evald.capture.kinds import COMPLETIONS, RESPONSES, Kind, Stored
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.stored_completions import SearchableMetadata, StoredCompletion
from evald.contract.stored_responses import StoredResponse
from evald.contract.validation import json_type
from evald.data_sources.lines import Line, LineCutter
from evald.data_sources.rows import LONGEST_LINE
from evald.rules import json_text
from evald.rules.stored_completion import Origin
from evald.rules.stored_response import whole_response

_METADATA: Final[TypeAdapter[dict[str, str]]] = TypeAdapter(SearchableMetadata)


class BadLog(ValueError):
    """A line is no logged exchange. The message says why."""


@dataclass(frozen=True, slots=True)
class LineError:
    """What is wrong with a line; its answer is left out."""

    line: int
    """Its number, from 1."""
    message: str


@dataclass(frozen=True, slots=True)
class LoggedAnswer(Generic[Stored]):
    """An answer that was read from a line, with its request."""

    kind: Kind[Stored]
    answer: Stored
    spare_id: str
    """Made of the line itself: the same line has the same one in every import."""


Logged: TypeAlias = LoggedAnswer[StoredCompletion] | LoggedAnswer[StoredResponse]
Read: TypeAlias = Logged | LineError


class LogReader:
    """Cuts bytes into lines and reads each. Blank lines are passed over, but counted."""

    def __init__(self, metadata: dict[str, str], now: int) -> None:
        """Begin before the first line. `metadata` is added to that of every line."""
        self._metadata = metadata
        self._now = now
        self._lines = LineCutter()

    def feed(self, part: bytes) -> list[Read]:
        """Give what the lines hold that are complete now."""
        return [self._read(line) for line in self._lines.feed(part)]

    def end(self) -> list[Read]:
        """Give what the line holds that has come so far."""
        return [self._read(line) for line in self._lines.end()]

    def _read(self, line: Line) -> Read:
        if line.text is None:
            return LineError(line.number, f"it is longer than {LONGEST_LINE // 2**20} MB")
        try:
            return logged_answer(line.text, self._metadata, self._now)
        except json_text.BadJson as error:
            return LineError(line.number, f"it is not valid JSON: {error}")
        except BadLog as error:
            return LineError(line.number, str(error))


@dataclass(frozen=True, slots=True)
class _Exchange:
    """What a line says: a request and its answer, whose ends are still to be checked."""

    request: JsonObject
    answer: JsonObject
    where: str
    """Where the answer stands in the line, for a message."""


def logged_answer(line: bytes, metadata: dict[str, str], now: int) -> Logged:
    """Give the answer of a line: of a request with its response, or stored somewhere before.

    Raises BadJson, or BadLog when the line is something else.
    """
    value = json_text.parse(line)
    if not isinstance(value, dict):
        raise BadLog(f"it must be an object, not {json_type(value)}")
    exchange = _exchange(value)
    request, answer = exchange.request, exchange.answer
    own = value.get("metadata") or request.get("metadata") or answer.get("metadata")
    request_id = answer.get("request_id")
    digest = hashlib.sha256(line).hexdigest()[:32]
    of_responses = _is_of_responses(request, answer)
    origin = Origin(
        metadata=_checked_metadata(own, metadata),
        request_id=request_id if isinstance(request_id, str) else None,
        now=now,
        spare_id=f"resp_{digest}" if of_responses else f"chatcmpl-{digest}",
    )
    if of_responses:
        _check_response(exchange)
        response = RESPONSES.put_together(request, answer, origin)
        return LoggedAnswer(RESPONSES, response, origin.spare_id)
    _check_completion(exchange)
    completion = COMPLETIONS.put_together(request, answer, origin)
    return LoggedAnswer(COMPLETIONS, completion, origin.spare_id)


def _exchange(value: JsonObject) -> _Exchange:
    match value:
        case {"request": dict(request), "response": dict(response)}:
            return _Exchange(request, response, "response.")
        case {"choices": _} | {"output": list()} | {"object": "response"}:
            sent: JsonObject = {key: value[key] for key in ("messages", "input") if key in value}
            answer = {key: part for key, part in value.items() if key not in sent}
            return _Exchange(_of_answer(sent, answer), answer, "")
    raise BadLog(
        "it has neither 'request' and 'response' nor the 'choices' of a completion or the 'output' "
        "of a response"
    )


def _of_answer(sent: JsonObject, answer: JsonObject) -> JsonObject:
    """Give the request of an answer that stands alone, as far as it is known."""
    if _is_of_responses(sent, answer):
        return {"input": sent.get("input", sent.get("messages"))}
    messages = sent.get("messages", sent.get("input"))
    return {"messages": messages if isinstance(messages, list) else []}


def _is_of_responses(request: JsonObject, answer: JsonObject) -> bool:
    if "choices" in answer:
        return False
    is_response = answer.get("object") == "response" or isinstance(answer.get("output"), list)
    return is_response or ("input" in request and "messages" not in request)


def _check_completion(exchange: _Exchange) -> None:
    if not isinstance(exchange.request.get("messages"), list):
        raise BadLog("request.messages must be an array")
    match exchange.answer.get("choices"):
        case [{"message": dict()}, *_]:
            return
    raise BadLog(f"{exchange.where}choices[0].message must be an object")


def _check_response(exchange: _Exchange) -> None:
    sent = exchange.request.get("input")
    if exchange.where and not isinstance(sent, str | list):
        raise BadLog("request.input must be a string or an array")
    if not isinstance(exchange.answer.get("output"), list):
        raise BadLog(f"{exchange.where}output must be an array")
    if whole_response(exchange.answer) is None:
        status = str(exchange.answer.get("status"))[:40]
        raise BadLog(f"{exchange.where}status must be completed or incomplete, not {status!r}")


def _checked_metadata(own: JsonValue, added: dict[str, str]) -> dict[str, str]:
    if not isinstance(own, dict | None):
        raise BadLog(f"metadata must be an object, not {json_type(own)}")
    try:
        return _METADATA.validate_python({**(own or {}), **added}, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        path = ".".join(str(step) for step in ("metadata", *first["loc"]))
        raise BadLog(f"{path}: {first['msg'].removeprefix('Value error, ')}") from None
