"""The `multi` grader: a formula makes one score of those of its parts (contract section 6.7)."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from evald.contract.graders import AnyCriterion, Multi
from evald.contract.json_types import JsonObject
from evald.errors import BadRequest, GraderFailed
from evald.graders.interface import Grade, Grader, graded
from evald.rules.formula import BadFormula, Formula, FormulaFailed, compile_formula
from evald.rules.template import Namespaces
from evald.rules.thresholds import DEFAULT_THRESHOLD


def formula_of(criterion: Multi) -> Formula:
    """Compile the formula of a criterion. Raises BadFormula."""
    return compile_formula(criterion.calculate_output, criterion.parts.keys())


def check_formula(criterion: AnyCriterion, place: str) -> None:
    """Check that a criterion has a formula that can be read, or none. Raises BadRequest.

    `place` is where the criterion stands in its request.
    """
    if isinstance(criterion, Multi):
        try:
            formula_of(criterion)
        except BadFormula as error:
            param = f"{place}.calculate_output"
            raise BadRequest(
                f"Invalid value for '{param}': {error}.", param=param, code="invalid_value"
            ) from None


def multi(criterion: Multi, parts: Mapping[str, Grader]) -> Grader:
    """Give the grader of a criterion whose parts have these graders.

    Its score is the formula's value, in whatever range that is. A part that gives no score makes the
    grade an error, also where the formula does not use it.
    """
    formula = formula_of(criterion)
    threshold = criterion.pass_threshold
    reached = DEFAULT_THRESHOLD if threshold is None else threshold
    types = {key: part.type for key, part in criterion.parts.items()}

    async def grade(namespaces: Namespaces) -> Grade:
        grades = await _grades(parts, namespaces)
        extras: JsonObject = {
            "sub_results": {key: _shown(types[key], part) for key, part in grades.items()}
        }
        usage = tuple(use for part in grades.values() for use in part.usage)
        try:
            score = formula.evaluate(_scores(grades))
        except FormulaFailed as error:
            failed = GraderFailed("formula_failed", f"The formula has no value: {error}.")
            return replace(Grade.errored(failed, usage=usage), extras=extras)
        except GraderFailed as error:
            return replace(Grade.errored(error, usage=usage), extras=extras)
        return Grade(passed=score >= reached, score=score, usage=usage, extras=extras)

    return grade


async def _grades(parts: Mapping[str, Grader], namespaces: Namespaces) -> dict[str, Grade]:
    """Grade by all parts at the same time, since one may wait for a model or another process."""
    async with asyncio.TaskGroup() as group:
        tasks = {key: group.create_task(graded(part, namespaces)) for key, part in parts.items()}
    return {key: task.result() for key, task in tasks.items()}


def _scores(grades: Mapping[str, Grade]) -> dict[str, float]:
    for key, grade in grades.items():
        if grade.error is not None:
            why = grade.error["message"]
            raise GraderFailed("part_failed", f"The grader '{key[:80]}' gave no score: {why}")
    return {key: grade.score for key, grade in grades.items()}


def _shown(kind: str, grade: Grade) -> JsonObject:
    shown: JsonObject = {
        "type": kind,
        "score": grade.score,
        "sample": grade.sample,
        **grade.extras,
    }
    return shown if grade.error is None else {**shown, "error": grade.error}
