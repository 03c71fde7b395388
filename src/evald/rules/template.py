"""Templates of the API: `{{ item.x }}` and `{{ sample.output_text }}` (contract section 6.1).

A template is never refused. What is not a reference into `item` or `sample` stays as it was written,
unbalanced braces too; a path that leads nowhere renders as an empty text. There are no filters,
expressions or calls, so a dataset or a model cannot make a template do anything.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonValue
from evald.rules import json_text

Namespaces = Mapping[str, JsonValue]
"""What a template can see: the row under `item`, the model's output under `sample`."""

# Both are read in one pass, however a text is made: no part of them can match the same text in two
# ways, so that a hostile template costs no more than a long one.
_PLACE = re.compile(r"\{\{([^{}]*)\}\}")
_REFERENCE = re.compile(r"\s*(item|sample)((?:\.[^\[\].]++|\[[^\[\]]*+\])*+)\s*")
_STEP = re.compile(r"\.([^\[\].]+)|\[([^\[\]]*)\]")


class Missing:
    """The value of a path that leads nowhere; it differs from a null that the data holds."""


MISSING: Final = Missing()


@dataclass(frozen=True, slots=True)
class Path:
    """A place in the row or the sample: a namespace, then keys and indexes."""

    namespace: str
    steps: tuple[str | int, ...]

    def look_up(self, namespaces: Namespaces) -> JsonValue | Missing:
        """Give the value there, or MISSING. A string that holds JSON is walked into."""
        value: JsonValue | Missing = namespaces.get(self.namespace, MISSING)
        for step in self.steps:
            value = _step_into(value, step)
            if value is MISSING:
                return MISSING
        return value


@dataclass(frozen=True, slots=True)
class Template:
    """A text with places to fill in, taken apart once and rendered for every row."""

    parts: tuple[str | Path, ...]

    def render(self, namespaces: Namespaces) -> str:
        """Give the text with every reference replaced by the value it leads to."""
        return "".join(
            part if isinstance(part, str) else as_text(part.look_up(namespaces))
            for part in self.parts
        )


def compile_template(text: str) -> Template:
    """Take a text apart at its references. Never fails."""
    parts: list[str | Path] = []
    end = 0
    for place in _PLACE.finditer(text):
        path = _path(place.group(1))
        if path is None:
            continue
        if place.start() > end:
            parts.append(text[end : place.start()])
        parts.append(path)
        end = place.end()
    if end < len(text):
        parts.append(text[end:])
    return Template(tuple(parts))


def paths_in(value: JsonValue) -> Iterator[Path]:
    """Give the references in all strings of a value, however deep they stand."""
    if isinstance(value, str):
        yield from (part for part in compile_template(value).parts if isinstance(part, Path))
    elif isinstance(value, dict | list):
        for part in value.values() if isinstance(value, dict) else value:
            yield from paths_in(part)


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
    if isinstance(value, str):
        value = _parsed(value)
    if isinstance(value, dict):
        return value.get(str(step), MISSING)
    if isinstance(value, list):
        index = _index(step) if isinstance(step, str) else step
        if index is not None and -len(value) <= index < len(value):
            return value[index]
    return MISSING


def _parsed(text: str) -> JsonValue | Missing:
    """Chat tool calls carry their arguments as a JSON string; clients walk on into it."""
    try:
        return json_text.parse(text.encode())
    except (json_text.BadJson, UnicodeEncodeError):
        return MISSING


def as_text(value: JsonValue | Missing) -> str:
    """Give a value as it stands in a rendered text: strings bare, nothing for null, else JSON."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, Missing):
        return ""
    return json_text.dump(value)
