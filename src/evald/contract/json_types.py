"""JSON as Python holds it: the type of items, samples, schemas and metadata."""

from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler, JsonValue, SkipValidation
from pydantic_core import CoreSchema

JsonObject: TypeAlias = dict[str, JsonValue]

ParsedJson: TypeAlias = Annotated[JsonValue, SkipValidation]
"""A value in a request that came out of the JSON parser, so there is nothing left to check."""


class DescribedAs:
    """Annotates JSON that is shown as it was kept: the API's description gives it the form of `kind`.

    What was read as `kind` is kept in a form that can be read as `kind` again, so one type says both.
    """

    def __init__(self, kind: object) -> None:
        self.kind = kind

    def __get_pydantic_core_schema__(self, _: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Give the schema of that form."""
        return handler.generate_schema(self.kind)


__all__ = ["DescribedAs", "JsonObject", "JsonValue", "ParsedJson"]
