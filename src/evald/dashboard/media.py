"""Images and sounds of messages: which of them a page may show by itself, and which it names only.

A page shows what is in the item itself, of a few kinds that cannot hold a program, and of a bounded
size. Nothing is loaded from elsewhere: whoever is asked for an image learns who looks at it.
"""

import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from evald.contract.json_types import JsonValue
from evald.dashboard.reading import ApiObject, list_of, object_of, text_of
from evald.dashboard.texts import Text, as_line, clip

LARGEST_MEDIUM: Final = 2 * 1024 * 1024
"""Characters of base64 of one image or sound."""
LARGEST_OF_ITEM: Final = 4 * 1024 * 1024
"""Characters of base64 of all that one item shows."""
_MOST_PARTS: Final = 20
_ADDRESS_LIMIT: Final = 300
_PART_LIMIT: Final = 4_000

_NO_TEXT: Final = Text("")

PartKind = Literal["text", "image", "audio", "remote", "unshown"]

_BASE64: Final = r"([A-Za-z0-9+/]+={0,2})"
_DATA_IMAGE: Final = re.compile(rf"data:image/(png|jpe?g|gif|webp);base64,{_BASE64}", re.IGNORECASE)
_DATA: Final = re.compile(_BASE64)
# What browsers and Python read alike: no name before the host, no backslash, nothing invisible.
_WEB: Final = re.compile(
    r"https?://([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(:[0-9]{1,5})?([/?][!-\[\]-~]*)?",
    re.IGNORECASE,
)
_LONGEST_WEB: Final = 2_000
_HEAD: Final = 40
"""Characters before the base64 of an image."""
_OPENED, _CLOSED = "<image>", "</image>"


@dataclass(frozen=True)
class Part:
    """A part of a message: a text, an image or a sound with its address, or what is not shown and why.

    `host` is where a remote image is, and `why` says why a part is not shown.
    """

    kind: PartKind
    text: Text = _NO_TEXT
    address: str = ""
    host: str = ""
    media_type: str = ""
    why: str = ""


class Allowance:
    """How many characters of media an item may still put on the page."""

    def __init__(self) -> None:
        self._left = LARGEST_OF_ITEM

    def takes(self, size: int) -> bool:
        """Say whether so much still fits, and count it if it does."""
        if size > min(self._left, LARGEST_MEDIUM):
            return False
        self._left -= size
        return True


def parts_of(content: JsonValue, allowance: Allowance) -> Iterator[Part]:
    """Give a message's content in parts, the texts whole. There may be many; take what is needed."""
    if isinstance(content, list):
        for each in content:
            yield from parts_of(each, allowance)
    elif isinstance(content, str):
        yield from _parts_of_text(content, allowance)
    elif content is not None:
        yield from _part_of_object(content, allowance)


def named_only(text: str, limit: int) -> str:
    """Give a text of which the first `limit` characters name its images and do not hold them."""
    shown, done = "", 0
    while len(shown) < limit:
        start = text.find(_OPENED, done)
        end = text.find(_CLOSED, start) if start >= 0 else -1
        if end < 0:
            break
        shown += f"{text[done:start]}[image]"
        done = end + len(_CLOSED)
    return shown + text[done:]


def sound_of(message: ApiObject, allowance: Allowance) -> Iterator[Part]:
    """Give what a model said aloud in this message: the sound, and its transcript."""
    audio = object_of(message.get("audio"))
    if data := text_of(audio.get("data")):
        yield _sound(data, allowance)
    if transcript := text_of(audio.get("transcript")):
        yield Part("text", Text(transcript))


def _parts_of_text(text: str, allowance: Allowance) -> Iterator[Part]:
    """Give a text with the images that it holds as `<image>address</image>`, as items are kept."""
    done = number = 0
    while number < _MOST_PARTS and (start := text.find(_OPENED, done)) >= 0:
        end = text.find(_CLOSED, start)
        if end < 0:
            break
        if before := text[done:start]:
            yield Part("text", Text(before))
        yield _image(text[start + len(_OPENED) : end], allowance)
        done, number = end + len(_CLOSED), number + 1
    if done < len(text):
        yield Part("text", Text(text[done:]))


def _part_of_object(content: JsonValue, allowance: Allowance) -> Iterator[Part]:
    part = object_of(content)
    match part:
        case {"text": str(text)} if text:
            yield Part("text", Text(text))
        case {"type": "image_url" | "input_image", "image_url": {"url": str(url)}}:
            yield _image(url, allowance)
        case {"type": "image_url" | "input_image", "image_url": str(url)}:
            yield _image(url, allowance)
        case {"type": "input_audio", "input_audio": {"data": str(data)}}:
            yield _sound(data, allowance)
        case {"content": list(parts)}:
            yield from parts_of(list(list_of(parts)), allowance)
        case _:
            yield Part("text", as_line(content, _PART_LIMIT))


def _image(url: str, allowance: Allowance) -> Part:
    if len(url) <= _LONGEST_WEB and (web := _WEB.fullmatch(url)):
        return Part("remote", clip(url, _ADDRESS_LIMIT), url, web[1].lower())
    if len(url) > LARGEST_MEDIUM + _HEAD:
        return _unshown("An image too large to be shown here.", url)
    found = _DATA_IMAGE.fullmatch(url)
    kind = _image_kind(_first_bytes(found[2])) if found else ""
    if found is None or not kind:
        return _unshown("An image of a kind that is not shown here.", url)
    if not allowance.takes(len(found[2])):
        return _unshown("An image too large to be shown here, with the others.", url)
    return Part("image", address=f"data:{kind};base64,{found[2]}", media_type=kind)


def _sound(data: str, allowance: Allowance) -> Part:
    if len(data) > LARGEST_MEDIUM:
        return _unshown("A sound too large to be played here.", data)
    kind = _sound_kind(_first_bytes(data)) if _DATA.fullmatch(data) else ""
    if not kind:
        return _unshown("A sound of a kind that is not played here.", data)
    if not allowance.takes(len(data)):
        return _unshown("A sound too large to be played here, with the others.", data)
    return Part("audio", address=f"data:{kind};base64,{data}", media_type=kind)


def _unshown(why: str, address: str) -> Part:
    return Part("unshown", clip(address, _ADDRESS_LIMIT), why=why)


def _first_bytes(base64_text: str) -> bytes:
    first = base64_text[:24]
    return b64decode(first) if len(first) % 4 == 0 else b""


def _image_kind(first: bytes) -> str:
    """Give the media type by what the bytes are, whatever they call themselves; empty if unknown."""
    if first.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if first.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if first.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if first[:4] == b"RIFF" and first[8:12] == b"WEBP" else ""


def _sound_kind(first: bytes) -> str:
    if first[:4] == b"RIFF" and first[8:12] == b"WAVE":
        return "audio/wav"
    if first.startswith(b"OggS"):
        return "audio/ogg"
    if first.startswith(b"fLaC"):
        return "audio/flac"
    is_mp3 = first.startswith(b"ID3") or (first[:1] == b"\xff" and first[1:2] >= b"\xe0")
    return "audio/mpeg" if is_mp3 else ""
