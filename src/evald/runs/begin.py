"""Begin a run: its rows are cut into chunks, and it is in progress."""

from evald.rules.rows import BadRow, BadSchema
from evald.runs.finish import fail_run
from evald.runs.given import UNUSABLE_SCHEMA, unusable_schema
from evald.runs.prepare import StillOurs, always, prepare
from evald.runs.tools import Tools
from evald.store.runs import RunPlan


async def prepared(plan: RunPlan, tools: Tools, still_ours: StillOurs = always) -> bool:
    """See to it that the rows of a run are cut into chunks; wrong rows fail the run.

    Raises what `still_ours` does, before anything is written.
    """
    if plan.row_count is not None:
        return True
    try:
        await prepare(plan, tools.database, still_ours)
    except BadRow as error:
        await fail_run(plan.run_id, "invalid_rows", str(error), tools, still_ours)
        return False
    except BadSchema as error:
        message = unusable_schema(error).message
        await fail_run(plan.run_id, UNUSABLE_SCHEMA, message, tools, still_ours)
        return False
    return True
