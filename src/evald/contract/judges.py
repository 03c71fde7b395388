"""The criteria that ask a model for its judgement (contract sections 6.4 and 6.5)."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Field, ValidationInfo

from evald.contract.messages import Message
from evald.contract.metadata import ModelName, Name
from evald.contract.validation import RequestModel


class JudgeParams(RequestModel):
    """How the judge is sampled; null is as if it were not given.

    Params that evald does not know are kept and passed on, as those of a run are.
    """

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    seed: int | None = None
    top_p: float | None = None
    temperature: float | None = None
    max_completions_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    max_output_tokens: Annotated[int, Field(ge=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    reasoning_effort: str | None = None


JudgeInput = Annotated[list[Message], Field(min_length=1, max_length=1000)]
Label = Annotated[str, Field(min_length=1, max_length=1024)]


def _distinct(labels: list[str]) -> list[str]:
    for place, label in enumerate(labels):
        if label in labels[:place]:
            raise ValueError(f"the label '{label[:80]}' stands there twice")
    return labels


def _among_the_labels(passing: list[str], info: ValidationInfo) -> list[str]:
    # Without `labels` in it, those were wrong themselves, and that is the error that is answered.
    labels = info.data.get("labels", passing)
    for label in passing:
        if label not in labels:
            raise ValueError(f"'{label[:80]}' is none of the labels")
    return passing


Labels = Annotated[list[Label], Field(min_length=1, max_length=500), AfterValidator(_distinct)]


class LabelModel(RequestModel):
    """A model chooses one of the labels; the row passes if it is one of the passing ones."""

    type: Literal["label_model"]
    name: Name
    model: ModelName
    input: JudgeInput
    labels: Labels
    passing_labels: Annotated[Labels, AfterValidator(_among_the_labels)]
    sampling_params: JudgeParams | None = None


def _upright(limits: list[float]) -> list[float]:
    if limits[0] >= limits[1]:
        raise ValueError(f"its minimum {limits[0]:g} is not below its maximum {limits[1]:g}")
    return limits


def _within_the_range(threshold: float | None, info: ValidationInfo) -> float | None:
    limits = info.data.get("range")
    if threshold is not None and limits is not None and not limits[0] <= threshold <= limits[1]:
        raise ValueError(
            f"{threshold:g} is outside the range from {limits[0]:g} to {limits[1]:g}, "
            "so every row would get the same verdict"
        )
    return threshold


Range = Annotated[list[float], Field(min_length=2, max_length=2), AfterValidator(_upright)]


class ScoreModel(RequestModel):
    """A model gives a number; the row passes if it reaches the threshold."""

    type: Literal["score_model"]
    name: Name
    model: ModelName
    input: JudgeInput
    range: Range | None = None
    pass_threshold: Annotated[float | None, AfterValidator(_within_the_range)] = None
    sampling_params: JudgeParams | None = None
