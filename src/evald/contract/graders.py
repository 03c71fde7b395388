"""Testing criteria: the graders of an eval as requests bring them (contract section 6)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter

from evald.contract.json_types import JsonObject
from evald.contract.judges import LabelModel, ScoreModel
from evald.contract.messages import kept_message
from evald.contract.metadata import Name
from evald.contract.validation import RequestModel


def _known_alias(operation: object) -> object:
    """The prose of the reference says `neq` where the schema says `ne` (contract section 6.2)."""
    return "ne" if operation == "neq" else operation


class StringCheck(RequestModel):
    """Two texts compared; both are templates."""

    type: Literal["string_check"]
    name: Name
    input: str
    reference: str
    operation: Annotated[Literal["eq", "ne", "like", "ilike"], BeforeValidator(_known_alias)]


class TextSimilarity(RequestModel):
    """How alike two texts are; both are templates."""

    type: Literal["text_similarity"]
    name: Name
    input: str
    reference: str
    evaluation_metric: Literal["fuzzy_match"]
    pass_threshold: float


AnyCriterion: TypeAlias = StringCheck | TextSimilarity | LabelModel | ScoreModel
Criterion: TypeAlias = Annotated[AnyCriterion, Field(discriminator="type")]
_CRITERION: TypeAdapter[AnyCriterion] = TypeAdapter(Criterion)


def kept_criterion(criterion: AnyCriterion, criterion_id: str) -> JsonObject:
    """Give a criterion as its eval shows it, with the id that results carry as their name.

    Of a judge, what was not given is left out, but for the `sampling_params: null` that the live
    service shows on a label_model (contract section 3.1).
    """
    kept: JsonObject = criterion.model_dump(exclude_unset=True)
    if isinstance(criterion, LabelModel | ScoreModel):
        kept["input"] = [kept_message(message) for message in criterion.input]
    if isinstance(criterion, LabelModel):
        kept.setdefault("sampling_params", None)
    return {**kept, "id": criterion_id}


def kept_to_criterion(kept: JsonObject) -> AnyCriterion:
    """Give back the criterion that `kept_criterion` wrote."""
    return _CRITERION.validate_python(kept)


def judge_model_of(kept: JsonObject) -> str | None:
    """Give the model that a kept criterion asks, or None where it asks none."""
    match kept:
        case {"type": "label_model" | "score_model", "model": str(model)}:
            return model
    return None
