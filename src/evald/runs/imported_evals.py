"""Whether an eval that came from elsewhere can be run here: nothing of it was refused when it came."""

import asyncio
from collections.abc import Sequence

from pydantic import ValidationError

from evald.contract.evals import Eval
from evald.contract.graders import AnyCriterion, kept_to_criterion
from evald.contract.json_types import JsonObject
from evald.errors import BadRequest
from evald.graders.usable import check_criteria
from evald.runs.asked_models import check_asked_models
from evald.runs.python_graders import check_programs
from evald.runs.tools import SharedAside, Tools

KNOWN_CONFIGS = ("custom", "logs", "stored_completions")


async def check_imported(of_eval: Eval, aside: SharedAside, tools: Tools) -> None:
    """Check that an eval has all that a run of it needs. Raises BadRequest.

    One that was made here was checked when it was made. `aside` is where programs are looked at.
    """
    if of_eval.imported is None:
        return
    if of_eval.imported.reconstructed:
        raise BadRequest(
            "This eval was put together from its output items alone, so its testing criteria are not "
            "known. Import the eval itself, or make a new one.",
            param="eval_id",
            code="reconstructed_eval",
        )
    if of_eval.data_source_config.get("type") not in KNOWN_CONFIGS:
        raise BadRequest(
            "The data_source_config of this eval is of a type that is unknown here. Make a new eval, "
            "with a config of the type 'custom' or 'logs'.",
            param="eval_id",
            code="unusable_data_source_config",
        )
    await asyncio.to_thread(check_criteria, of_eval.testing_criteria)
    for number, kept in enumerate(of_eval.testing_criteria):
        place = f"testing_criteria[{number}]"
        await check_programs(kept_to_criterion(kept), place, aside, _owner(of_eval), tools)


async def faults_of(of_eval: Eval, aside: SharedAside, tools: Tools) -> Sequence[str]:
    """Give what the criteria of an eval need and this server has not, a sentence or two for each."""
    faults = []
    for number, kept in enumerate(of_eval.testing_criteria):
        place = f"testing_criteria[{number}]"
        criterion = _usable(kept)
        try:
            check_asked_models(kept, place, tools)
            if criterion is not None:
                await check_programs(criterion, place, aside, _owner(of_eval), tools)
        except BadRequest as error:
            faults.append(f"{error.param}: {error.message}")
    return faults


def _owner(of_eval: Eval) -> str:
    """Give whom programs are looked at for: of one import, all evals together."""
    return f"project {of_eval.project_id}"


def _usable(kept: JsonObject) -> AnyCriterion | None:
    """Give a criterion, or None where it is none that is known here, which is told otherwise."""
    try:
        return kept_to_criterion(kept)
    except ValidationError:
        return None
