"""The route that gives a run's output items as a file."""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated, Any, Final, TypeAlias

import structlog
from fastapi import APIRouter, Depends, Query, Request
from pydantic import WithJsonSchema
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from evald.api.document import Body, described
from evald.api.leaving import unless_gone
from evald.api.queries import STATUS_WORDS, ItemStatus
from evald.api.services import Given, OfProject
from evald.errors import ApiError, BadRequest
from evald.reports.criteria import VERDICTS
from evald.reports.export import FORMATS, Export, Format, Wanted
from evald.rules.item_query_words import Parameters
from evald.rules.paging import one_of, positive

log = structlog.get_logger()

router = APIRouter(tags=["output items"])

MEDIA_TYPES: Final[dict[Format, str]] = {
    "jsonl": "application/jsonl",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}
PIECE: Final = 256 * 1024
"""Bytes that are handed to the connection at a time."""

FILTERS: Final = re.compile(r"q|latency|tokens|reason|[cs][0-9]+|f\..*", re.DOTALL)
"""The names of the parameters that are filters of a report."""

_TEXT: Final = WithJsonSchema({"type": "string"})


def _words(known: tuple[str, ...]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(known)})


FileFormat: TypeAlias = Annotated[
    str | None, _words(FORMATS), Query(description="The form of the file; jsonl if absent.")
]
Columns: TypeAlias = Annotated[
    str | None,
    _TEXT,
    Query(description="Names of columns with commas between them, as in the first line of a CSV."),
]
CriterionName: TypeAlias = Annotated[
    str | None, _TEXT, Query(description="The criterion that gave the verdict: its name or id.")
]
VerdictWord: TypeAlias = Annotated[
    str | None,
    _words(VERDICTS),
    Query(description="Only items to which `criterion` gave this verdict."),
]
Text: TypeAlias = Annotated[
    str | None,
    _TEXT,
    Query(
        description="Words that an item's input, row or output has, each at least in its beginning."
    ),
]
Milliseconds: TypeAlias = Annotated[
    str | None,
    _TEXT,
    Query(description="A range of the latency in ms, as `500..`, `..800` or both."),
]
Tokens: TypeAlias = Annotated[
    str | None, _TEXT, Query(description="A range of the tokens of an item's sample, as `..800`.")
]
ReasonKey: TypeAlias = Annotated[
    str | None,
    _TEXT,
    Query(
        description="The reason why items failed or errored, as the address of a report names it."
    ),
]
_OTHERS: Final = {
    "name": "filters",
    "in": "query",
    "style": "form",
    "explode": True,
    "description": "`c0=failed` for the verdict of the criterion at position 0, `s0=0.2..0.7` for its "
    "score, and `f.country=DE` for a field of the row: the names of a report's own address.",
    "schema": {
        "type": "object",
        "patternProperties": {
            "^c[0-9]+$": {"type": "string", "enum": list(VERDICTS)},
            "^s[0-9]+$": {"type": "string"},
            "^f[.]": {"type": "string"},
        },
        "additionalProperties": False,
    },
}


def _filters(
    request: Request,
    q: Text = None,
    latency: Milliseconds = None,
    tokens: Tokens = None,
    reason: ReasonKey = None,
) -> Parameters:
    """Give the filters beyond the status, as a report's address has them."""
    known = FILTERS.fullmatch
    return tuple(each for each in request.query_params.multi_items() if known(each[0]) and each[1])


Filters: TypeAlias = Annotated[Parameters, Depends(_filters)]
MostItems: TypeAlias = Annotated[
    str | None,
    WithJsonSchema({"type": "integer", "minimum": 1}),
    Query(description="How many items at most; all if absent."),
]
Raw: TypeAlias = Annotated[
    str | None,
    _words(("true", "false")),
    Query(description="Whether texts in a CSV stay as they are if a spreadsheet computes them."),
]


@described(
    Body("application/jsonl", {"type": "string"}),
    also_answers=(
        Body("text/csv", {"type": "string"}),
        Body("application/vnd.apache.parquet", {"type": "string", "format": "binary"}),
    ),
)
@router.get("/evals/{eval_id}/runs/{run_id}/export", openapi_extra={"parameters": [_OTHERS]})
async def export(
    eval_id: str,
    run_id: str,
    services: Given,
    project_id: OfProject,
    format: FileFormat = None,  # noqa: A002
    columns: Columns = None,
    status: ItemStatus = None,
    criterion: CriterionName = None,
    verdict: VerdictWord = None,
    filters: Filters = (),
    limit: MostItems = None,
    raw: Raw = None,
) -> Response:
    """Give the output items of a run as a file, in the order of the rows, also while it goes on.

    It holds the items that were saved when it was asked for. A filter of words, scores, latency, tokens,
    fields or reasons is answered by the index behind the report, which is waited for.
    """
    word = one_of(status, list(STATUS_WORDS), "status", "pass") if status else None
    wanted = Wanted(
        format=one_of(format, FORMATS, "format", "jsonl"),
        columns=columns or None,
        status=STATUS_WORDS[word] if word else None,
        criterion=criterion or None,
        verdict=one_of(verdict, VERDICTS, "verdict", "failed") if verdict else None,
        filters=filters,
        limit=None if limit is None else positive(limit),
        is_raw=one_of(raw, ("true", "false"), "raw", "false") == "true",
    )
    if (wanted.criterion is None) != (wanted.verdict is None):
        raise BadRequest(
            "A criterion and its verdict are given together.",
            param="verdict" if wanted.verdict is None else "criterion",
            code="missing_required_parameter",
        )
    pieces = Export(services.database, project_id, eval_id, run_id, wanted).pieces()
    return _File(pieces, wanted.format, run_id)


class _File(Response):
    """A file that is made while it is sent.

    What goes wrong before its first piece is answered as an error. Later the connection is cut, so that
    no client takes the half of a file for the whole.
    """

    def __init__(self, pieces: AsyncGenerator[bytes, None], kind: Format, run_id: str) -> None:
        super().__init__()
        self._pieces = pieces
        self._run_id = run_id
        self._is_begun = False
        name = re.sub(r"[^A-Za-z0-9_-]", "_", run_id)[:100]
        self._file_headers = {
            "content-type": MEDIA_TYPES[kind],
            "content-disposition": f'attachment; filename="{name}.{kind}"',
            "cache-control": "no-store",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request. Raises ApiError as long as nothing is sent."""
        if await unless_gone(receive, self._send(send)) is None:
            log.info("export left by its reader", run=self._run_id)

    async def _send(self, send: Send) -> bool:
        try:
            async with aclosing(self._pieces) as pieces:
                async for piece in pieces:
                    await self._begin(send)
                    for start in range(0, len(piece), PIECE):
                        await send(_body(piece[start : start + PIECE]))
        except ApiError as error:
            if not self._is_begun:
                raise
            log.warning("export cut", run=self._run_id, reason=error.message)
            return False
        await send(_body(b"", more=False))
        return True

    async def _begin(self, send: Send) -> None:
        if self._is_begun:
            return
        self._is_begun = True
        headers = [(name.encode(), value.encode()) for name, value in self._file_headers.items()]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


def _body(piece: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.response.body", "body": piece, "more_body": more}
