"""What the items of an eval look like: requests and answers differ (contract section 4)."""

from typing import Annotated, Literal, TypeAlias, cast

from pydantic import Field
from typing_extensions import TypedDict

from evald.contract.json_types import JsonObject, JsonValue, ParsedJson
from evald.contract.validation import RequestModel


class CustomConfig(RequestModel):
    """Items of the caller's own shape, given as a JSON schema."""

    type: Literal["custom"]
    item_schema: dict[str, ParsedJson]
    include_sample_schema: bool = False


class LogsConfig(RequestModel):
    """Items taken from captured traffic."""

    type: Literal["logs", "stored_completions"]
    metadata: dict[str, ParsedJson] | None = None


DataSourceConfig: TypeAlias = Annotated[CustomConfig | LogsConfig, Field(discriminator="type")]


class CustomConfigObject(TypedDict):
    """A `custom` config as its eval shows it."""

    type: Literal["custom"]
    schema: JsonObject


class LogsConfigObject(TypedDict):
    """A config of captured traffic as its eval shows it."""

    type: Literal["logs", "stored_completions"]
    metadata: JsonObject | None
    schema: JsonObject


DataSourceConfigObject: TypeAlias = Annotated[
    CustomConfigObject | LogsConfigObject, Field(discriminator="type")
]


def kept_config(config: CustomConfig | LogsConfig) -> JsonObject:
    """Give a config as its eval shows it: the schema of a whole row, with item and sample."""
    kept: DataSourceConfigObject
    if isinstance(config, CustomConfig):
        schema = _row_schema(config.item_schema, with_sample=config.include_sample_schema)
        kept = {"type": config.type, "schema": schema}
    else:
        schema = _row_schema({"type": "object"}, with_sample=True)
        kept = {"type": config.type, "metadata": config.metadata, "schema": schema}
    return cast("JsonObject", kept)


def _row_schema(item_schema: JsonObject, *, with_sample: bool) -> JsonObject:
    properties: JsonObject = {"item": item_schema}
    required: list[JsonValue] = ["item"]
    if with_sample:
        properties["sample"] = {"type": "object"}
        required.append("sample")
    return {"type": "object", "properties": properties, "required": required}


def item_schema_of(kept: JsonObject) -> JsonObject:
    """Give the schema that every item of the eval must fit."""
    match kept:
        case {"schema": {"properties": {"item": dict(item_schema)}}}:
            return item_schema
    return {}
