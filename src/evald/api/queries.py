"""The query parameters of lists, read as text: what is wrong is said in the API's own words."""

from collections.abc import Sequence
from typing import Annotated, Final, TypeAlias, get_args

from fastapi import Query
from pydantic import WithJsonSchema

from evald.contract.files import PURPOSES
from evald.contract.runs import STATUSES
from evald.rules import paging, verdict
from evald.rules.paging import DEFAULT_LIMIT, MAX_LIMIT
from evald.store.evals import OrderBy

MAX_FILES: Final = 10_000
STATUS_WORDS: Final[dict[str, verdict.ItemStatus]] = {
    "pass": "pass",
    "passed": "pass",
    "fail": "fail",
    "failed": "fail",
    "error": "error",
    "errored": "error",
}
"""The schema says `fail`, its prose `failed`; both are known (contract section 9, row 5)."""


def _words(known: Sequence[str]) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "enum": list(known)})


_INTEGER: Final = WithJsonSchema({"type": "integer", "minimum": 1})
_TEXT: Final = WithJsonSchema({"type": "string"})

After: TypeAlias = Annotated[
    str | None, _TEXT, Query(description="The id of the object behind which the page begins.")
]
Limit: TypeAlias = Annotated[
    str | None,
    _INTEGER,
    Query(
        description=f"How many objects at most; {DEFAULT_LIMIT} if absent, {MAX_LIMIT:,} if larger."
    ),
]
FileLimit: TypeAlias = Annotated[
    str | None,
    _INTEGER,
    Query(description=f"How many files at most; {MAX_FILES:,} if absent or larger."),
]
Order: TypeAlias = Annotated[
    str | None, _words(get_args(paging.Order)), Query(description="By the time of creation.")
]
EvalOrder: TypeAlias = Annotated[
    str | None, _words(get_args(OrderBy)), Query(description="What the order goes by.")
]
ItemOrder: TypeAlias = Annotated[
    str | None,
    _words(("created_at", "datasource_item_id")),
    Query(description="What the order goes by: when items were saved, or their rows."),
]
RunStatus: TypeAlias = Annotated[
    str | None, _words(STATUSES), Query(description="The status that the runs have.")
]
ItemStatus: TypeAlias = Annotated[
    str | None, _words(list(STATUS_WORDS)), Query(description="The status that the items have.")
]
FilePurpose: TypeAlias = Annotated[
    str | None, _words(PURPOSES), Query(description="The purpose that the files have.")
]
Model: TypeAlias = Annotated[
    str | None, _TEXT, Query(description="The model: by its own name or the one asked for.")
]
