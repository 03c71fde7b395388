"""Testing criteria: the graders of an eval as requests bring them (contract section 6)."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, TypeAdapter

from evald.contract.json_types import JsonObject
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


EvaluationMetric = Literal[
    "fuzzy_match",
    "bleu",
    "gleu",
    "meteor",
    "rouge_1",
    "rouge_2",
    "rouge_3",
    "rouge_4",
    "rouge_5",
    "rouge_l",
]


class TextSimilarity(RequestModel):
    """How alike two texts are; both are templates."""

    type: Literal["text_similarity"]
    name: Name
    input: str
    reference: str
    evaluation_metric: EvaluationMetric
    pass_threshold: float


Criterion: TypeAlias = Annotated[StringCheck | TextSimilarity, Field(discriminator="type")]
_CRITERION: TypeAdapter[StringCheck | TextSimilarity] = TypeAdapter(Criterion)


def kept_criterion(criterion: StringCheck | TextSimilarity, criterion_id: str) -> JsonObject:
    """Give a criterion as its eval shows it, with the id that results carry as their name."""
    kept: JsonObject = criterion.model_dump()
    return {**kept, "id": criterion_id}


def kept_to_criterion(kept: JsonObject) -> StringCheck | TextSimilarity:
    """Give back the criterion that `kept_criterion` wrote."""
    return _CRITERION.validate_python(kept)
