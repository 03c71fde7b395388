"""The numbers of a run: result counts, counts per testing criterion, usage per model."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Final, Literal, NotRequired, TypeAlias, cast

from typing_extensions import TypedDict

from evald.contract.json_types import DescribedAs, JsonObject


class ResultCountsObject(TypedDict):
    """How the output items of a run ended, as it is answered."""

    total: int
    errored: int
    failed: int
    passed: int


class CriterionCountsObject(TypedDict):
    """How one testing criterion ended, as it is answered; `testing_criteria` is its id.

    An imported run may not tell `errored`.
    """

    testing_criteria: str
    passed: int
    failed: int
    errored: NotRequired[int]


class ModelUsageObject(TypedDict):
    """Calls made to one model, and their tokens, as they are answered."""

    model_name: str
    invocation_count: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int


ShownUsage: TypeAlias = Annotated[JsonObject, DescribedAs(ModelUsageObject)]


@dataclass(frozen=True, slots=True)
class ResultCounts:
    """How the executed output items of a run ended (contract section 3.2)."""

    passed: int = 0
    failed: int = 0
    errored: int = 0

    @property
    def total(self) -> int:
        """The number of output items, so always the sum of the three."""
        return self.passed + self.failed + self.errored

    def as_json(self) -> ResultCountsObject:
        """Give the wire form."""
        return {
            "total": self.total,
            "errored": self.errored,
            "failed": self.failed,
            "passed": self.passed,
        }


@dataclass(frozen=True, slots=True)
class CriterionCounts:
    """How often one testing criterion passed, failed and errored."""

    passed: int = 0
    failed: int = 0
    errored: int = 0

    def as_json(self, criterion_id: str) -> CriterionCountsObject:
        """Give the wire form; `errored` is an addition that Azure has too (contract section 7)."""
        return {
            "testing_criteria": criterion_id,
            "passed": self.passed,
            "failed": self.failed,
            "errored": self.errored,
        }


Purpose = Literal["sampling", "judging"]
PURPOSES: Final[tuple[Purpose, ...]] = ("sampling", "judging")


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """Calls made to one model for one purpose, and their tokens."""

    model_name: str
    invocation_count: int
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    cached_tokens: int
    purpose: Purpose = "sampling"

    def plus(self, other: "ModelUsage") -> "ModelUsage":
        """Give the sum of two usages of the same model; the purpose stays that of the first."""
        return ModelUsage(
            self.model_name,
            self.invocation_count + other.invocation_count,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.total_tokens + other.total_tokens,
            self.cached_tokens + other.cached_tokens,
            self.purpose,
        )

    def as_json(self) -> JsonObject:
        """Give the wire form, which does not tell the purpose."""
        shown: ModelUsageObject = {
            "model_name": self.model_name,
            "invocation_count": self.invocation_count,
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.total_tokens,
            "cached_tokens": self.cached_tokens,
        }
        return cast("JsonObject", shown)


def by_model(usage: Iterable[ModelUsage]) -> tuple[ModelUsage, ...]:
    """Add up the usage of each model, whatever the calls were for, in the order of appearance."""
    sums: dict[str, ModelUsage] = {}
    for each in usage:
        known = sums.get(each.model_name)
        sums[each.model_name] = known.plus(each) if known else each
    return tuple(sums.values())
