"""Rows of a data source: their form, and their fit to the eval's schema."""

from collections.abc import Iterable
from typing import Final

import jsonschema_rs

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import json_type, path_text
from evald.rules import json_text
from evald.rules.schema_cost import DEEPEST_ROW, SchemaCost, TooCostly
from evald.rules.subschemas import Unresolved

LONGEST_REASON: Final = 300
MOST_CHECKS: Final = 100_000_000
"""How often values of one row may be held against a schema: some seconds, when nothing else runs."""
MOST_EXPLAINED: Final = 50_000
"""Such times up to which the path of a misfit is looked for; that is a thousand times slower."""
DEEPEST_EXPLAINED: Final = 1_000
"""Schemas inside one another up to which this is done: some 8,000 overrun the stack of a thread."""
BACKTRACKS: Final = 100_000
"""Steps that a `pattern` of a schema may try for one string before it counts as not matching."""


class BadSchema(ValueError):
    """An item schema is no valid JSON schema, refers to something outside itself, or costs too much.

    The message goes on after the name of the schema.
    """


class BadRow(ValueError):
    """A row has no usable form or does not fit the schema. The message names row and path."""


class RowCheck:
    """The check of every row of a run against the item schema of its eval."""

    def __init__(self, item_schema: JsonObject) -> None:
        """Compile the schema. Raises BadSchema.

        Schemas come from clients: a reference to a URL or a file is refused and never fetched, and so
        is a schema that could hold a value against itself for ever.
        """
        try:
            self._cost = SchemaCost(item_schema)
        except TooCostly as error:
            raise BadSchema(f"cannot be used: {error}") from None
        except Unresolved as error:
            raise BadSchema(f"is no valid JSON schema: {error}") from None
        try:
            self._validator = jsonschema_rs.validator_for(
                item_schema,
                offline=True,
                pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            reason = str(error).split("\n", 1)[0][:LONGEST_REASON]
            raise BadSchema(f"is no valid JSON schema: {reason}") from None
        # A row has fewer values than bytes, so most rows need not be counted.
        self._longest_uncounted = MOST_CHECKS / self._cost.checks(DEEPEST_ROW)

    def checked(self, row: JsonValue, place: str) -> JsonObject:
        """Give the row with its `item` and, if it has one, its `sample`; other keys are dropped.

        `place` says where the row stands, for the message of BadRow.
        """
        if not isinstance(row, dict):
            raise BadRow(f"{place} must be an object with an 'item', not {json_type(row)}.")
        if "item" not in row:
            raise BadRow(f'{place}.item is missing: write a row as {{"item": {{…}}}}.')
        item, sample = row.get("item"), row.get("sample")
        if not isinstance(item, dict):
            raise BadRow(f"{place}.item must be an object, not {json_type(item)}.")
        if sample is not None and not isinstance(sample, dict):
            raise BadRow(f"{place}.sample must be an object, not {json_type(sample)}.")
        kept: JsonObject = {"item": item} if sample is None else {"item": item, "sample": sample}
        try:
            # First of all: a schema that follows a row 1,000 levels deep can overrun the stack.
            text = json_text.dump_bytes(kept)
        except json_text.BadJson as error:
            raise BadRow(f"{place} cannot be kept: {error}.") from None
        if len(text) > self._longest_uncounted and self._checks(item) > MOST_CHECKS:
            raise BadRow(
                f"{place}.item is too large or too deep to be held against the eval's item_schema, "
                "which applies many schemas to each of its values."
            )
        if not self._validator.is_valid(item):
            raise BadRow(self._misfit(item, place))
        return kept

    def _checks(self, item: JsonObject) -> float:
        values, depth = _values_and_depth(item)
        return values * self._cost.checks(depth)

    def _misfit(self, item: JsonObject, place: str) -> str:
        _, depth = _values_and_depth(item)
        deep = self._cost.chain * (depth + 1) > DEEPEST_EXPLAINED
        if deep or self._checks(item) > MOST_EXPLAINED:
            return f"{place}.item does not fit the eval's item_schema."
        try:
            self._validator.validate(item)
        except jsonschema_rs.ValidationError as first:
            path = path_text(tuple(first.instance_path), f"{place}.item")
            return f"{path} does not fit the eval's item_schema: {first.message[:LONGEST_REASON]}."
        raise AssertionError("a row that does not fit fits")


def _values_and_depth(item: JsonValue) -> tuple[int, int]:
    """Give how many values there are in an item, itself too, and how many levels are below it."""
    values, depth = 0, -1
    level: list[JsonValue] = [item]
    while level:
        values += len(level)
        depth += 1
        level = [inner for value in level for inner in _inside(value)]
    return values, depth


def _inside(value: JsonValue) -> Iterable[JsonValue]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
