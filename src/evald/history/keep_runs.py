"""Keep the runs of a batch."""

from collections.abc import Sequence
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.contract.json_types import JsonObject
from evald.contract.projects import ProjectId
from evald.history.keep_evals import other_stays, taken
from evald.history.outcome import Fate, Outcome
from evald.history.reading import LineError, ReadRun
from evald.rules.status import is_final
from evald.store import imported as history_store
from evald.store import runs as run_store
from evald.store.imported import NewImportedRun, RunPlace

PARENT_MISSING: Final = "parent_missing"
_NOT_COMPARED: Final = ("report_url", "evald")


async def keep_runs(
    connection: AsyncConnection,
    read: Sequence[ReadRun],
    project_id: ProjectId,
    outcome: Outcome,
    *,
    orphans: bool,
) -> None:
    """Keep runs that are not here yet, and say what became of each.

    With `orphans` those whose eval is not here are told as if it were, and not kept.
    """
    eval_ids = {each.new.eval_id for each in read}
    projects = await history_store.projects_of_evals(connection, eval_ids)
    ours = {id_ for id_, project in projects.items() if project == project_id}
    places = await history_store.places_of_runs(connection, {each.new.id for each in read})
    for each in read:
        new, place = each.new, places.get(each.new.id)
        if place is not None and (place.project_id, place.eval_id) != (project_id, new.eval_id):
            outcome.fail(taken(each.line, new.id, "run"))
            continue
        if new.eval_id not in ours and not (orphans and place is None):
            outcome.fail(_no_eval(each.line, new))
            continue
        fate = await _kept(connection, new, place, project_id, is_orphan=new.eval_id not in ours)
        if fate in ("imported", "replaced") and new.eval_id in ours:
            places[new.id] = _place_of(new, project_id)
        outcome.count("runs", fate)
        if fate == "different":
            outcome.tell(other_stays(each.line, new.id, "run"))


async def _kept(
    connection: AsyncConnection,
    new: NewImportedRun,
    place: RunPlace | None,
    project_id: ProjectId,
    *,
    is_orphan: bool,
) -> Fate:
    if place is None:
        if not is_orphan:
            await history_store.insert_imported_run(connection, new)
        return "imported"
    if await _replaces(connection, new, place):
        await history_store.replace_imported_run(connection, new)
        return "replaced"
    if new.reconstructed:  # it tells nothing that is not known
        return "existing"
    return "existing" if await _is_same(connection, new, project_id) else "different"


async def _replaces(connection: AsyncConnection, new: NewImportedRun, known: RunPlace) -> bool:
    """Say whether a run takes the place of the one that is here: of less than it, or of its past."""
    if not known.is_imported or known.original_status is None:
        return False
    if new.reconstructed:
        return known.reconstructed and await _is_of_more_items(connection, new)
    was_over, is_over = is_final(known.original_status), is_final(new.original_status)
    went_on = new.passed + new.failed + new.errored > known.total
    return known.reconstructed or (not was_over and (is_over or went_on))


async def _is_of_more_items(connection: AsyncConnection, new: NewImportedRun) -> bool:
    """Say whether a run was put together from more items than the one that is here.

    That one is taken by its word: its items may still be on their way.
    """
    known: JsonObject = orjson.loads(await history_store.text_of_run(connection, new.id))
    match known.get("result_counts"):
        case {"passed": int(passed), "failed": int(failed), "errored": int(errored)}:
            return new.passed + new.failed + new.errored > passed + failed + errored
    return False


async def _is_same(connection: AsyncConnection, new: NewImportedRun, project_id: ProjectId) -> bool:
    known = await run_store.get_run(connection, project_id, new.eval_id, new.id)
    said: JsonObject = orjson.loads(known.as_json(""))
    says: JsonObject = orjson.loads(new.body)
    says["data_source"] = orjson.loads(new.data_source_text)
    for key in _NOT_COMPARED:
        said.pop(key, None)
        says.pop(key, None)
    return said == says


def _place_of(new: NewImportedRun, project_id: ProjectId) -> RunPlace:
    return RunPlace(
        project_id=project_id,
        eval_id=new.eval_id,
        is_imported=True,
        reconstructed=new.reconstructed,
        original_status=new.original_status,
        total=new.passed + new.failed + new.errored,
    )


def _no_eval(line: int, new: NewImportedRun) -> LineError:
    message = f"Its eval '{new.eval_id}' is not here. Send it before its runs."
    return LineError(line, new.id, PARENT_MISSING, message)
