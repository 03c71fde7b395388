"""A stored chat completion: what was asked and what was answered, put together (pure)."""

import re
from dataclasses import dataclass

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.stored_completions import StoredCompletion
from evald.rules import json_text

USABLE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
"""Ids that can stand in the path of a URL; others are replaced."""
LONGEST_MODEL = 256
OF_THE_REQUEST = (
    *("tool_choice", "seed", "top_p", "temperature", "presence_penalty", "frequency_penalty"),
    *("tools", "response_format"),
)
"""What a stored completion shows of its request; null means that the endpoint's default was used."""
NEVER_NULL = ("usage", "system_fingerprint")
"""Keys of an answer that are left out where the endpoint sent null: their schema has none."""


@dataclass(frozen=True, slots=True)
class Origin:
    """What a stored completion has from outside of request and answer."""

    metadata: dict[str, str]
    request_id: str | None
    now: int
    """Unix seconds, for an answer that does not say when it was made."""
    spare_id: str
    """The id of an answer that has none that can be kept."""


def stored_completion(request: JsonObject, answer: JsonObject, origin: Origin) -> StoredCompletion:
    """Give the completion to store. Raises BadJson when it cannot be kept exactly.

    An answer that was stored before, somewhere else, keeps what it shows of its own request.
    """
    body: JsonObject = {
        "object": "chat.completion",
        "id": id_of(answer, origin.spare_id),
        "model": model_of(answer) or model_of(request),
        "created": time_of(answer.get("created"), origin.now),
        "request_id": origin.request_id,
        **{key: request.get(key, answer.get(key)) for key in OF_THE_REQUEST},
        "input_user": request.get("user", answer.get("input_user")),
        "service_tier": answer.get("service_tier") or request.get("service_tier"),
        "metadata": {**origin.metadata},
        "choices": _choices(answer),
    }
    for key, value in answer.items():
        if key not in body and not (value is None and key in NEVER_NULL):
            body[key] = value
    messages = [each for each in _listed(request.get("messages")) if isinstance(each, dict)]
    return StoredCompletion(
        id=str(body["id"]),
        created_at=time_of(answer.get("created"), origin.now),
        models=frozenset(name for name in (model_of(request), model_of(answer)) if name),
        metadata=origin.metadata,
        body=json_text.dump(body),
        messages=json_text.dump(messages),
    )


def with_metadata(body: JsonObject, metadata: dict[str, str]) -> str:
    """Give the text of a stored completion with other metadata."""
    return json_text.dump({**body, "metadata": metadata})


def with_id(completion: StoredCompletion, completion_id: str) -> StoredCompletion:
    """Give the same completion under another id."""
    body = json_text.parse(completion.body.encode())
    assert isinstance(body, dict)
    return StoredCompletion(
        id=completion_id,
        created_at=completion.created_at,
        models=completion.models,
        metadata=completion.metadata,
        body=json_text.dump({**body, "id": completion_id}),
        messages=completion.messages,
    )


def id_of(answer: JsonObject, spare_id: str) -> str:
    """Give the id that an answer has, or the spare one where it can be none of ours."""
    given = answer.get("id")
    return given if isinstance(given, str) and USABLE_ID.fullmatch(given) else spare_id


def model_of(body: JsonObject) -> str:
    """Give the model that a request or an answer names, or an empty text."""
    name = body.get("model")
    usable = isinstance(name, str) and len(name) <= LONGEST_MODEL and "\x00" not in name
    return str(name) if usable else ""


def time_of(created: JsonValue, now: int) -> int:
    """Give the whole Unix seconds that an answer says it is from, or now where that is unusable."""
    if not isinstance(created, int | float) or isinstance(created, bool):
        return now
    return int(created) if 0 < created < 2**53 else now


def _choices(answer: JsonObject) -> list[JsonValue]:
    choices = [each for each in _listed(answer.get("choices")) if isinstance(each, dict)]
    return [_choice(choice, place) for place, choice in enumerate(choices)]


def _choice(choice: JsonObject, place: int) -> JsonObject:
    message = choice.get("message")
    known = message if isinstance(message, dict) else {}
    return {
        "index": place,
        "logprobs": None,
        **choice,
        "finish_reason": choice.get("finish_reason") or "stop",
        "message": {"role": "assistant", "content": None, "refusal": None, **known},
    }


def _listed(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
