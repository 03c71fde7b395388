"""Graders tried out on one sample: the requests and the answers (contract sections 2.4 and 6.8)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BeforeValidator, Field
from typing_extensions import TypedDict

from evald.contract.counts import ModelUsage, by_model
from evald.contract.graders import Multi, PartTextSimilarity, StringCheck
from evald.contract.json_types import DescribedAs, JsonObject, ParsedJson
from evald.contract.judges import LabelModel, ScoreModel
from evald.contract.python_grader import PythonGrader
from evald.contract.validation import RequestModel

UNNAMED: Final = "Untitled grader"


def _named(grader: object) -> object:
    """Add the names that are left out, as the guide's own samples do: a part is called by its key."""
    if not isinstance(grader, dict):
        return grader
    named = {"name": UNNAMED, **grader}
    parts = grader.get("graders")
    if isinstance(parts, dict) and not isinstance(parts.get("type"), str):
        named["graders"] = {
            key: {"name": key, **part} if isinstance(part, dict) else part
            for key, part in parts.items()
        }
    return named


# Of a similarity only the score counts here, so it needs no threshold.
TriedGrader = Annotated[
    Annotated[
        StringCheck | PartTextSimilarity | LabelModel | ScoreModel | PythonGrader | Multi,
        Field(discriminator="type"),
    ],
    BeforeValidator(_named),
]


class ValidateGrader(RequestModel):
    """The body of `POST /fine_tuning/alpha/graders/validate`."""

    grader: TriedGrader


class RunGrader(RequestModel):
    """The body of `POST /fine_tuning/alpha/graders/run`."""

    grader: TriedGrader
    model_sample: str
    item: dict[str, ParsedJson] | None = None
    reference_answer: ParsedJson = None
    """What SDKs sent before there was `item`; templates called it `item.reference_answer`."""

    @property
    def row(self) -> JsonObject:
        """Give the row that the grader sees under `item`."""
        given = self.item or {}
        if self.reference_answer is None:
            return given
        return {"reference_answer": self.reference_answer, **given}


class ErrorFlagsObject(TypedDict):
    """What went wrong, every flag of it."""

    formula_parse_error: bool
    sample_parse_error: bool
    truncated_observation_error: bool
    unresponsive_reward_error: bool
    invalid_variable_error: bool
    other_error: bool
    python_grader_server_error: bool
    python_grader_server_error_type: str | None
    python_grader_runtime_error: bool
    python_grader_runtime_error_details: str | None
    model_grader_server_error: bool
    model_grader_refusal_error: bool
    model_grader_parse_error: bool
    model_grader_server_error_details: str | None


class TokensObject(TypedDict):
    """What calls to a model cost."""

    prompt_tokens: int
    total_tokens: int
    completion_tokens: int
    cached_tokens: int


class GraderRunMetadata(TypedDict):
    """What there is to say of a grader that was run."""

    name: str
    type: str
    errors: ErrorFlagsObject
    execution_time: float
    scores: JsonObject
    token_usage: TokensObject | int | None
    sampled_model_name: str | None


class GraderRunObject(TypedDict):
    """What a grader made of one sample. In the strict form `token_usage` is a number."""

    reward: float
    metadata: GraderRunMetadata
    sub_rewards: dict[str, float | None]
    model_grader_token_usage_per_model: dict[str, TokensObject]
    evald: JsonObject


class ValidatedGrader(TypedDict):
    """A grader in its full form."""

    grader: Annotated[JsonObject, DescribedAs(TriedGrader)]


@dataclass(frozen=True, slots=True)
class ErrorFlags:
    """What went wrong, in the words of the API. What is True is true beside others."""

    raised: frozenset[str] = frozenset()
    """Those of FLAGS that are true."""
    server_error: str | None = None
    """What a model endpoint said that gave no answer."""
    sandbox_error: str | None = None
    """The code of the error where no program of a user was to blame for a python grader's fault."""
    runtime_error: str | None = None
    """How a user's program failed: its traceback where there is one, else what was wrong."""

    def as_json(self) -> JsonObject:
        """Give the wire form, in which every flag is there."""
        return {
            **{flag: flag in self.raised for flag in FLAGS},
            "model_grader_server_error_details": self.server_error,
            "python_grader_server_error_type": self.sandbox_error,
            "python_grader_runtime_error_details": self.runtime_error,
        }


FLAGS: Final = (
    *("formula_parse_error", "sample_parse_error", "truncated_observation_error"),
    *("unresponsive_reward_error", "invalid_variable_error", "other_error"),
    *("python_grader_server_error", "python_grader_runtime_error"),
    *("model_grader_server_error", "model_grader_refusal_error", "model_grader_parse_error"),
)


@dataclass(frozen=True, slots=True)
class GraderRun:
    """What a grader made of one sample."""

    name: str
    type: str
    reward: float
    """0 where there is no verdict, as the API has it; then there is an error flag."""
    errors: ErrorFlags
    execution_time: float
    """Seconds."""
    usage: Sequence[ModelUsage]
    """What its calls to models cost."""
    sub_rewards: Mapping[str, float | None]
    """The scores of a formula's parts by their keys, None for one that gave no score."""
    extras: JsonObject
    """What evald adds."""

    def as_json(self) -> JsonObject:
        """Give the wire form."""
        models = by_model(self.usage)
        return {
            "reward": self.reward,
            "metadata": {
                "name": self.name,
                "type": self.type,
                "errors": self.errors.as_json(),
                "execution_time": self.execution_time,
                "scores": {},
                "token_usage": _tokens(_sum(models)) if models else None,
                "sampled_model_name": models[0].model_name if len(models) == 1 else None,
            },
            "sub_rewards": {**self.sub_rewards},
            "model_grader_token_usage_per_model": {
                usage.model_name: _tokens(usage) for usage in models
            },
            "evald": self.extras,
        }


def _sum(models: Sequence[ModelUsage]) -> ModelUsage:
    first, *others = models
    for usage in others:
        first = first.plus(usage)
    return first


def _tokens(usage: ModelUsage) -> JsonObject:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "total_tokens": usage.total_tokens,
        "completion_tokens": usage.completion_tokens,
        "cached_tokens": usage.cached_tokens,
    }
