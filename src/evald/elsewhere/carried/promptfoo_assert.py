"""Criteria as promptfoo asks a python assert for them: by evald's own graders.

promptfoo calls `get_assert` once for each row; its `config` names the criteria and their places in
criteria.json. A python grader's program runs WITHOUT evald's sandbox, with all that the user of
promptfoo may do.
"""

import asyncio
import json
from pathlib import Path
from typing import Any

from evald.elsewhere.carried.endpoint import ask
from evald.elsewhere.carried.grading import completion_of, grade_of, said, tools_asking
from evald.graders.interface import Grade

CRITERIA = Path(__file__).with_name("criteria.json")


def get_assert(output: Any, context: dict[str, Any]) -> dict[str, Any]:
    """Give the verdicts on a row. Where a grader broke, promptfoo knows no error but a failure."""
    places = context["config"]["criteria"]
    grades = asyncio.run(_grades(list(places.values()), *_row(output, context)))
    results = [_result(name, grade) for name, grade in zip(places, grades, strict=True)]
    failed = [
        f"{name}: {said(grade)}"
        for name, grade in zip(places, grades, strict=True)
        if not grade.passed
    ]
    return {
        "pass": not failed,
        "score": sum(grade.score for grade in grades) / len(grades),
        "reason": "; ".join(failed) or "All criteria passed",
        "namedScores": {name: grade.score for name, grade in zip(places, grades, strict=True)},
        "componentResults": results,
    }


def _result(name: str, grade: Grade) -> dict[str, Any]:
    of_criterion = {"type": "python", "metric": name}
    return {
        "pass": grade.passed,
        "score": grade.score,
        "reason": said(grade),
        "assertion": of_criterion,
    }


async def _grades(places: list[int], item: Any, completion: Any) -> list[Grade]:
    criteria = json.loads(CRITERIA.read_text(encoding="utf-8"))
    tools = tools_asking(ask)
    grading = (grade_of(criteria[place], item, completion, tools) for place in places)
    return await asyncio.gather(*grading)


def _row(output: Any, context: dict[str, Any]) -> tuple[Any, Any]:
    """Give the item and the sample: as they were exported, or those of tests that were added by hand."""
    variables = context.get("vars") or {}
    exact = variables.get("exact") or {}
    item = json.loads(exact["item"]) if "item" in exact else variables.get("item") or {}
    if "sample" in exact:
        return item, json.loads(exact["sample"])
    response = context.get("providerResponse") or {}
    refused = bool(response.get("isRefusal")) and response.get("finishReason") != "content_filter"
    return item, completion_of(output, is_refusal=refused)
