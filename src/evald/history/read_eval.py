"""What an archived eval asks for: read as a new eval's is, and kept as it came where that fails.

An eval is history also where it asks for something that is unknown here, so nothing of it refuses it;
what cannot be graded is told, and a run is refused because of it.
"""

import uuid
from collections.abc import Sequence

from evald.contract.data_source_configs import (
    CustomConfig,
    LogsConfig,
    item_schema_of,
    kept_config,
)
from evald.contract.graders import kept_criterion
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import json_type, read_request
from evald.errors import BadRequest
from evald.graders.usable import usable_criterion
from evald.rules.rows import BadSchema, RowCheck


def read_data_source_config(config: JsonObject) -> tuple[JsonObject, list[str]]:
    """Give a config as an eval shows it, and why no row can be held against it."""
    try:
        kept = _kept_config(config)
    except BadRequest as error:
        return config, [f"Its data_source_config cannot be used here. {error.message}"]
    try:
        RowCheck(item_schema_of(kept))
    except BadSchema as error:
        return kept, [f"Its item_schema {error}."]
    return kept, []


def _kept_config(config: JsonObject) -> JsonObject:
    """Give the config with the schema that it came with, which may say more of a sample than evald's."""
    schema = config.get("schema")
    match config:
        case {"type": "custom", "schema": {"properties": {"item": dict(item_schema)}}}:
            read_request(CustomConfig, {"type": "custom", "item_schema": item_schema})
            return {"type": "custom", "schema": schema}
        case {"type": "custom"}:
            return kept_config(read_request(CustomConfig, config))
        case {"type": "logs" | "stored_completions"}:
            kept = kept_config(read_request(LogsConfig, config))
            return {**kept, "schema": schema} if isinstance(schema, dict) else kept
    raise BadRequest(f"Its type {_shown(config.get('type'))} is unknown.")


def _shown(value: JsonValue) -> str:
    return f"'{value[:80]}'" if isinstance(value, str) else json_type(value)


def read_criteria(
    criteria: Sequence[JsonObject], eval_id: str
) -> tuple[list[JsonObject], list[str]]:
    """Give criteria as an eval shows them, with the ids that they came with, and what is wrong."""
    kept, faults = [], []
    for number, criterion in enumerate(criteria):
        place = f"testing_criteria[{number}]"
        criterion_id = _criterion_id(criterion, f"{eval_id}/{number}")
        try:
            kept.append(kept_criterion(usable_criterion(criterion, place), criterion_id))
        except BadRequest as error:
            kept.append({**criterion, "id": criterion_id})
            faults.append(f"It has a criterion that cannot be graded here. {error.message}")
    return kept, faults


def _criterion_id(criterion: JsonObject, of_place: str) -> str:
    """Give the id of a criterion. One that came without it has the same one in every import."""
    given = criterion.get("id")
    if isinstance(given, str) and given:
        return given
    name = criterion.get("name")
    mark = uuid.uuid5(uuid.NAMESPACE_URL, of_place)
    return f"{name[:1024]}-{mark}" if isinstance(name, str) else str(mark)
