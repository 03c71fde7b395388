"""What an object of an archive is, told by what it holds and not by where it lies (pure)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

import orjson

from evald.archive.reading.json_pieces import Place, RawJson, is_looked_into

_LINE_BREAKS: Final = bytes.maketrans(b"\r\n", b"  ")


class Kind(StrEnum):
    """The objects that an archive may hold."""

    EVAL = "eval"
    RUN = "run"
    ITEM = "output item"
    FILE = "file"
    COMPLETION = "stored completion"
    ROW = "row"
    """A row of a file, whose item is in it."""
    MESSAGE = "message"
    """What a stored completion was asked."""
    MANIFEST = "manifest"
    """What a pull says of itself."""
    GAP = "gap"
    """What a pull could not have, in its own words."""
    WRAPPING = "wrapping"
    """An object that other objects are in, and which is nothing by itself."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Record:
    """An object of an archive."""

    kind: Kind
    value: Mapping[str, Any]
    raw: bytes
    """Its JSON as the archive has it."""
    where: str
    """Its file."""
    place: Place

    @property
    def id(self) -> str | None:
        """Its id, None when it has none."""
        return text_of(self.value, "id")

    def line(self) -> bytes:
        """Give it as a line of JSON Lines: between tokens a line break is a space."""
        return self.raw.translate(_LINE_BREAKS)


@dataclass(frozen=True, slots=True)
class Broken:
    """A part of an archive that is not taken."""

    where: str
    """Its file."""
    place: Place | None
    """Where in it; None when it is the whole file."""
    reason: str
    id: str | None = None


def text_of(value: Mapping[str, Any], key: str) -> str | None:
    """Give a text of an object, None when there is none of at most 256 characters."""
    found = value.get(key)
    return found if isinstance(found, str) and 0 < len(found) <= 256 else None


def record_of(found: RawJson, where: str) -> Record | Broken:
    """Give what an object of a text is, or why it is nothing."""
    if not found.is_whole:
        return Broken(where, found.place, "it is larger than an object may be", _id_in(found.raw))
    try:
        value = found.value or orjson.loads(found.raw)
    except orjson.JSONDecodeError as error:
        return Broken(where, found.place, f"it is not valid JSON: {error}", _id_in(found.raw))
    return _as_record(value, found, where)


def _as_record(value: dict[str, Any], found: RawJson, where: str) -> Record:
    raw = found.raw
    if found.has_parts:
        value = {key: part for key, part in value.items() if not _was_part(key, part)}
        raw = orjson.dumps(value)
    kind = kind_of(value)
    if kind is Kind.UNKNOWN and found.has_parts:
        kind = Kind.WRAPPING
    return Record(kind, value, raw, where, found.place)


def _was_part(key: str, part: object) -> bool:
    return part is None and is_looked_into(key)


def _id_in(raw: bytes) -> str | None:
    """Give the id of an object that cannot be parsed, if it is one of the API's."""
    begin, _, rest = raw.partition(b'"id"')
    value = rest.lstrip(b" \t\r\n:")[:256].split(b'"')
    is_id = bool(rest) and len(begin) < 4096 and len(value) > 2
    return value[1].decode(errors="replace") if is_id else None


def kind_of(value: Mapping[str, Any]) -> Kind:
    """Say what an object is."""
    named = value.get("object")
    if isinstance(named, str) and named in _NAMED:
        return _NAMED[named]
    if "id" in value or "run_id" in value:
        return _kind_by_keys(value)
    if value.get("format") == "evald archive":
        return Kind.MANIFEST
    if value.keys() <= {"path", "id", "after", "reason"} and "reason" in value:
        return Kind.GAP
    if isinstance(value.get("item"), dict):
        return Kind.ROW
    return Kind.UNKNOWN


_NAMED: Final = {
    "eval": Kind.EVAL,
    "eval.run": Kind.RUN,
    "eval.run.output_item": Kind.ITEM,
    "file": Kind.FILE,
    "chat.completion": Kind.COMPLETION,
    "list": Kind.WRAPPING,
}


def _kind_by_keys(value: Mapping[str, Any]) -> Kind:
    if "reason" in value and "path" in value:
        return Kind.GAP
    if "testing_criteria" in value and "data_source_config" in value:
        return Kind.EVAL
    if "run_id" in value and ("results" in value or "datasource_item" in value):
        return Kind.ITEM
    if "eval_id" in value and "data_source" in value:
        return Kind.RUN
    if "role" in value and "content" in value:
        return Kind.MESSAGE
    return Kind.UNKNOWN
