"""The columns of a table of output items, named by where their values stand in an item."""

import csv
from collections import Counter
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
MOST_PARTS: Final = 50
"""Names with dots between them in the name of a column that is none of those had unasked."""

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
    "sub_results": "text",
    "clamped": "truth",
}
"""What results have of the API, and what evald's graders add."""
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
    """What columns the items of a run can have. It is of the eval alone, whatever the items are."""

    criteria: Sequence[Criterion]
    item_schema: JsonObject
    """That of the eval, by which the fields of an item have their kinds."""

    def default(self) -> list[Column]:
        """Give the columns of a table where none are asked for."""
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
        times = Counter(names)
        twice = next((name for name in names if times[name] > 1), None)
        if twice is not None:
            raise _wrong(f"The column {twice[:80]!r} is named twice.")
        # First those had unasked, so that the first line of a CSV means the same columns again.
        unasked = {column.name: column for column in self.default()}
        return [unasked.get(name) or self._column(name) for name in names]

    def _column(self, name: str) -> Column:
        if name in FIXED:
            return Column(name, FIXED[name], SPECIAL.get(name) or _at(name.split(".")))
        place, _, rest = name.partition(".")
        is_of_item = place in ("item", "datasource_item") and place != name
        if is_of_item and ("." not in rest or rest in self._properties):
            return Column(name, _kind(self._properties.get(rest)), _at(["datasource_item", rest]))
        if name.count(".") >= MOST_PARTS:
            raise _wrong(f"The column {name[:80]!r} has more than {MOST_PARTS} parts.")
        if is_of_item:
            return Column(name, "text", _inside(rest))
        if place == "results" and (found := find_criterion(self.criteria, rest)):
            return self._of_result(name, *found)
        if name.startswith(DEEP):
            return Column(name, "text", _at(name.split(".")))
        raise self._unknown(name)

    def _of_result(self, name: str, criterion: Criterion, rest: str | None) -> Column:
        keys = tuple(rest.split(".")) if rest is not None else ()
        if keys and keys[0] not in OF_RESULTS:
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

    def _known(self) -> Iterator[str]:
        yield from FIXED
        for criterion in self.criteria:
            yield f"results.{criterion.label}"
            yield from (f"results.{criterion.label}.{key}" for key in OF_RESULTS)
        yield from (f"item.{key}" for key in self._properties)

    def _unknown(self, name: str) -> BadRequest:
        # Only beginnings are compared: it takes time by the square of their length.
        known = {each[:80]: each for each in islice(self._known(), MOST_COLUMNS)}
        (near,) = get_close_matches(name[:80], list(known), n=1, cutoff=0)
        return _wrong(f"There is no column {name[:80]!r}. The nearest is {known[near][:200]!r}.")


def _names(text: str) -> list[str]:
    try:
        (names,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError):
        raise _wrong(
            "The columns are names with commas between them, in quotes where a name has one."
        ) from None
    if not names:
        raise _wrong("No column is named.")
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


def _inside(rest: str) -> Value:
    """Give what an item has at a path. Keys may have dots themselves: the longest key is meant."""
    parts = rest.split(".")
    keys = [(".".join(parts[:end]), end) for end in range(len(parts), 0, -1)]

    def value(item: JsonObject) -> JsonValue:
        fields = item.get("datasource_item")
        if isinstance(fields, dict):
            for key, end in keys:
                if key in fields:
                    return value_at(fields[key], parts[end:])
        return None

    return value


def _kind(schema: JsonValue) -> Kind:
    """Give the kind of a field by its schema: text where that names no single plain type."""
    types = schema.get("type") if isinstance(schema, dict) else None
    plain = [each for each in types if each != "null"] if isinstance(types, list) else [types]
    return _OF_SCHEMA.get(str(plain[0]), "text") if len(plain) == 1 else "text"
