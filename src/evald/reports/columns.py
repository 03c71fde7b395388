"""The columns of a table of output items, named by where their values stand in an item."""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from itertools import islice
from typing import Final, Literal, TypeAlias

from evald.contract.json_types import JsonObject, JsonValue
from evald.errors import BadRequest
from evald.reports.criteria import Criterion, find_criterion
from evald.reports.values import first_error, output_text, value_at

Kind: TypeAlias = Literal["text", "integer", "number", "truth"]
Value: TypeAlias = Callable[[JsonObject], JsonValue]

MOST_COLUMNS: Final = 1000
MOST_ITEM_COLUMNS: Final = 100
"""Fields of an item that have a column of their own unasked; where there are more, the item has one."""

FIXED: Final[Mapping[str, Kind]] = {
    "id": "text",
    "object": "text",
    "created_at": "integer",
    "run_id": "text",
    "eval_id": "text",
    "status": "text",
    "datasource_item_id": "integer",
    "item": "text",
    "_datasource_item_content_hash": "text",
    "results": "text",
    "error": "text",
    "sample": "text",
    "sample.input": "text",
    "sample.output": "text",
    "sample.output_text": "text",
    "sample.finish_reason": "text",
    "sample.model": "text",
    "sample.usage": "text",
    "sample.usage.total_tokens": "integer",
    "sample.usage.completion_tokens": "integer",
    "sample.usage.prompt_tokens": "integer",
    "sample.usage.cached_tokens": "integer",
    "sample.error": "text",
    "sample.error.code": "text",
    "sample.error.message": "text",
    "sample.temperature": "number",
    "sample.top_p": "number",
    "sample.seed": "integer",
    "sample.max_completion_tokens": "integer",
    "sample.max_completions_tokens": "integer",
    "evald": "text",
    "evald.latency_ms": "number",
    "evald.attempts": "integer",
    "evald.judge_usage": "text",
    "evald.asked_by": "text",
}
"""The columns that every run has."""
DEEP: Final = ("sample.input.", "sample.output.", "evald.judge_usage.")
"""Lists of objects, in which a path may go on."""
OF_RESULTS: Final[Mapping[str, Kind]] = {
    "passed": "truth",
    "score": "number",
    "label": "text",
    "error": "text",
    "name": "text",
    "type": "text",
    "sample": "text",
}
SPECIAL: Final[Mapping[str, Value]] = {
    "item": lambda item: item.get("datasource_item"),
    "sample.output_text": output_text,
    "error": first_error,
}
_OF_SCHEMA: Final[Mapping[str, Kind]] = {
    "integer": "integer",
    "number": "number",
    "boolean": "truth",
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    name: str
    kind: Kind
    """What its values are where they are what they should be; text also stands for any JSON."""
    value: Value


@dataclass(frozen=True)
class Choice:
    """What columns the items of a run can have."""

    criteria: Sequence[Criterion]
    item_schema: JsonObject
    """That of the eval, by which the fields of an item have their kinds."""
    seen: Sequence[JsonObject]
    """The first items, by which fields are known that no schema names."""

    def default(self) -> list[Column]:
        """Give the columns of a table where none are asked for; they do not depend on the items."""
        fields = [f"item.{key}" for key in self._properties]
        if not fields or len(fields) > MOST_ITEM_COLUMNS:
            fields = ["item"]
        usage = [f"sample.usage.{word}_tokens" for word in ("prompt", "completion", "total")]
        first = ["id", "datasource_item_id", "status", *fields, "sample.output_text"]
        last = ["error", "sample.model", *usage, "evald.latency_ms", "evald.attempts"]
        return [
            *map(self._column, first),
            *(
                self._of_result(f"results.{each.label}.{part}", each, part)
                for each in self.criteria
                for part in ("passed", "score", "label")
                if part != "label" or each.type == "label_model"
            ),
            *map(self._column, last),
        ]

    def chosen(self, text: str) -> list[Column]:
        """Give the columns that a list names, written as a line of CSV. Raises BadRequest."""
        names = _names(text)
        twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
        if twice is not None:
            raise _wrong(f"The column {twice[:80]!r} is named twice.")
        return [self._column(name) for name in names]

    def _column(self, name: str) -> Column:
        if name in FIXED:
            return Column(name, FIXED[name], SPECIAL.get(name) or _at(name.split(".")))
        place, _, rest = name.partition(".")
        if place in ("item", "datasource_item"):
            return self._of_item(name, rest)
        if place == "results" and (found := find_criterion(self.criteria, rest)):
            return self._of_result(name, *found)
        if name.startswith(DEEP):
            return Column(name, "text", _at(name.split(".")))
        raise self._unknown(name)

    def _of_item(self, name: str, rest: str) -> Column:
        keys = self._item_keys
        # A key may have dots itself.
        key = max((key for key in keys if _begins(rest, key)), key=len, default=None)
        if key is None:
            if keys or "." not in name:
                raise self._unknown(name)
            key = rest.split(".")[0]
        deeper = rest[len(key) + 1 :].split(".") if len(rest) > len(key) else []
        kind = "text" if deeper else _kind(self._properties.get(key))
        return Column(name, kind, _at(["datasource_item", key, *deeper]))

    def _of_result(self, name: str, criterion: Criterion, rest: str | None) -> Column:
        keys = tuple(rest.split(".")) if rest is not None else ()
        seen = (criterion.result_in(item) or {} for item in self.seen)
        if keys and keys[0] not in OF_RESULTS and not any(keys[0] in each for each in seen):
            raise self._unknown(name)
        kind = OF_RESULTS.get(rest or "", "text")
        return Column(name, kind, lambda item: criterion.value_in(item, keys))

    @cached_property
    def _properties(self) -> dict[str, JsonValue]:
        """The fields that the schema names, each with its own schema or None."""
        properties, required = self.item_schema.get("properties"), self.item_schema.get("required")
        named = properties if isinstance(properties, dict) else {}
        needed = required if isinstance(required, list) else []
        return {**named, **{str(key): None for key in needed if key not in named}}

    @cached_property
    def _item_keys(self) -> dict[str, None]:
        keys = dict.fromkeys(self._properties)
        for item in self.seen:
            fields = item.get("datasource_item")
            keys |= dict.fromkeys(fields) if isinstance(fields, dict) else {}
        return keys

    def _known(self) -> Iterator[str]:
        yield from FIXED
        yield from (f"item.{key}" for key in self._item_keys)
        for criterion in self.criteria:
            yield f"results.{criterion.label}"
            yield from (f"results.{criterion.label}.{key}" for key in OF_RESULTS)

    def _unknown(self, name: str) -> BadRequest:
        near = get_close_matches(
            name[:200], list(islice(self._known(), MOST_COLUMNS)), n=1, cutoff=0
        )
        return _wrong(f"There is no column {name[:80]!r}. The nearest is {near[0][:200]!r}.")


def _names(text: str) -> list[str]:
    try:
        (names,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise _wrong(
            "The columns are names with commas between them, in quotes where a name has one."
        ) from None
    if len(names) > MOST_COLUMNS:
        raise _wrong(f"More than {MOST_COLUMNS:,} columns are named.")
    return names


def _wrong(message: str) -> BadRequest:
    return BadRequest(message, param="columns", code="invalid_value")


def _at(keys: Sequence[str]) -> Value:
    if len(keys) == 1:
        key = keys[0]
        return lambda item: item.get(key)
    return lambda item: value_at(item, keys)


def _begins(rest: str, key: str) -> bool:
    return rest == key or rest.startswith(f"{key}.")


def _kind(schema: JsonValue) -> Kind:
    """Give the kind of a field by its schema: text where that names no single plain type."""
    types = schema.get("type") if isinstance(schema, dict) else None
    plain = [each for each in types if each != "null"] if isinstance(types, list) else [types]
    return _OF_SCHEMA.get(str(plain[0]), "text") if len(plain) == 1 else "text"
