"""The eval: its requests and its object (contract sections 2.1 and 3.1)."""

from dataclasses import dataclass
from typing import Annotated, Literal, NotRequired, cast

from pydantic import Field
from typing_extensions import TypedDict

from evald.contract.data_source_configs import DataSourceConfig, DataSourceConfigObject
from evald.contract.graders import Criterion, CriterionObject
from evald.contract.json_types import DescribedAs, JsonObject
from evald.contract.metadata import Metadata, Name
from evald.contract.pages import Page
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


class ImportedEvalObject(TypedDict):
    """That an eval was imported: when, and whether it was put together from its output items alone."""

    at: int
    reconstructed: bool


class EvalExtras(TypedDict):
    """What evald adds to an eval that was not made here."""

    imported: ImportedEvalObject


class EvalObject(TypedDict):
    """An eval as it is answered; one that was imported may have more keys, as they came."""

    object: Literal["eval"]
    id: str
    name: str
    created_at: int
    data_source_config: Annotated[JsonObject, DescribedAs(DataSourceConfigObject)]
    testing_criteria: list[CriterionObject]
    metadata: dict[str, str] | None
    evald: NotRequired[EvalExtras]


class EvalPage(Page):
    """A page of evals."""

    data: list[EvalObject]


class DeletedEval(TypedDict):
    """The answer to a delete."""

    object: Literal["eval.deleted"]
    deleted: bool
    eval_id: str


@dataclass(frozen=True, slots=True)
class ImportedEval:
    """How an eval came here that was made elsewhere."""

    at: int
    """Whole Unix seconds."""
    reconstructed: bool
    """Whether it was put together from its output items alone; what it asks for is not known then."""
    extras: JsonObject
    """The keys that it came with and that mean nothing here."""


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
    imported: ImportedEval | None = None

    def as_json(self) -> EvalObject:
        """Give the wire form; the time of the last change is not part of it."""
        shown = self._known_keys()
        imported = self.imported
        if imported is None:
            return shown
        shown["evald"] = {"imported": {"at": imported.at, "reconstructed": imported.reconstructed}}
        return cast("EvalObject", {**imported.extras, **shown})

    def _known_keys(self) -> EvalObject:
        return {
            "object": "eval",
            "id": self.id,
            "name": self.name,
            "created_at": self.created_at,
            "data_source_config": self.data_source_config,
            "testing_criteria": list(self.testing_criteria),
            "metadata": dict(self.metadata) if self.metadata is not None else None,
        }
