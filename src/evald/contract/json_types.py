"""JSON as Python holds it: the type of items, samples, schemas and metadata."""

from typing import Annotated, TypeAlias

from pydantic import JsonValue, SkipValidation

JsonObject: TypeAlias = dict[str, JsonValue]

ParsedJson: TypeAlias = Annotated[JsonValue, SkipValidation]
"""A value in a request that came out of the JSON parser, so there is nothing left to check."""

__all__ = ["JsonObject", "JsonValue", "ParsedJson"]
