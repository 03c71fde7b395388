"""Responses that are passed through and kept: what OpenAI's Responses API says of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, NotRequired, TypeAlias

from pydantic import ConfigDict
from typing_extensions import TypedDict

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.metadata import MAX_PAIRS, ModelName
from evald.contract.pages import Page
from evald.contract.projects import ProjectId
from evald.contract.stored_completions import SearchableMetadata
from evald.contract.validation import RequestModel

METADATA: Final = "metadata"
"""The kind of tag that a pair of metadata is."""

Tag: TypeAlias = tuple[str, str, str]
"""What a response is found by: a kind such as `model`, the name of a pair of metadata, a value."""


class ResponseRequest(RequestModel):
    """What evald reads of the body of `POST /responses`; all of it is for the endpoint."""

    model: ModelName
    store: bool | None = None
    background: bool | None = None
    previous_response_id: str | None = None
    metadata: SearchableMetadata | None = None


class ResponseObject(TypedDict):
    """A stored response as it is answered: as its endpoint gave it."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    id: str


GapReason: TypeAlias = Literal["deleted", "not_stored", "too_long", "loop"]
"""Why what was said before is not told: the response that was gone on from was deleted, was never
stored here, is too far back, or goes on from this very one.
"""


class GapObject(TypedDict):
    """Where what was said before ends: at this response, which is told no more."""

    response_id: str
    reason: GapReason


class InputItemPageExtras(TypedDict):
    """What evald adds to a page of input items."""

    gap: GapObject


class InputItemPage(Page):
    """A page of input items."""

    data: list[JsonObject]
    evald: NotRequired[InputItemPageExtras]
    """Only where something that was said before is missing."""


class DeletedResponse(TypedDict):
    """The answer to a delete."""

    object: Literal["response"]
    id: str
    deleted: bool


@dataclass(frozen=True, slots=True)
class StoredResponse:
    """A response that is kept, with what it is found by."""

    id: str
    created_at: int
    """Whole Unix seconds, as its body says."""
    tags: frozenset[Tag]
    instructions: str
    """In folded letters, for the search; empty where there are none."""
    body: str
    """Its final JSON text."""
    input: str
    """The input items that were sent with it, a JSON array."""
    previous_id: str | None = None
    """The response that it goes on from, which may be stored anywhere or nowhere."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A stored response, as far as it is a part of what a later one answered."""

    id: str
    input: str
    body: str


@dataclass(frozen=True, slots=True)
class Gap:
    """Where what is known of a conversation begins: behind this response."""

    response_id: str
    reason: GapReason

    def as_json(self) -> JsonObject:
        """Give the wire form."""
        return {"response_id": self.response_id, "reason": self.reason}


@dataclass(frozen=True, slots=True)
class Chain:
    """A stored response with those that it goes on from."""

    turns: tuple[Turn, ...]
    """The oldest that is known first; the last is the response itself."""
    gap: Gap | None
    """None where the first of all is known."""

    @property
    def past_size(self) -> int:
        """Characters of the turns before the last."""
        return sum(len(turn.input) + len(turn.body) for turn in self.turns[:-1])


@dataclass(frozen=True, slots=True)
class ResponseFilter:
    """Which stored responses of a project are meant: those that fit everything that is given."""

    project_id: ProjectId
    any_of: tuple[frozenset[Tag], ...] = ()
    """A response has at least one tag of each of these sets."""
    instructions: str | None = None
    """A part of its instructions, in folded letters."""
    created_after: int | None = None
    created_before: int | None = None
    """Unix seconds; both are inclusive."""

    @property
    def is_impossible(self) -> bool:
        """Whether nothing can fit: no response has so many pairs, or two values for a key."""
        single = {tag for tags in self.any_of if len(tags) == 1 for tag in tags}
        pairs = [tag for tag in single if tag[0] == METADATA]
        keys = {name for _, name, _ in pairs}
        return len(keys) < len(pairs) or len(keys) > MAX_PAIRS


def item_objects(items: Sequence[tuple[str, JsonObject]]) -> list[JsonObject]:
    """Give input items as `/input_items` lists them, each with an id of its own.

    They come with spare ids, for those that have none, or one that a later item has: what comes
    before an item changes nothing about it.
    """
    objects: list[JsonObject] = []
    taken: set[JsonValue] = set()
    for spare_id, item in reversed(items):
        given = item.get("id")
        usable = isinstance(given, str) and given != "" and given not in taken
        item_id = given if usable else spare_id
        taken.add(item_id)
        objects.append({**_item_object(item), "id": item_id})
    return objects[::-1]


def _item_object(item: JsonObject) -> JsonObject:
    if item.get("type", "message") != "message" or "role" not in item:
        return item
    content = item.get("content")
    if isinstance(content, str):
        content = [_text_part(content, item["role"])]
    return {"type": "message", "status": "completed", **item, "content": content}


def _text_part(text: str, role: JsonValue) -> JsonObject:
    if role == "assistant":
        return {"type": "output_text", "text": text, "annotations": []}
    return {"type": "input_text", "text": text}
