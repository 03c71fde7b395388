"""Metadata of evals and runs, and names: what OpenAI allows (contract section 3.7)."""

from typing import Annotated

from pydantic import AfterValidator, Field

MAX_PAIRS = 16
MAX_KEY_LENGTH = 64
MAX_VALUE_LENGTH = 512
MAX_NAME_LENGTH = 1024


def _within_limits(metadata: dict[str, str]) -> dict[str, str]:
    if len(metadata) > MAX_PAIRS:
        raise ValueError(f"metadata may hold {MAX_PAIRS} pairs, not {len(metadata)}")
    for key, value in metadata.items():
        if len(key) > MAX_KEY_LENGTH:
            raise ValueError(f"the key '{key[:20]}…' is longer than {MAX_KEY_LENGTH} characters")
        if len(value) > MAX_VALUE_LENGTH:
            raise ValueError(f"the value of '{key}' is longer than {MAX_VALUE_LENGTH} characters")
    return metadata


def without_nul(text: str) -> str:
    """Give a text that both databases can look for. Raises ValueError."""
    if "\x00" in text:
        raise ValueError("it cannot hold the NUL character")
    return text


def storable(name: str) -> str:
    """Give a name that both databases can keep. Raises ValueError."""
    without_nul(name)
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(f"a name may have {MAX_NAME_LENGTH:,} characters, not {len(name):,}")
    return name


Metadata = Annotated[
    dict[str, str],
    AfterValidator(_within_limits),
    Field(
        json_schema_extra={
            "maxProperties": MAX_PAIRS,
            "propertyNames": {"maxLength": MAX_KEY_LENGTH},
            "additionalProperties": {"type": "string", "maxLength": MAX_VALUE_LENGTH},
        }
    ),
]
Name = Annotated[
    str, AfterValidator(storable), Field(json_schema_extra={"maxLength": MAX_NAME_LENGTH})
]
"""A name that both databases can keep: Postgres has no NUL in texts."""
ModelName = Annotated[str, Field(min_length=1, max_length=256), AfterValidator(storable)]
