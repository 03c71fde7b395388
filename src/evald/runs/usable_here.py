"""Whether this server can carry out the runs of an eval: refused by name before any row is."""

import asyncio

from evald.contract.evals import Eval
from evald.graders.usable import check_criteria
from evald.runs.asked_models import check_asked_models
from evald.runs.python_graders import check_isolation
from evald.runs.tools import Tools


async def check_usable(of_eval: Eval, tools: Tools) -> None:
    """Check that the criteria of an eval can be graded by, and have here what they need.

    An eval may be made before its providers are configured, and it outlives them. Raises BadRequest.
    """
    await asyncio.to_thread(check_criteria, of_eval.testing_criteria)
    for number, criterion in enumerate(of_eval.testing_criteria):
        check_asked_models(criterion, f"testing_criteria[{number}]", tools)
        await check_isolation(criterion, f"testing_criteria[{number}]", tools)
