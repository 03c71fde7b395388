"""A streamed response: its events, until the one that holds all of it (pure)."""

import orjson

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.response import ResponseFault, chat_form, reported_fault, response_fault
from evald.sampling.stream import BrokenStream, StreamError

LAST_EVENTS = (
    *("response.completed", "response.incomplete"),
    *("response.failed", "response.cancelled"),
)


class ResponseFailed(ValueError):
    """The endpoint gave a response that is no sample."""

    def __init__(self, fault: ResponseFault) -> None:
        super().__init__(fault.message)
        self.fault = fault


class ResponseEvents:
    """Reads events up to the last one, which repeats the whole response."""

    def __init__(self) -> None:
        """Begin with no event."""
        self._items: dict[int, JsonObject] = {}
        self._texts: list[str] = []

    def add(self, payload: bytes) -> JsonObject | None:
        """Add an event, and give the response as a chat completion if it was the last one.

        Raises BrokenStream, StreamError or ResponseFailed.
        """
        try:
            event = orjson.loads(payload)
        except orjson.JSONDecodeError as error:
            raise BrokenStream(f"an event that is no JSON: {error}") from None
        if not isinstance(event, dict):
            raise BrokenStream("an event that is no JSON object")
        kind = event.get("type")
        if kind == "response.output_text.delta":
            self._texts.append(str(event.get("delta") or ""))
        elif kind == "response.output_item.done":
            self._keep(event)
        elif kind in LAST_EVENTS:
            return sample_of(self._whole(event.get("response")))
        elif kind in ("error", "response.error") or event.get("error"):
            raise _reported(event)
        return None

    def _keep(self, event: JsonObject) -> None:
        index, item = event.get("output_index"), event.get("item")
        if isinstance(item, dict):
            self._items[index if isinstance(index, int) else len(self._items)] = item

    def _whole(self, response: JsonValue) -> JsonObject:
        """Give the last event's response, with what came before where it does not repeat it."""
        if not isinstance(response, dict):
            raise BrokenStream("a last event without its response")
        if response.get("output"):
            return response
        output: list[JsonValue] = [item for _, item in sorted(self._items.items())]
        if not output and self._texts:
            output = [{"type": "message", "role": "assistant", "content": "".join(self._texts)}]
        return {**response, "output": output}


def _reported(event: JsonObject) -> ValueError:
    """Give the error of an event that has it inside, or is it."""
    error = event.get("error") or {key: event.get(key) for key in ("code", "message")}
    if isinstance(error, dict) and isinstance(error.get("code"), int):
        return StreamError({"error": error})  # the code is the status of a refusal
    return ResponseFailed(reported_fault(error))


def whole_response(body: JsonValue) -> JsonObject:
    """Give an unstreamed response as a chat completion.

    Raises BrokenStream, StreamError or ResponseFailed.
    """
    if not isinstance(body, dict):
        raise BrokenStream("an answer that is no JSON object")
    if isinstance(body.get("output"), list):
        return sample_of(body)
    if body.get("error"):
        raise _reported(body)
    raise BrokenStream("an answer that is no response")


def sample_of(response: JsonObject) -> JsonObject:
    """Give a response as a chat completion. Raises ResponseFailed where it is no sample."""
    fault = response_fault(response)
    if fault is not None:
        raise ResponseFailed(fault)
    return chat_form(response)
