"""The route that has the samples of a run graded again."""

from collections.abc import Sequence
from dataclasses import replace

from fastapi import APIRouter, Request, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.api.bodies import read_body
from evald.api.document import described
from evald.api.idempotency import KEY_PARAMETER, Keep, created_once
from evald.api.services import Given, OfProject, Services
from evald.api.strict import StrictRoute
from evald.contract.data_source_configs import CustomConfig, kept_config
from evald.contract.evals import Eval
from evald.contract.graders import AnyCriterion, kept_criterion
from evald.contract.projects import ProjectId
from evald.contract.regrades import RegradeRun
from evald.contract.runs import Run, RunObject
from evald.errors import BadRequest
from evald.ids import criterion_id, new_id
from evald.runs.imported_evals import KNOWN_CONFIGS, check_imported
from evald.runs.new_criteria import check_new_criteria
from evald.runs.regrade import Regrade, named_again, regrade_run
from evald.store import evals as eval_store
from evald.store import runs as run_store
from evald.store.idempotency_keys import FirstAnswer

router = APIRouter(tags=["runs"], route_class=StrictRoute)


@described(RunObject, takes=RegradeRun)
@router.post("/evals/{eval_id}/runs/{run_id}/regrade", status_code=201, openapi_extra=KEY_PARAMETER)
async def regrade(
    eval_id: str, run_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Create a run over the samples of another one: other criteria, and its model is not asked again.

    With `testing_criteria` a new eval is made for them, like that of the run but for its criteria.
    """

    async def made(keep: Keep) -> bytes:
        asked = await read_body(request, RegradeRun)
        source = await services.database.read(
            lambda connection: run_store.get_run_without_rows(
                connection, project_id, eval_id, run_id
            )
        )
        regrade = await _regrade(asked, source, services, project_id)
        answer = b""

        async def also(connection: AsyncConnection, run: Run) -> None:
            nonlocal answer
            answer = run.as_json(services.public_url)
            await keep(connection, FirstAnswer(run.eval_id, run.id, answer))

        await regrade_run(regrade, services.tools, services.dispatch, also)
        return answer

    route = f"/evals/{eval_id}/runs/{run_id}/regrade"
    return await created_once(request, project_id, services, route, made)


async def _regrade(
    asked: RegradeRun, source: Run, services: Services, project_id: ProjectId
) -> Regrade:
    if (asked.testing_criteria is None) == (asked.eval_id is None):
        raise BadRequest(
            "Give either 'testing_criteria', for which a new eval is made, or the 'eval_id' of one "
            "that has them.",
            param="testing_criteria",
            code="missing_required_parameter" if asked.eval_id is None else "invalid_value",
        )
    wanted = source.eval_id if asked.eval_id is None else asked.eval_id
    of_eval = await services.database.read(
        lambda connection: eval_store.get_eval(connection, project_id, wanted)
    )
    if asked.testing_criteria is None:
        await check_imported(of_eval, services.sources_aside, services.tools)
        return Regrade(source, of_eval, is_new=False, name=asked.name, metadata=asked.metadata)
    new = _eval_like(of_eval, asked.testing_criteria, int(services.tools.clock()))
    await check_new_criteria(
        asked.testing_criteria,
        new.testing_criteria,
        project_id,
        services.sources_aside,
        services.tools,
    )
    return Regrade(source, new, is_new=True, name=asked.name, metadata=asked.metadata)


def _eval_like(known: Eval, criteria: Sequence[AnyCriterion], now: int) -> Eval:
    """Give a new eval of the same items with other criteria."""
    config = known.data_source_config
    if known.imported is not None and config.get("type") not in KNOWN_CONFIGS:
        config = kept_config(CustomConfig(type="custom", item_schema={"type": "object"}))
    return replace(
        known,
        id=new_id("eval"),
        name=named_again(known.name),
        created_at=now,
        updated_at=now,
        data_source_config=config,
        testing_criteria=[kept_criterion(each, criterion_id(each.name)) for each in criteria],
        imported=None,
    )
