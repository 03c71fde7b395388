"""Templates of the API: `{{ item.x }}` and `{{ sample.output_text }}` (contract section 6.1).

A template is never refused. What is not a reference into `item` or `sample` stays as it was written,
unbalanced braces too; a path that leads nowhere renders as an empty text. There are no filters,
expressions or calls, so a dataset or a model cannot make a template do anything. What all templates
of a row may cost together is limited, since nothing else is served while they are rendered.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonValue
from evald.rules import json_text

Namespaces = Mapping[str, JsonValue]
"""What a template can see: the row under `item`, the model's output under `sample`."""

MOST_CHARACTERS: Final = 64_000_000
"""What the texts of one row may have together; a search in so many takes some tenths of a second."""
PART: Final = 32
"""What each part of a template counts beside its characters: one that is empty takes time, too."""
TOO_LONG: Final = (
    f"The templates make more than {MOST_CHARACTERS:,} characters of this row, and each reference "
    f"counts {PART} beside its text."
)
MOST_PARSED: Final = 4_000_000
"""Characters of the strings in a row that are read as JSON; so many take up to half a second."""

# Both are read in one pass, however a text is made: no part of them can match the same text in two
# ways, so that a hostile template costs no more than a long one.
_PLACE = re.compile(r"\{\{([^{}]*)\}\}")
_REFERENCE = re.compile(r"\s*(item|sample)((?:\.[^\[\].]++|\[[^\[\]]*+\])*+)\s*")
_STEP = re.compile(r"\.([^\[\].]+)|\[([^\[\]]*)\]")
JSON_SPACE: Final = " \t\n\r"


class Missing:
    """The value of a path that leads nowhere; it differs from a null that the data holds."""


MISSING: Final = Missing()


class TextTooLong(ValueError):
    """The templates of a row would take too much time or memory. The message says what is too long."""


class RowNamespaces(dict[str, JsonValue]):
    """What the templates of one row see, and what they may still cost."""

    # Set for a row when it first spends something: most rows read no string, and this is the hot path.
    left: int = MOST_CHARACTERS
    _parsing_left: int = MOST_PARSED
    _known: dict[str, JsonValue | Missing] | None = None

    @staticmethod
    def of(namespaces: Namespaces) -> "RowNamespaces":
        """Give these namespaces themselves where they are a row's, so that what is spent counts on."""
        return namespaces if isinstance(namespaces, RowNamespaces) else RowNamespaces(namespaces)

    def parse(self, text: str) -> JsonValue | Missing:
        """Give the object or list that a string holds, or MISSING; each string is read once.

        Chat tool calls carry their arguments as a JSON string; clients walk on into it.
        """
        if text.lstrip(JSON_SPACE)[:1] not in ("{", "["):
            return MISSING
        if self._known is None:
            self._known = {}
        if text not in self._known:
            self._known[text] = self._parsed(text)
        return self._known[text]

    def _parsed(self, text: str) -> JsonValue | Missing:
        self._parsing_left -= len(text)
        if self._parsing_left < 0:
            raise TextTooLong(
                f"A path leads into a string of {len(text):,} characters; those that are read as JSON "
                f"may have {MOST_PARSED:,} in one row."
            )
        try:
            return json_text.parse(text.encode())
        except (json_text.BadJson, UnicodeEncodeError):
            return MISSING


@dataclass(frozen=True, slots=True)
class Path:
    """A place in the row or the sample: a namespace, then keys and indexes."""

    namespace: str
    steps: tuple[str | int, ...]

    def look_up(self, namespaces: Namespaces) -> JsonValue | Missing:
        """Give the value there, or MISSING. A string that holds JSON is walked into.

        Raises TextTooLong.
        """
        return self.value_in(RowNamespaces.of(namespaces))

    def value_in(self, row: RowNamespaces) -> JsonValue | Missing:
        """Give the value there as `look_up` does."""
        value: JsonValue | Missing = row.get(self.namespace, MISSING)
        for step in self.steps:
            if isinstance(value, str):
                value = row.parse(value)
            value = _step_into(value, step)
            if value is MISSING:
                return MISSING
        return value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places to fill in, taken apart once and rendered for every row."""

    parts: tuple[str | Path, ...]
    repeats: bool
    """Whether a path is in it more than once."""

    def render(self, namespaces: Namespaces) -> str:
        """Give the text with every reference replaced by the value it leads to.

        Raises TextTooLong before it takes the memory, and BadJson for a value that cannot be written.
        """
        row = RowNamespaces.of(namespaces)
        known: dict[Path, str] = {}
        texts: list[str] = []
        left = row.left
        try:
            for part in self.parts:
                if isinstance(part, str):
                    text = part
                elif self.repeats:
                    text = _text_at(part, row, known)
                else:
                    text = as_text(part.value_in(row))
                left -= len(text) + PART
                if left < 0:
                    raise TextTooLong(TOO_LONG)
                texts.append(text)
        finally:
            row.left = left
        return "".join(texts)


def _text_at(path: Path, row: RowNamespaces, known: dict[Path, str]) -> str:
    """Give the text of a place, and keep it for the next reference to it."""
    text = known.get(path)
    if text is None:
        text = known[path] = as_text(path.value_in(row))
    return text


def compile_template(text: str) -> Template:
    """Take a text apart at its references. Never fails."""
    parts: list[str | Path] = []
    known: dict[str, Path | None] = {}
    references = end = 0
    for place in _PLACE.finditer(text):
        inner = place.group(1)
        if inner not in known:
            known[inner] = _path(inner)
        path = known[inner]
        if path is None:
            continue
        if place.start() > end:
            parts.append(text[end : place.start()])
        parts.append(path)
        references += 1
        end = place.end()
    if end < len(text):
        parts.append(text[end:])
    return Template(tuple(parts), repeats=len(set(known.values()) - {None}) < references)


def paths_in(value: JsonValue) -> Iterator[Path]:
    """Give the references in all strings of a value, however deep they stand."""
    if isinstance(value, str):
        yield from (part for part in compile_template(value).parts if isinstance(part, Path))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from paths_in(part)


def unread_places(text: str) -> Iterator[str]:
    """Give what stands in double braces and is no reference, so that it is left as it is."""
    for place in _PLACE.finditer(text):
        if _path(place.group(1)) is None:
            yield place.group(1)


def compile_path(text: str) -> Path | None:
    """Give the path that `item.messages[0].text` names, in braces or not, or None if it is none."""
    return _path(text.strip().removeprefix("{{").removesuffix("}}"))


def _path(inner: str) -> Path | None:
    reference = _REFERENCE.fullmatch(inner)
    if reference is None:
        return None
    namespace, steps = reference.groups()
    return Path(namespace, tuple(_step(step) for step in _STEP.finditer(steps)))


def _step(match: re.Match[str]) -> str | int:
    key, index = match.group(1), match.group(2)
    if key is not None:
        return key.strip()
    number = _index(index.strip())
    return index.strip().strip("'\"") if number is None else number


def _index(text: str) -> int | None:
    # Longer ones are beyond any list, and Python refuses to read more than 4,300 digits.
    return int(text) if re.fullmatch(r"-?[0-9]{1,9}", text) else None


def _step_into(value: JsonValue | Missing, step: str | int) -> JsonValue | Missing:
    if isinstance(value, dict):
        return value.get(str(step), MISSING)
    if isinstance(value, list):
        index = _index(step) if isinstance(step, str) else step
        if index is not None and -len(value) <= index < len(value):
            return value[index]
    return MISSING


def as_text(value: JsonValue | Missing) -> str:
    """Give a value as it stands in a rendered text: strings bare, nothing for null, else JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Missing):
        return ""
    return json_text.dump(value)
