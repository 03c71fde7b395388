"""The route that tells how a run goes on, as events for programs."""

from typing import Final, cast

import orjson
from fastapi import APIRouter, Request, Response

from evald.api.document import Body, described
from evald.api.services import Given, OfProject, Services
from evald.contract.run_events import DONE, GONE, PROGRESS, RUN, RunProgress
from evald.contract.runs import RunObject
from evald.store import runs as run_store
from evald.watching.sight import Sight, WatchedRun
from evald.watching.stream import EventStream, Telling, event

router = APIRouter(tags=["runs"])

NOTHING: Final = b"{}"
STREAM: Final = Body(
    "text/event-stream",
    {
        "type": "object",
        "description": f"One event of the stream: `{PROGRESS}` says how far the run has come; at its "
        f"end come `{RUN}` with the whole run and `{DONE}`, or `{GONE}` when it was deleted.",
        "properties": {
            "event": {"type": "string", "enum": [PROGRESS, RUN, DONE, GONE]},
            "id": {"type": "string"},
            "data": {"type": "string", "contentMediaType": "application/json"},
        },
        "required": ["event", "data"],
    },
)
"""Readers of the document take the schema for that of each event."""


@described(STREAM)
@router.get("/evals/{eval_id}/runs/{run_id}/events")
async def events(
    eval_id: str, run_id: str, request: Request, services: Given, project_id: OfProject
) -> Response:
    """Tell how a run goes on, at most twice a second, until it has ended.

    The first event comes at once. Whoever connects again with `Last-Event-ID` gets none before something
    has changed.
    """
    watched = WatchedRun(project_id, eval_id, run_id)
    return EventStream(services.watches, watched, _telling(watched, services), request)


def _telling(watched: WatchedRun, services: Services) -> Telling:
    async def tell(sight: Sight) -> bytes:
        progress = orjson.dumps(progress_of(sight))
        if not sight.is_final:
            return event(PROGRESS, progress, sight.id)
        run = await services.database.read(
            lambda connection: run_store.get_run(
                connection, watched.project_id, watched.eval_id, watched.run_id
            )
        )
        whole = run.as_json(services.public_url)
        return event(PROGRESS, progress) + event(RUN, whole) + event(DONE, NOTHING, sight.id)

    return Telling(
        "json",
        id_of=lambda sight: sight.id,
        tell=tell,
        is_last=lambda sight: sight.is_final,
        over=event(DONE, NOTHING),
        gone=event(GONE, NOTHING),
    )


def progress_of(sight: Sight) -> RunProgress:
    """Give what is told of a run while it goes on."""
    run = cast("RunObject", orjson.loads(sight.run.as_json("")))
    return {
        "object": "eval.run.progress",
        "eval_id": sight.run.eval_id,
        "run_id": sight.run.id,
        "status": run["status"],
        "rows": run["evald"].get("rows"),
        "result_counts": run["result_counts"],
        "per_testing_criteria_results": run["per_testing_criteria_results"],
        "items_per_second": _rounded(sight.items_per_second),
        "seconds_left": _rounded(sight.seconds_left),
        "in_flight": sight.in_flight,
        "retries": sight.indexed.retries,
        "calls_aborted": run["evald"].get("calls_aborted", 0),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
