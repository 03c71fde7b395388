"""Rows of a data source: their form, and their fit to the eval's schema."""

from typing import Final

import jsonschema_rs

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import json_type, path_text
from evald.rules import json_text

LONGEST_REASON: Final = 300
BACKTRACKS: Final = 100_000
"""Steps that a `pattern` of a schema may try for one string before it counts as not matching."""


class BadSchema(ValueError):
    """An item schema is no valid JSON schema, or refers to something outside itself."""


class BadRow(ValueError):
    """A row has no usable form or does not fit the schema. The message names row and path."""


class RowCheck:
    """The check of every row of a run against the item schema of its eval."""

    def __init__(self, item_schema: JsonObject) -> None:
        """Compile the schema. Raises BadSchema.

        Schemas come from clients: a reference to a URL or a file is refused and never fetched.
        """
        try:
            self._validator = jsonschema_rs.validator_for(
                item_schema,
                offline=True,
                pattern_options=jsonschema_rs.FancyRegexOptions(backtrack_limit=BACKTRACKS),
            )
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
            raise BadSchema(str(error).split("\n", 1)[0][:LONGEST_REASON]) from None

    def checked(self, row: JsonValue, place: str) -> JsonObject:
        """Give the row with its `item` and, if it has one, its `sample`; other keys are dropped.

        `place` says where the row stands, for the message of BadRow.
        """
        if not isinstance(row, dict):
            raise BadRow(f"{place} must be an object with an 'item', not {json_type(row)}.")
        item, sample = row.get("item"), row.get("sample")
        if not isinstance(item, dict):
            raise BadRow(f"{place}.item must be an object, not {json_type(item)}.")
        if sample is not None and not isinstance(sample, dict):
            raise BadRow(f"{place}.sample must be an object, not {json_type(sample)}.")
        kept: JsonObject = {"item": item} if sample is None else {"item": item, "sample": sample}
        try:
            # First of all: a schema that follows a row 1,000 levels deep can overrun the stack.
            json_text.dump_bytes(kept)
        except json_text.BadJson as error:
            raise BadRow(f"{place} cannot be kept: {error}.") from None
        if not self._validator.is_valid(item):
            raise BadRow(self._misfit(item, place))
        return kept

    def _misfit(self, item: JsonObject, place: str) -> str:
        first = next(iter(self._validator.iter_errors(item)))
        path = path_text(tuple(first.instance_path), f"{place}.item")
        return f"{path} does not fit the eval's item_schema: {first.message[:LONGEST_REASON]}."
