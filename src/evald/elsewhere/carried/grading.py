"""One criterion and one sample become a grade, outside of evald and by evald's own graders."""

import json
from collections.abc import Awaitable, Callable
from typing import TypeAlias, TypeVar

from evald.contract.graders import kept_to_criterion
from evald.contract.json_types import JsonObject, JsonValue
from evald.elsewhere.carried.endpoint import embed
from evald.elsewhere.carried.programs import run_program
from evald.graders.interface import Grade, GraderTools, graded
from evald.graders.registry import grader_for
from evald.rules.sample import sample_namespace
from evald.sampling.interface import ChatRequest, Completion

Result = TypeVar("Result")
Ask: TypeAlias = Callable[[ChatRequest], Awaitable[Completion]]


async def grade_of(
    criterion: JsonObject, item: JsonObject, completion: JsonObject, tools: GraderTools
) -> Grade:
    """Grade a chat completion by a criterion as its eval shows it; a grader that breaks is an error."""
    grader = grader_for(kept_to_criterion(criterion), tools)
    return await graded(grader, {"item": item, "sample": sample_namespace(completion)})


def tools_asking(ask: Ask) -> GraderTools:
    """Give the tools of graders that ask judges in this way, and compute where they are."""
    return GraderTools(_here, ask, embed, run_program)


async def _here(function: Callable[..., Result], *arguments: object) -> Result:
    return function(*arguments)


def completion_of(output: JsonValue, *, is_refusal: bool = False) -> JsonObject:
    """Give what another tool calls its output as a chat completion.

    It is a text, calls of tools, a whole message, or the value of a JSON text.
    """
    message: JsonObject = {"role": "assistant", "content": None}
    match output:
        case str() if is_refusal:
            message["refusal"] = output
        case str() | None:
            message["content"] = output
        case dict(whole) if "role" in whole:
            message = whole
        case [{"function": _}, *_]:
            message["tool_calls"] = output
        case _:
            message["content"] = json.dumps(output, ensure_ascii=False)
    choice: JsonObject = {"index": 0, "message": message, "finish_reason": "stop"}
    return {"choices": [choice]}


def said(grade: Grade) -> str:
    """Give in one line what a grade says: its score, or why there is none."""
    if grade.error is not None:
        return f"no verdict, {grade.error.get('code')}: {grade.error.get('message')}"
    return f"score {grade.score:g}"
