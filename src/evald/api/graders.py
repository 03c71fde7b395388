"""The routes that try graders out (contract sections 2.4 and 6.8)."""

import asyncio

from fastapi import APIRouter, Request, Response
from starlette.requests import ClientDisconnect

from evald.api.bodies import json_answer, read_body
from evald.api.document import described
from evald.api.leaving import unless_gone
from evald.api.services import Given, OfProject
from evald.api.strict import StrictRoute
from evald.contract.grader_runs import (
    GraderRunObject,
    RunGrader,
    ValidatedGrader,
    ValidateGrader,
)
from evald.contract.graders import kept_grader
from evald.graders.multi import check_formula
from evald.rules import json_text
from evald.runs.asked_models import check_asked_models, check_embeddings
from evald.runs.grade_once import grade_once
from evald.runs.python_graders import check_programs

router = APIRouter(tags=["graders"], route_class=StrictRoute)


@described(GraderRunObject, takes=RunGrader)
@router.post("/fine_tuning/alpha/graders/run")
@router.post("/graders/run")
async def run(request: Request, services: Given, project_id: OfProject) -> Response:
    """Grade one sample. A grader that breaks is no error of the request: the flags tell of it.

    When the client leaves, its calls to models are cut off.
    """
    asked = await read_body(request, RunGrader)
    check_asked_models(kept_grader(asked.grader), "grader", services.tools)
    await check_programs(
        asked.grader, "grader", services.sources_aside, f"project {project_id}", services.tools
    )
    graded = await unless_gone(request.receive, grade_once(asked, services.tools))
    if graded is None:
        raise ClientDisconnect
    return json_answer(json_text.dump_bytes(graded.as_json()))


@described(ValidatedGrader, takes=ValidateGrader)
@router.post("/fine_tuning/alpha/graders/validate")
@router.post("/graders/validate")
async def validate(request: Request, services: Given, project_id: OfProject) -> Response:
    """Give a grader in its full form, or say what is wrong with it, as the creation of an eval does."""
    asked = await read_body(request, ValidateGrader)
    await asyncio.to_thread(check_formula, asked.grader, "grader")
    grader = kept_grader(asked.grader)
    check_embeddings(grader, "grader", services.tools)
    await check_programs(
        asked.grader, "grader", services.sources_aside, f"project {project_id}", services.tools
    )
    return json_answer(json_text.dump_bytes({"grader": grader}))
