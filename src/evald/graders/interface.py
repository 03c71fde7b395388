"""What every grader is: a function from a row and its sample to a grade."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from evald.contract.json_types import JsonObject
from evald.errors import GraderFailed
from evald.rules.template import Namespaces
from evald.rules.verdict import Outcome

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Grade:
    """What one testing criterion says of one row.

    A grade with an `error` carries `passed: false, score: 0` on the wire, as the schema demands, but
    its outcome is `errored`: it counts neither as passed nor as failed (DESIGN, Verdict).
    """

    passed: bool
    score: float
    sample: JsonObject | None = None
    """The judge's own call, for graders that ask a model."""
    error: JsonObject | None = None
    extras: JsonObject = field(default_factory=dict)
    """What its result shows beside the keys of the API, such as what each part of a `multi` scored."""

    @property
    def outcome(self) -> Outcome:
        """How this grade counts."""
        if self.error is not None:
            return "errored"
        return "passed" if self.passed else "failed"

    @staticmethod
    def errored(reason: GraderFailed) -> "Grade":
        """Give the grade of a grader that broke."""
        return Grade(
            passed=False, score=0.0, error={"code": reason.code, "message": reason.message}
        )


class Grader(Protocol):
    """One testing criterion, compiled once for a run."""

    async def __call__(self, namespaces: Namespaces) -> Grade:
        """Grade the row under `item` with the output under `sample`.

        Raises GraderFailed when there is no verdict.
        """
        ...


class Aside(Protocol):
    """Runs a long computation outside the process that serves requests."""

    async def __call__(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Give what the function gives; function and arguments must be picklable."""
        ...
