"""Whether criteria that a request brings can be graded by here: refused before anything is kept."""

import asyncio
from collections.abc import Sequence

from evald.contract.graders import AnyCriterion
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.graders.multi import check_formula
from evald.runs.asked_models import check_embeddings
from evald.runs.python_graders import check_programs
from evald.runs.tools import SharedAside, Tools


async def check_new_criteria(
    asked: Sequence[AnyCriterion],
    kept: Sequence[JsonObject],
    project_id: ProjectId,
    aside: SharedAside,
    tools: Tools,
) -> None:
    """Check the criteria of a new eval, as they were asked for and as it keeps them. Raises BadRequest.

    `aside` is where programs are looked at.
    Whether its judges are served it does not ask: an eval may be made before its providers are.
    """
    # In a thread: a hundred long formulas take a second.
    await asyncio.to_thread(_check_formulas, asked)
    for number, (given, own) in enumerate(zip(asked, kept, strict=True)):
        place = f"testing_criteria[{number}]"
        check_embeddings(own, place, tools)
        await check_programs(given, place, aside, f"project {project_id}", tools)


def _check_formulas(criteria: Sequence[AnyCriterion]) -> None:
    for number, criterion in enumerate(criteria):
        check_formula(criterion, f"testing_criteria[{number}]")
