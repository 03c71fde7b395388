"""Input messages as requests bring them, and the form in which they are kept and answered."""

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import RequestModel


class InputText(RequestModel):
    """A text written by a person or a program."""

    type: Literal["input_text"]
    text: str


class OutputText(RequestModel):
    """A text that a model gave."""

    type: Literal["output_text"]
    text: str


class InputImage(RequestModel):
    """A picture, by URL or data URL; the URL may be a template."""

    type: Literal["input_image"]
    image_url: str
    detail: str | None = None


class AudioData(RequestModel):
    """Base64 audio; both may be templates."""

    data: str
    format: str


class InputAudio(RequestModel):
    """A sound."""

    type: Literal["input_audio"]
    input_audio: AudioData


ContentObject = Annotated[
    InputText | OutputText | InputImage | InputAudio, Field(discriminator="type")
]


def _content_kind(content: object) -> str:
    return "an array" if isinstance(content, list) else _part_kind(content)


def _part_kind(part: object) -> str:
    # What is none of these should have been a text, the usual form.
    return "a text" if part is None or isinstance(part, str | int | float) else "an object"


Part = Annotated[
    Annotated[str, Tag("a text")] | Annotated[ContentObject, Tag("an object")],
    Discriminator(_part_kind),
]
Content = Annotated[
    Annotated[str, Tag("a text")]
    | Annotated[ContentObject, Tag("an object")]
    | Annotated[list[Part], Tag("an array")],
    Discriminator(_content_kind),
]


class Message(RequestModel):
    """One message: a role and a text, a content object, or an array of both (contract section 5.5)."""

    role: Annotated[str, Field(min_length=1, max_length=64)]
    content: Content


def kept_message(message: Message) -> JsonObject:
    """Give a message as evals and runs show it: a bare text becomes one `input_text` object."""
    return {"type": "message", "role": message.role, "content": _kept_content(message.content)}


def _kept_content(content: Content) -> JsonValue:
    if isinstance(content, str):
        return {"type": "input_text", "text": content}
    if isinstance(content, list):
        return [part if isinstance(part, str) else _kept_object(part) for part in content]
    return _kept_object(content)


def _kept_object(part: InputText | OutputText | InputImage | InputAudio) -> JsonObject:
    kept: JsonObject = part.model_dump(exclude_none=True)
    return kept
