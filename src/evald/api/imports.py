"""The route by which history comes in: evals, runs and output items of elsewhere."""

from collections.abc import Sequence
from typing import Annotated, Final

import orjson
from fastapi import APIRouter, Query, Request, Response
from pydantic import WithJsonSchema

from evald.api.bodies import json_answer
from evald.api.document import Body, described
from evald.api.services import Given, OfProject
from evald.contract.evals import Eval
from evald.contract.history import HistoryImportObject
from evald.errors import BadRequest
from evald.history.importing import Import, import_history
from evald.rules.paging import one_of
from evald.runs.imported_evals import faults_of

router = APIRouter(tags=["import"])

LINES: Final = Body("application/jsonl", {"type": "string"})
DryRun = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "enum": ["true", "false"]}),
    Query(description="Whether nothing is kept, and only told what would be."),
]


@described(HistoryImportObject, takes=LINES)
@router.post("/evals/import")
async def import_(
    request: Request, services: Given, project_id: OfProject, dry_run: DryRun = None
) -> Response:
    """Keep evals, runs and output items of elsewhere as history, sent as JSON lines.

    Each line is an object as the API answers it, with its id and its times; parents stand before their
    children. A wrong line is named and left out. What is here already stays as it is.
    """
    only_told = one_of(dry_run, ("true", "false"), "dry_run", "false") == "true"

    async def faults(of_eval: Eval) -> Sequence[str]:
        return await faults_of(of_eval, services.sources_aside, services.tools)

    asked = Import(project_id, int(services.tools.clock()), only_told, faults)
    outcome = await import_history(request.stream(), asked, services.database)
    if outcome.lines == 0:
        raise BadRequest("The request has no lines; send JSON lines.", code="missing_body")
    return json_answer(orjson.dumps(outcome.as_json(dry_run=only_told)))
