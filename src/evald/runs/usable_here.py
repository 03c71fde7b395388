"""Whether this server can carry out the runs of an eval: refused by name before any row is."""

import asyncio
from collections.abc import Sequence

from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject
from evald.errors import BadRequest
from evald.graders.usable import check_criteria
from evald.runs.asked_models import check_asked_models, check_served
from evald.runs.python_graders import check_isolation
from evald.runs.tools import Tools


async def check_usable(of_eval: Eval, tools: Tools) -> None:
    """Check that the criteria of an eval can be graded by, and have here what they need.

    An eval may be made before its providers are configured, and it outlives them. Raises BadRequest.
    """
    await asyncio.to_thread(check_criteria, of_eval.testing_criteria)
    await _check_equipped(of_eval.testing_criteria, tools)


async def what_is_lacking(
    model: str | None, criteria: Sequence[JsonObject], tools: Tools
) -> str | None:
    """Give what this process lacks to carry out a run that another one has created, or None."""
    try:
        if model is not None:
            check_served(model, "data_source.model", tools)
        await _check_equipped(criteria, tools)
    except BadRequest as error:
        return error.message
    return None


async def _check_equipped(criteria: Sequence[JsonObject], tools: Tools) -> None:
    for number, criterion in enumerate(criteria):
        check_asked_models(criterion, f"testing_criteria[{number}]", tools)
        await check_isolation(criterion, f"testing_criteria[{number}]", tools)
