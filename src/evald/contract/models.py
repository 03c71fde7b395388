"""Models, as the endpoints list them."""

from typing import Literal

from pydantic import ConfigDict
from typing_extensions import TypedDict


class ModelObject(TypedDict):
    """A model; its endpoint says the rest."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    id: str


class ModelList(TypedDict):
    """The models of all providers."""

    object: Literal["list"]
    data: list[ModelObject]
