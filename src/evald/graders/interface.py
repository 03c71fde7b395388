"""What every grader is: a function from a row and its sample to a grade."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias, TypeVar

from evald.contract.counts import ModelUsage
from evald.contract.json_types import JsonObject
from evald.errors import GraderFailed
from evald.rules.json_text import BadJson
from evald.rules.template import Namespaces, TextTooLong
from evald.rules.verdict import Outcome
from evald.sampling.interface import ChatRequest, Completion, Embeddings
from evald.sandbox.interface import Executed

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
    """The judge's own call, for graders that ask a model, or what a program printed."""
    error: JsonObject | None = None
    usage: tuple[ModelUsage, ...] = ()
    """What its calls to a judge cost, also where they led to no verdict."""
    extras: JsonObject = field(default_factory=dict)
    """What its result shows beside the keys of the API, such as the label that a judge chose.
    """

    @property
    def outcome(self) -> Outcome:
        """How this grade counts."""
        if self.error is not None:
            return "errored"
        return "passed" if self.passed else "failed"

    @staticmethod
    def errored(
        reason: GraderFailed, sample: JsonObject | None = None, usage: tuple[ModelUsage, ...] = ()
    ) -> "Grade":
        """Give the grade of a grader that broke, with what its judge said and cost before that."""
        error: JsonObject = {"code": reason.code, "message": reason.message}
        return Grade(passed=False, score=0.0, sample=sample, error=error, usage=usage)


class Grader(Protocol):
    """One testing criterion, compiled once for a run."""

    async def __call__(self, namespaces: Namespaces) -> Grade:
        """Grade the row under `item` with the output under `sample`.

        Raises GraderFailed when there is no verdict; a judge that was heard gives an errored grade.
        """
        ...


async def graded(grader: Grader, namespaces: Namespaces) -> Grade:
    """Give a grade in any case: an errored one where the grader gave no verdict."""
    try:
        return await grader(namespaces)
    except GraderFailed as error:
        return Grade.errored(error)
    except TextTooLong as error:
        return Grade.errored(GraderFailed("text_too_long", str(error)))
    except BadJson as error:
        return Grade.errored(
            GraderFailed("unusable_value", f"A value cannot be rendered: {error}.")
        )


class Aside(Protocol):
    """Runs a long computation outside the process that serves requests, in turn with other runs."""

    async def __call__(self, function: Callable[..., Result], *arguments: object) -> Result:
        """Give what the function gives; function, arguments and result must be picklable.

        Raises GraderFailed when the process that computes it dies, again at a second try.
        """
        ...


Embed: TypeAlias = Callable[[Sequence[str]], Awaitable[Embeddings]]


class RunCode(Protocol):
    """Runs the program of a python grader where it can do no harm, in turn with other runs."""

    async def __call__(self, source: str, sample: JsonObject, item: JsonObject) -> Executed:
        """Give what `grade(sample, item)` gave, or why it gave nothing. Cancelling ends it.

        Raises BadJson when a value cannot be written as JSON.
        """
        ...


AskingWay = Literal["json_schema", "json_object", "instruction"]
"""How a judge is held to the form of its answer, the strictest first."""


@dataclass(frozen=True)
class GraderTools:
    """What the graders of one run get from outside."""

    aside: Aside
    ask: Callable[[ChatRequest], Awaitable[Completion]]
    """Asks a model in the name of the run, so that judges share its limits, turns and cancel.

    Raises ModelUnavailable."""
    embed: Embed | None = None
    """Asks the embedding model likewise, or None where none is configured."""
    run_code: RunCode | None = None
    """None where no program is run at all."""
    known_ways: dict[str, AskingWay] = field(default_factory=dict)
    """By model, the way that led to a verdict where the strictest did not."""
