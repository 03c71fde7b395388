"""The routes that compare runs of an eval row by row."""

from typing import Annotated, Final, TypeAlias

import orjson
from fastapi import APIRouter, Query, Response
from pydantic import WithJsonSchema
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.api.bodies import json_answer
from evald.api.document import described
from evald.api.queries import Limit
from evald.api.services import Given, OfProject
from evald.contract.comparisons import (
    ComparedItem,
    ComparedRowObject,
    ComparedRowPage,
    ComparisonObject,
)
from evald.contract.pages import page_json
from evald.errors import BadRequest
from evald.reports.comparing import MOST_RUNS, Compared
from evald.reports.comparison_json import comparison_object
from evald.reports.row_pages import page_of_rows, row_id
from evald.rules.comparison import ROW_KINDS
from evald.rules.paging import one_of, page_request
from evald.store import output_items as item_store
from evald.store.output_items import ItemFact

router = APIRouter(tags=["runs"])

RunIds: TypeAlias = Annotated[
    list[str] | None,
    WithJsonSchema(
        {"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": MOST_RUNS}
    ),
    Query(description="The runs, the baseline first: one parameter for each."),
]
TwoRunIds: TypeAlias = Annotated[
    list[str] | None,
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}),
    Query(description="The baseline and the run that is compared with it: a parameter for each."),
]
Kind: TypeAlias = Annotated[
    str | None,
    WithJsonSchema({"type": "string", "enum": list(ROW_KINDS)}),
    Query(description="How the rows went; all kinds if absent, regressions first."),
]
AfterRow: TypeAlias = Annotated[
    str | None,
    WithJsonSchema({"type": "string"}),
    Query(description="The id of the row behind which the page begins."),
]
TWO: Final = 2


@described(ComparisonObject)
@router.get("/evals/{eval_id}/compare")
async def compare(
    eval_id: str, services: Given, project_id: OfProject, run_id: RunIds = None
) -> Response:
    """Compare runs of an eval, each with the first one, by the rows that both have.

    Rows are the same where their content is. Also while the runs go on: then by what they have so far.
    """
    compared = await services.comparisons.of(project_id, eval_id, run_id or ())
    assert isinstance(compared, Compared)
    return json_answer(orjson.dumps(comparison_object(compared)))


@described(ComparedRowPage)
@router.get("/evals/{eval_id}/compare/rows")
async def rows(
    eval_id: str,
    services: Given,
    project_id: OfProject,
    run_id: TwoRunIds = None,
    kind: Kind = None,
    after: AfterRow = None,
    limit: Limit = None,
) -> Response:
    """List the rows of a comparison of two runs: regressions first, then what was fixed."""
    page = page_request(after, limit, None)
    kinds = ROW_KINDS if not kind else [one_of(kind, ROW_KINDS, "kind", "regressed")]
    if run_id and len(run_id) > TWO:
        raise BadRequest("The rows of two runs are listed.", param="run_id", code="invalid_value")
    compared = await services.comparisons.of(project_id, eval_id, run_id or ())
    assert isinstance(compared, Compared)
    found = page_of_rows(compared.comparisons[0], kinds, page.after, page.limit)
    baseline, run = compared.runs

    async def facts(connection: AsyncConnection) -> tuple[dict[int, ItemFact], ...]:
        return (
            await item_store.facts_of_rows(
                connection, baseline.id, found.numbers(of_baseline=True)
            ),
            await item_store.facts_of_rows(connection, run.id, found.numbers(of_baseline=False)),
        )

    of_baseline, of_run = await services.database.read(facts)
    shown: list[ComparedRowObject] = [
        {
            "object": "eval.run.comparison.row",
            "id": row_id(row),
            "kind": row.kind,
            "baseline": _item(row.baseline, of_baseline),
            "run": _item(row.run, of_run),
        }
        for row in found.rows
    ]
    objects = [(each["id"], orjson.dumps(each)) for each in shown]
    return json_answer(page_json(objects, has_more=found.has_more))


def _item(number: int | None, facts: dict[int, ItemFact]) -> ComparedItem | None:
    """Give a row in one of the runs; None also where its item was deleted a moment ago."""
    if number is None or (fact := facts.get(number)) is None:
        return None
    return {"output_item_id": fact.id, "datasource_item_id": number, "status": fact.status}
