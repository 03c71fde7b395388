"""The eval: its requests and its object (contract sections 2.1 and 3.1)."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from evald.contract.data_source_configs import DataSourceConfig
from evald.contract.graders import Criterion
from evald.contract.json_types import JsonObject
from evald.contract.metadata import Metadata, Name
from evald.contract.projects import ProjectId
from evald.contract.validation import RequestModel

MAX_CRITERIA = 100


class CreateEval(RequestModel):
    """The body of `POST /evals`."""

    name: Name | None = None
    metadata: Metadata | None = None
    data_source_config: DataSourceConfig
    testing_criteria: Annotated[list[Criterion], Field(max_length=MAX_CRITERIA)]


class UpdateEval(RequestModel):
    """The body of `POST /evals/{eval_id}`: an absent key changes nothing, null clears."""

    name: Name | None = None
    metadata: Metadata | None = None


@dataclass(frozen=True, slots=True)
class Eval:
    """An eval as it is kept. Times are whole Unix seconds."""

    id: str
    project_id: ProjectId
    name: str
    created_at: int
    updated_at: int
    data_source_config: JsonObject
    testing_criteria: list[JsonObject]
    metadata: dict[str, str] | None

    def as_json(self) -> JsonObject:
        """Give the wire form; the time of the last change is not part of it."""
        return {
            "object": "eval",
            "id": self.id,
            "name": self.name,
            "created_at": self.created_at,
            "data_source_config": self.data_source_config,
            "testing_criteria": list(self.testing_criteria),
            "metadata": dict(self.metadata) if self.metadata is not None else None,
        }
