"""Try a grader out on one sample, outside of any run: the call of `/graders/run`."""

import asyncio
import time
from typing import Final

from evald.contract.grader_runs import GraderRun, RunGrader
from evald.contract.graders import Multi, kept_grader
from evald.contract.json_types import JsonObject
from evald.errors import GraderFailed
from evald.graders.error_flags import error_flags
from evald.graders.interface import Grade, GraderTools, graded
from evald.graders.registry import grader_for
from evald.ids import new_id
from evald.rules.formula import BadFormula
from evald.rules.sample import sample_namespace
from evald.rules.template import RowNamespaces
from evald.runs.grader_tools import end_sandboxes, grader_tools
from evald.runs.tools import Tools

OWNER: Final = "graders"
"""Whom graders that are tried out take their turns for, beside the runs."""


async def grade_once(asked: RunGrader, tools: Tools) -> GraderRun:
    """Give what the grader makes of the sample. Cancelled, it cuts its calls to models off.

    Whatever breaks is an error in it; its models must be served (`check_asked_models`).
    """
    began = time.monotonic()
    message: JsonObject = {"role": "assistant", "content": asked.model_sample}
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": "stop"}
    sample = sample_namespace({"choices": [choice]})
    namespaces = RowNamespaces({"item": asked.row, "sample": sample})
    # A name of its own: the sandbox that it may need ends with it, and no other one does.
    program = new_id("try")
    try:
        grade = await _grade(asked, namespaces, grader_tools(tools, OWNER, program))
    finally:
        await end_sandboxes(program, tools)
    kept = kept_grader(asked.grader)
    # In a thread, too: a template may have half a million references.
    errors = await asyncio.to_thread(error_flags, grade, kept, namespaces)
    return GraderRun(
        name=asked.grader.name,
        type=asked.grader.type,
        reward=grade.score,
        errors=errors,
        execution_time=time.monotonic() - began,
        usage=grade.usage,
        sub_rewards=_sub_rewards(asked, grade),
        extras={"sample": grade.sample, "error": grade.error, **grade.extras},
    )


async def _grade(asked: RunGrader, namespaces: RowNamespaces, tools: GraderTools) -> Grade:
    try:
        # In a thread: the longest formula takes some milliseconds.
        grader = await asyncio.to_thread(grader_for, asked.grader, tools)
    except BadFormula as error:
        failed = GraderFailed("formula_unreadable", f"The formula cannot be read: {error}.")
        return Grade.errored(failed)
    return await graded(grader, namespaces)


def _sub_rewards(asked: RunGrader, grade: Grade) -> dict[str, float | None]:
    if not isinstance(asked.grader, Multi):
        return {}
    parts = grade.extras.get("sub_results")
    return {key: _score(part) for key, part in parts.items()} if isinstance(parts, dict) else {}


def _score(part: object) -> float | None:
    match part:
        case {"error": _}:
            return None
        case {"score": int(score) | float(score)}:
            return score
    return None
