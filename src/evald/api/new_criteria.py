"""Whether criteria that a request brings can be graded by here: refused before anything is kept."""

import asyncio
from collections.abc import Sequence

from evald.api.services import Services
from evald.contract.graders import AnyCriterion
from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.graders.multi import check_formula
from evald.runs.asked_models import check_embeddings
from evald.runs.python_graders import check_programs


async def check_new_criteria(
    asked: Sequence[AnyCriterion],
    kept: Sequence[JsonObject],
    services: Services,
    project_id: ProjectId,
) -> None:
    """Check the criteria of a new eval, as they were asked for and as it keeps them. Raises BadRequest.

    Whether its judges are served it does not ask: an eval may be made before its providers are.
    """
    # In a thread: a hundred long formulas take a second.
    await asyncio.to_thread(_check_formulas, asked)
    for number, (given, own) in enumerate(zip(asked, kept, strict=True)):
        place = f"testing_criteria[{number}]"
        check_embeddings(own, place, services.tools)
        await check_programs(
            given, place, services.sources_aside, f"project {project_id}", services.tools
        )


def _check_formulas(criteria: Sequence[AnyCriterion]) -> None:
    for number, criterion in enumerate(criteria):
        check_formula(criterion, f"testing_criteria[{number}]")
