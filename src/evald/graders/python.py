"""The `python` grader: a program of the user gives the score (contract section 6.6)."""

from typing import Final

from evald.contract.json_types import JsonObject
from evald.contract.python_grader import PythonGrader
from evald.errors import GraderFailed
from evald.graders.interface import Grade, Grader, GraderTools
from evald.graders.multi import DEFAULT_THRESHOLD
from evald.rules.sample import with_choices
from evald.rules.template import Namespaces
from evald.sandbox.interface import Executed

NOT_ISOLATED: Final = "python_not_isolated"
"""The code of a grade, and of a refusal, where nothing on this machine holds a user's program."""
PRINTED: Final = "stdout"
"""The role of what a program printed, in the sample of its result."""


def python(criterion: PythonGrader, tools: GraderTools) -> Grader:
    """Give the grader of a criterion; a row passes when the score reaches the threshold.

    Its score is what the program gave, in whatever range that is.
    """
    threshold = criterion.pass_threshold
    reached = DEFAULT_THRESHOLD if threshold is None else threshold

    async def grade(namespaces: Namespaces) -> Grade:
        if tools.run_code is None:  # the machine has changed since the run was made
            raise GraderFailed(NOT_ISOLATED, "Nothing on this machine can isolate a python grader.")
        sample = with_choices(namespaces.get("sample"))
        executed = await tools.run_code(criterion.source, sample, namespaces.get("item"))
        if executed.score is None:
            failed = GraderFailed(executed.error_code, executed.message)
            return Grade.errored(failed, _shown(executed))
        return Grade(
            passed=executed.score >= reached, score=executed.score, sample=_shown(executed)
        )

    return grade


def _shown(executed: Executed) -> JsonObject | None:
    """Give what an author looks for; None for a row whose program printed nothing and did not fail."""
    if executed.score is not None and not executed.output:
        return None
    ...
