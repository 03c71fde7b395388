"""Chat completions that are passed through and kept (contract section 2.6)."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal, NotRequired

from pydantic import AfterValidator, ConfigDict, Field
from typing_extensions import TypedDict

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.metadata import MAX_PAIRS, Metadata, ModelName
from evald.contract.pages import Page
from evald.contract.projects import ProjectId
from evald.contract.validation import RequestModel

OUR_KEYS: Final = ("store", "metadata")
"""What a request says to us and not to the model; many endpoints refuse keys that they do not know."""


def _searchable(metadata: dict[str, str]) -> dict[str, str]:
    if any("\x00" in text for pair in metadata.items() for text in pair):
        raise ValueError("metadata cannot hold the NUL character")
    return metadata


SearchableMetadata = Annotated[Metadata, AfterValidator(_searchable)]
"""Metadata that lists can be filtered by."""


def _with_messages(schema: JsonObject) -> None:
    match schema:
        case {"properties": dict(properties), "required": list(required)}:
            message: JsonObject = {"type": "object", "properties": {"role": {"type": "string"}}}
            message["required"] = ["role"]
            properties["messages"] = {"type": "array", "minItems": 1, "items": message}
            required.append("messages")


class CaptureRequest(RequestModel):
    """What evald reads of the body of `POST /chat/completions`; the rest is for the endpoint.

    The messages are documented all the same: without them no endpoint answers.
    """

    model_config = ConfigDict(json_schema_extra=_with_messages)

    model: ModelName
    store: bool | None = None
    metadata: SearchableMetadata | None = None


class UpdateCompletion(RequestModel):
    """The body of `POST /chat/completions/{completion_id}`: the new metadata; null clears."""

    metadata: Annotated[SearchableMetadata | None, Field()]


class CompletionObject(TypedDict):
    """A stored completion as it is answered; the endpoint may have said more."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    object: Literal["chat.completion"]
    id: str
    model: str
    created: int
    request_id: str | None
    tool_choice: JsonValue
    seed: JsonValue
    top_p: JsonValue
    temperature: JsonValue
    presence_penalty: JsonValue
    frequency_penalty: JsonValue
    tools: JsonValue
    response_format: JsonValue
    input_user: JsonValue
    service_tier: JsonValue
    metadata: dict[str, str]
    choices: list[JsonObject]


class CompletionPage(Page):
    """A page of stored completions."""

    data: list[CompletionObject]


class DeletedCompletion(TypedDict):
    """The answer to a delete."""

    object: Literal["chat.completion.deleted"]
    id: str
    deleted: bool


class MessageObject(TypedDict):
    """A message that a stored completion answered, with whatever was sent in it."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    id: str
    role: NotRequired[JsonValue]
    content: JsonValue
    content_parts: list[JsonValue] | None
    refusal: JsonValue
    name: JsonValue


class MessagePage(Page):
    """A page of messages."""

    data: list[MessageObject]


class LineErrorObject(TypedDict):
    """What is wrong with a line, whose number counts from 1."""

    line: int
    message: str


class ImportObject(TypedDict):
    """What became of the lines of an import."""

    object: Literal["chat.completion.import"]
    imported: int
    existing: int
    failed: int
    errors: list[LineErrorObject]


@dataclass(frozen=True, slots=True)
class StoredCompletion:
    """A chat completion that is kept, with what it is found by."""

    id: str
    created_at: int
    """Whole Unix seconds, as its body says."""
    models: frozenset[str]
    """The name that was asked for and the one that the endpoint gave itself."""
    metadata: dict[str, str]
    body: str
    """Its final JSON text."""
    messages: str
    """The messages that were sent, a JSON array."""


@dataclass(frozen=True, slots=True)
class CompletionFilter:
    """Which stored completions are meant: those of a project that fit everything that is given."""

    project_id: ProjectId
    pairs: frozenset[tuple[str, str]] = frozenset()
    """Metadata, each a key and a value."""
    model: str | None = None
    created_after: int | None = None
    created_before: int | None = None
    """Unix seconds; both are inclusive."""

    @property
    def is_impossible(self) -> bool:
        """Whether nothing can fit: no completion has so many pairs, or two values for a key."""
        keys = {key for key, _ in self.pairs}
        return len(keys) < len(self.pairs) or len(keys) > MAX_PAIRS


def message_objects(completion_id: str, messages: list[JsonObject]) -> list[JsonObject]:
    """Give the messages of a completion as `/messages` lists them.

    Where content was sent in parts, `content_parts` has them and `content` is null.
    """
    return [
        _message_object(f"{completion_id}-{place}", message)
        for place, message in enumerate(messages)
    ]


def _message_object(message_id: str, message: JsonObject) -> JsonObject:
    content = message.get("content")
    in_parts = isinstance(content, list)
    return {
        "refusal": None,
        "name": None,
        **message,
        "id": message_id,
        "content": None if in_parts else content,
        "content_parts": content if in_parts else None,
    }
