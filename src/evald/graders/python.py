"""The `python` grader: a program of the user gives the score (contract section 6.6)."""

from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.python_grader import PythonGrader
from evald.errors import GraderFailed
from evald.graders.interface import Grade, Grader, GraderTools
from evald.rules.sample import with_choices
from evald.rules.template import Namespaces
from evald.rules.thresholds import DEFAULT_THRESHOLD
from evald.sandbox.interface import Executed

UNAVAILABLE: Final = "python_unavailable"
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
        if tools.run_code is None:
            raise GraderFailed(UNAVAILABLE, "This server runs no code of python graders.")
        sample, item = with_choices(namespaces.get("sample")), namespaces.get("item")
        executed = await tools.run_code(
            criterion.source, sample, item if isinstance(item, dict) else {}
        )
        if executed.score is None:
            failed = GraderFailed(str(executed.error_code), executed.message or "It gave no score.")
            return Grade.errored(failed, _shown(executed))
        passed = executed.score >= reached
        return Grade(passed=passed, score=executed.score, sample=_shown(executed))

    return grade


def _shown(executed: Executed) -> JsonObject | None:
    """Give what an author looks for, or None for a program that gave a score and printed nothing.

    What was printed has the place that a judge's answer has in a sample.
    """
    if executed.score is not None and not executed.output:
        return None
    printed: JsonValue = {"role": PRINTED, "content": executed.output}
    error: JsonValue = None
    if executed.score is None:
        error = {"code": executed.error_code, "message": executed.message}
    return {
        "output": [printed] if executed.output else [],
        "traceback": executed.traceback,
        "error": error,
        "seconds": round(executed.seconds, 6),
    }
