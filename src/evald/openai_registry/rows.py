"""The rows of an eval of the registry, line by line and within bounds, and what their keys hold."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import chain
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.openai_registry.files import RegistryFiles, Unreadable, told
from evald.openai_registry.specs import Unusable, texts
from evald.rules.json_text import BadJson, parse

LONGEST_LINE: Final = 8 * 1024 * 1024
"""Bytes of a row; the longest of the package has 52,000."""
LARGEST_FILE: Final = 500 * 1000 * 1000
"""Bytes of all rows: evald takes files of 512 MiB, and each row grows by some bytes."""
POINTER: Final = b"version https://git-lfs.github.com/"
"""How a file begins that stands for another one, which git-lfs has not fetched."""


def rows_of(files: RegistryFiles, data: str) -> Iterator[tuple[int, JsonObject]]:
    """Give the rows of a data file, each with the number of its line. Raises Unusable.

    `data` is the path in the registry's folder of data.
    """
    try:
        with told(), closing(files.opened(f"registry/data/{data}")) as file:
            size = number = 0
            while line := file.readline(LONGEST_LINE + 1):
                number += 1
                size += len(line)
                if number == 1 and line.startswith(POINTER):
                    raise Unusable(f"{data} is not there: git-lfs has left a pointer in its place")
                if len(line) > LONGEST_LINE or size > LARGEST_FILE:
                    raise Unusable(f"{data}, line {number}: it is too large")
                if line.strip():
                    yield number, _row(line, data, number)
    except Unreadable as error:
        raise Unusable(f"{data} cannot be read: {error}") from None


def _row(line: bytes, data: str, number: int) -> JsonObject:
    try:
        row = parse(line)
    except BadJson as error:
        raise Unusable(f"{data}, line {number} is no JSON: {error}") from None
    if not isinstance(row, dict):
        raise Unusable(f"{data}, line {number} is no object")
    return row


# What keys hold

TEXT: Final = "text"
CHAT: Final = "chat"
ONE: Final = "one"
"""A list of one text."""
SOME: Final = "some"
"""A list of texts, of another number."""


def kind_of_input(row: JsonObject) -> str:
    """Say whether a row's input is a text or a chat. Raises Unusable."""
    if "input" not in row:
        raise Unusable("a row has no 'input'")
    return kind_of_prompt(row["input"])


def kind_of_prompt(value: JsonValue) -> str:
    """Say whether a prompt is a text or a chat. Raises Unusable."""
    if isinstance(value, str):
        return TEXT
    if not isinstance(value, list) or not value or not all(_is_message(each) for each in value):
        raise Unusable("the input of a row is neither a text nor a list of messages")
    return CHAT


def _is_message(value: JsonValue) -> bool:
    match value:
        case {"role": str(role), "content": str()}:
            return bool(role)
    return False


def messages_in(value: JsonValue) -> list[JsonObject]:
    """Give a prompt as messages. A text is what the system says, as openai/evals sends it."""
    if isinstance(value, str):
        return [{"role": "system", "content": value}]
    assert isinstance(value, list)
    return [each for each in value if isinstance(each, dict)]


def kind_of_ideal(row: JsonObject) -> str:
    """Say what a row's right answers are: a text, a list of one, or of some. Raises Unusable."""
    match row.get("ideal"):
        case str():
            return TEXT
        case [str()]:
            return ONE
        case list(ideals) if texts(ideals):
            return SOME
    raise Unusable("the 'ideal' of a row is neither a text nor a list of texts")


def ideals_of(row: JsonObject) -> list[str]:
    """Give a row's right answers. Raises Unusable."""
    kind_of_ideal(row)
    ideal = row["ideal"]
    return [
        each for each in (ideal if isinstance(ideal, list) else [ideal]) if isinstance(each, str)
    ]


_TEXT_SCHEMA: Final[JsonObject] = {"type": "string"}
_MESSAGE: Final[JsonObject] = {
    "type": "object",
    "properties": {"role": {"type": "string"}, "content": {"type": "string"}},
    "required": ["role", "content"],
}
_CHAT_SCHEMA: Final[JsonObject] = {"type": "array", "items": _MESSAGE, "minItems": 1}
_TEXTS_SCHEMA: Final[JsonObject] = {"type": "array", "items": {"type": "string"}}
_SCHEMAS: Final = {TEXT: _TEXT_SCHEMA, CHAT: _CHAT_SCHEMA, ONE: _TEXTS_SCHEMA, SOME: _TEXTS_SCHEMA}


def schema_of(kinds: Iterable[str]) -> JsonObject:
    """Give the JSON schema of a key that holds any of these kinds."""
    forms: list[JsonObject] = []
    for kind in sorted(kinds):
        if _SCHEMAS[kind] not in forms:
            forms.append(_SCHEMAS[kind])
    return forms[0] if len(forms) == 1 else {"anyOf": list(forms)}


def object_schema(properties: JsonObject) -> JsonObject:
    """Give the JSON schema of an object with these keys, and maybe others."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_PREFIXES: Final = {"system": "", "example_user": "User: ", "example_assistant": "Assistant: "}


def prompt_as_text(messages: list[JsonObject]) -> str:
    """Give a chat as a judge is shown it: who speaks and what, a line for each; one message bare."""
    if len(messages) == 1:
        return str(messages[0]["content"])
    lines = chain.from_iterable(
        (_speaker(message), str(message["content"]), "\n") for message in messages
    )
    return "".join(lines).lstrip()


def _speaker(message: JsonObject) -> str:
    name = str(message["name"] if "name" in message else message["role"])
    return _PREFIXES.get(name, f"{name.capitalize()}: ")
