"""Testing criteria: the graders of an eval as requests bring them (contract section 6)."""

from collections.abc import Iterator
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationInfo,
)

from evald.contract.json_types import DescribedAs, JsonObject
from evald.contract.judges import LabelModel, ScoreModel
from evald.contract.messages import kept_message
from evald.contract.metadata import Name, storable
from evald.contract.python_grader import PythonGrader
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
    "cosine",
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


_KEPT: Final = "kept"
"""The context in which a criterion is read that an eval has already."""


def _of_a_similarity(threshold: float, info: ValidationInfo) -> float:
    # Earlier versions took any number, and their evals can still be run.
    if info.context != _KEPT and not 0 <= threshold <= 1:
        raise ValueError(
            f"{threshold:g} is outside the range from 0 to 1 of similarities, "
            "so every row would get the same verdict"
        )
    return threshold


SimilarityThreshold = Annotated[
    float,
    AfterValidator(_of_a_similarity),
    Field(json_schema_extra={"minimum": 0, "maximum": 1}),
]


class TextSimilarity(RequestModel):
    """How alike two texts are; both are templates."""

    type: Literal["text_similarity"]
    name: Name
    input: str
    reference: str
    evaluation_metric: EvaluationMetric
    pass_threshold: SimilarityThreshold


class PartTextSimilarity(TextSimilarity):
    """As a part of a `multi`, which takes its score alone: the threshold is not needed there."""

    pass_threshold: SimilarityThreshold = 0.0


AnyPart: TypeAlias = StringCheck | PartTextSimilarity | LabelModel | ScoreModel | PythonGrader
Part: TypeAlias = Annotated[AnyPart, Field(discriminator="type")]
"""A grader inside a `multi`. There is no `multi` in a `multi` (contract section 6.7)."""
MAX_PARTS: Final = 100


def _parts_form(graders: object) -> str:
    if isinstance(graders, list):
        return "an array"
    is_map = isinstance(graders, dict) and not isinstance(graders.get("type"), str)
    return "a map" if is_map else "an object"


def _storable_keys(parts: dict[str, Part]) -> dict[str, Part]:
    for key in parts:
        storable(key)
    return parts


def _distinct(parts: list[Part]) -> list[Part]:
    keys = [key_of(part) for part in parts]
    for place, key in enumerate(keys):
        if key in keys[:place]:
            raise ValueError(
                f"two graders have the name '{key[:80]}', by which a formula calls them"
            )
    return parts


_Some = Field(min_length=1, max_length=MAX_PARTS)
Parts = Annotated[
    Annotated[Part, Tag("an object")]
    | Annotated[list[Part], _Some, AfterValidator(_distinct), Tag("an array")]
    | Annotated[dict[str, Part], _Some, AfterValidator(_storable_keys), Tag("a map")],
    Discriminator(_parts_form),
]


class Multi(RequestModel):
    """Several graders, and a formula that makes one score of theirs."""

    type: Literal["multi"]
    name: Name
    graders: Parts
    calculate_output: str
    pass_threshold: float | None = None

    @property
    def parts(self) -> dict[str, Part]:
        """Give the graders by the keys that the formula calls them by."""
        if isinstance(self.graders, dict):
            return self.graders
        parts = self.graders if isinstance(self.graders, list) else [self.graders]
        return {key_of(part): part for part in parts}


def key_of(part: Part) -> str:
    """Give the key of a grader that came without one: its name, with `_` for each space."""
    return part.name.replace(" ", "_")


AnyCriterion: TypeAlias = (
    StringCheck | TextSimilarity | LabelModel | ScoreModel | PythonGrader | Multi
)
Criterion: TypeAlias = Annotated[AnyCriterion, Field(discriminator="type")]
_CRITERION: TypeAdapter[AnyCriterion] = TypeAdapter(Criterion)

CriterionObject: TypeAlias = Annotated[
    JsonObject,
    DescribedAs(Criterion),
    Field(json_schema_extra={"properties": {"id": {"type": "string"}}, "required": ["id"]}),
]
"""A criterion as its eval shows it: what was asked for, and the id by which results call it."""


def kept_criterion(criterion: AnyCriterion, criterion_id: str) -> JsonObject:
    """Give a criterion as its eval shows it, with the id that results carry as their name.

    Of a judge, what was not given is left out, but for the `sampling_params: null` that the live
    service shows on a label_model (contract section 3.1). The graders of a `multi` become a map, in
    whichever of the three forms they came.
    """
    return {**kept_grader(criterion), "id": criterion_id}


def kept_grader(grader: AnyCriterion | AnyPart) -> JsonObject:
    """Give a grader in its full form, without an id."""
    kept: JsonObject = grader.model_dump(exclude_unset=True)
    if isinstance(grader, LabelModel | ScoreModel):
        kept["input"] = [kept_message(message) for message in grader.input]
    if isinstance(grader, LabelModel):
        kept.setdefault("sampling_params", None)
    if isinstance(grader, Multi):
        kept["graders"] = {key: kept_grader(part) for key, part in grader.parts.items()}
    return kept


def kept_to_criterion(kept: JsonObject) -> AnyCriterion:
    """Give back the criterion that `kept_criterion` wrote."""
    return _CRITERION.validate_python(kept, context=_KEPT)


def judge_models_of(kept: JsonObject) -> dict[str, str]:
    """Give the models that a kept criterion asks, each by its place in it; none where it asks none."""
    match kept:
        case {"type": "label_model" | "score_model", "model": str(model)}:
            return {"model": model}
        case {"type": "multi", "graders": dict(parts)}:
            return {
                f"graders.{key}.{place}": model
                for key, part in parts.items()
                if isinstance(part, dict)
                for place, model in judge_models_of(part).items()
            }
    return {}


def python_places_of(kept: JsonObject) -> list[str]:
    """Give the places in a kept criterion that ask for a user's program to be run."""
    match kept:
        case {"type": "python"}:
            return ["type"]
        case {"type": "multi", "graders": dict(parts)}:
            return [
                f"graders.{key}.{place}"
                for key, part in parts.items()
                if isinstance(part, dict)
                for place in python_places_of(part)
            ]
    return []


def python_graders_in(
    criterion: AnyCriterion | AnyPart, place: str
) -> Iterator[tuple[str, PythonGrader]]:
    """Give the python graders of a criterion that a request brought, each with its place there.

    `place` is where the criterion stands.
    """
    match criterion:
        case PythonGrader():
            yield place, criterion
        case Multi(graders=dict(parts)):
            for key, part in parts.items():
                yield from python_graders_in(part, f"{place}.graders.{key}")
        case Multi(graders=list(parts)):
            for number, part in enumerate(parts):
                yield from python_graders_in(part, f"{place}.graders[{number}]")
        case Multi(graders=part):
            yield from python_graders_in(part, f"{place}.graders")


def embedding_places_of(kept: JsonObject) -> list[str]:
    """Give the places in a kept criterion that name a metric of embeddings."""
    match kept:
        case {"type": "text_similarity", "evaluation_metric": "cosine"}:
            return ["evaluation_metric"]
        case {"type": "multi", "graders": dict(parts)}:
            return [
                f"graders.{key}.{place}"
                for key, part in parts.items()
                if isinstance(part, dict)
                for place in embedding_places_of(part)
            ]
    return []
