"""The messages of an output item: what was asked, what the model said, the calls and their results."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Final, Literal

from evald.dashboard.media import Allowance, Part, parts_of, sound_of
from evald.dashboard.reading import ApiObject, list_of, object_of, text_of
from evald.dashboard.texts import Text, call_texts, clip

MESSAGE_LIMIT: Final = 4_000
"""Characters of a message, and of one call in it."""
_ROLE_LIMIT: Final = 120
_MOST_CALLS: Final = 20
_MOST_PARTS: Final = 40

Speaker = Literal["user", "assistant", "tool", "other"]


@dataclass(frozen=True)
class Message:
    """One message of the conversation. `is_output` marks what the model under test wrote."""

    role: str
    speaker: Speaker
    parts: tuple[Part, ...]
    calls: tuple[Text, ...]
    is_output: bool


def messages_of(sample: ApiObject, most: int) -> tuple[Message, ...]:
    """Give the first messages of a sample, input before output."""
    allowance = Allowance()
    asked = ((object_of(message), False) for message in list_of(sample.get("input")))
    said = ((object_of(message), True) for message in list_of(sample.get("output")))
    return tuple(
        _message(message, is_output, allowance)
        for message, is_output in islice(chain(asked, said), most)
    )


def _message(message: ApiObject, is_output: bool, allowance: Allowance) -> Message:
    role = text_of(message.get("role")) or ("assistant" if is_output else "")
    known: dict[str, Speaker] = {
        "user": "user",
        "assistant": "assistant",
        "tool": "tool",
        "function": "tool",
    }
    return Message(
        role=clip(role, _ROLE_LIMIT).shown,
        speaker=known.get(role, "other"),
        parts=tuple(_cut(_parts(message, allowance))),
        calls=tuple(clip(call, MESSAGE_LIMIT) for call in call_texts(message)[:_MOST_CALLS]),
        is_output=is_output,
    )


def _parts(message: ApiObject, allowance: Allowance) -> Iterator[Part]:
    """Give what a message says, or its refusal where it says nothing else."""
    said = 0
    for part in chain(parts_of(message.get("content"), allowance), sound_of(message, allowance)):
        if part.kind != "text" or part.text.shown:
            said += 1
            yield part
    if not said and (refusal := text_of(message.get("refusal"))):
        yield Part("text", Text(refusal))


def _cut(parts: Iterator[Part]) -> Iterator[Part]:
    """Give the parts until their texts are as long as a message may be on a page."""
    left, hidden = MESSAGE_LIMIT, 0
    for part in islice(parts, _MOST_PARTS):
        if part.kind != "text":
            yield part
        elif left:
            text = clip(part.text.shown, left)
            left -= len(text.shown)
            yield replace(part, text=Text(text.shown, text.hidden + part.text.hidden))
        else:
            hidden += len(part.text.shown)
    if hidden:
        yield Part("text", Text("", hidden))
    if next(parts, None) is not None:
        yield Part("unshown", why="This message has more parts than are shown here.")
