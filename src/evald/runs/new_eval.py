"""A new eval: what its items look like and its criteria are checked before anything is kept."""

import asyncio

from evald.contract.data_source_configs import CustomConfig, kept_config
from evald.contract.evals import CreateEval, Eval
from evald.contract.graders import kept_criterion
from evald.contract.projects import ProjectId
from evald.errors import BadRequest
from evald.ids import criterion_id, new_id
from evald.rules.rows import BadSchema, RowCheck
from evald.runs.new_criteria import check_new_criteria
from evald.runs.tools import SharedAside, Tools


async def new_eval(
    asked: CreateEval, project_id: ProjectId, aside: SharedAside, tools: Tools
) -> Eval:
    """Give the eval that a request asks for, to be inserted. Raises BadRequest.

    `aside` is where programs of python graders are looked at.
    """
    if isinstance(asked.data_source_config, CustomConfig):
        await asyncio.to_thread(_check_schema, asked.data_source_config)
    new = _new_eval(asked, project_id, int(tools.clock()))
    criteria = asked.testing_criteria
    await check_new_criteria(criteria, new.testing_criteria, project_id, aside, tools)
    return new


def _new_eval(asked: CreateEval, project_id: ProjectId, now: int) -> Eval:
    return Eval(
        id=new_id("eval"),
        project_id=project_id,
        name=asked.name if asked.name is not None else "Untitled eval",
        created_at=now,
        updated_at=now,
        data_source_config=kept_config(asked.data_source_config),
        testing_criteria=[
            kept_criterion(each, criterion_id(each.name)) for each in asked.testing_criteria
        ],
        metadata=asked.metadata if asked.metadata is not None else {},
    )


def _check_schema(config: CustomConfig) -> None:
    try:
        RowCheck(config.item_schema)
    except BadSchema as error:
        raise BadRequest(
            f"item_schema {error}",
            param="data_source_config.item_schema",
            code="invalid_value",
        ) from None
