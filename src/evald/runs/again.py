"""Repeat a run with changes: the same rows, from where they are still to be had."""

from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, TypeAlias, cast

import orjson

from evald.contract.evals import Eval
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.projects import ProjectId
from evald.contract.runs import Run
from evald.errors import BadRequest, NotFound
from evald.rules import json_text
from evald.rules.paging import PageRequest
from evald.runs.given import GivenRun
from evald.runs.given_run import given_run
from evald.runs.tools import SharedAside, Tools
from evald.store import chunks as chunk_store
from evald.store import files as file_store
from evald.store import output_items as item_store
from evald.store import runs as run_store

AGAIN: Final = " (again)"
KNOWN_TYPES: Final = ("jsonl", "completions", "responses")
MOST_BYTES: Final = 120 * 1024 * 1024
"""Of rows that are sent again; with what is around them they fit a request for a run."""

Origin: TypeAlias = Literal["file", "stored", "kept", "imported"]
"""Where the rows of a repeated run come from: its file, what is stored and fits its filter, the rows
that it keeps, or those that an imported run came with."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """A run that is to be repeated, without the rows that came with it."""

    run: Run
    of_eval: Eval
    origin: Origin
    plan: JsonObject
    """Its data source without rows."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be otherwise. `first_rows` is None where all rows are taken."""

    name: str
    plan: JsonObject
    """The data source without rows, changed."""
    first_rows: int | None


def named_again(name: str) -> str:
    """Give the name of a run that repeats one of this name."""
    return f"{name.removesuffix(AGAIN)[: MAX_NAME_LENGTH - len(AGAIN)]}{AGAIN}"


async def repeat_of(run: Run, of_eval: Eval, tools: Tools) -> Repeat:
    """Give how a run can be repeated. Raises BadRequest, with the reason, for one that cannot."""
    plan: JsonObject = orjson.loads(run.data_source_text)
    if run.regrade_of is not None:
        raise _unrepeatable(
            "This run grades the samples of another run, and has no rows of its own. Run that one again."
        )
    if plan.get("type") not in KNOWN_TYPES or not isinstance(plan.get("source"), dict):
        raise _unrepeatable(
            "This run was imported with a data source that is unknown here. Start a new eval with its "
            "rows."
        )
    return Repeat(run, of_eval, await _origin(run, plan, of_eval.project_id, tools), plan)


async def first_row(repeat: Repeat, tools: Tools) -> JsonObject | None:
    """Give the first row of a run, or None where it is not known."""
    run_id = repeat.run.id
    if repeat.run.imported is None:
        rows = await tools.database.read(
            lambda connection: chunk_store.rows_between(connection, run_id, 0, 0)
        )
        if not rows:
            return None
        sample = rows[0].sample
        return (
            {"item": rows[0].item} if sample is None else {"item": rows[0].item, "sample": sample}
        )
    found = await tools.database.read(
        lambda connection: item_store.list_items(
            connection, run_id, PageRequest(None, 1, "asc"), status=None, by_row=True
        )
    )
    items = [orjson.loads(body).get("datasource_item") for _, body in found.objects]
    return {"item": items[0]} if items and isinstance(items[0], dict) else None


async def given_again(
    repeat: Repeat, changes: Changes, aside: SharedAside, tools: Tools
) -> GivenRun:
    """Give the request for a run over the same rows. Raises BadRequest, and TooLarge for too many."""
    source = await _source(repeat, changes.first_rows, tools)
    body = orjson.dumps(
        {
            "name": changes.name,
            "metadata": repeat.run.metadata,
            "data_source": {**changes.plan, "source": source},
        }
    )
    return await given_run(repeat.of_eval, body, aside)


async def _origin(run: Run, plan: JsonObject, project_id: ProjectId, tools: Tools) -> Origin:
    source = cast("JsonObject", plan["source"])
    has_rows = run.imported is None and run.row_count is not None
    match source.get("type"):
        case "file_content":
            return "kept" if has_rows else "imported"
        case "file_id":
            file_id, now = str(source.get("id")), tools.clock()
            try:
                await tools.database.read(
                    lambda connection: file_store.get_file(connection, project_id, file_id, now)
                )
            except NotFound:
                if has_rows:
                    return "kept"
                raise _unrepeatable(
                    f"The file '{file_id[:80]}', which its rows came from, is not here, and the run has "
                    "kept none of them. Upload the file, and start a new eval with it."
                ) from None
            return "file"
    return "stored"


async def _source(repeat: Repeat, first_rows: int | None, tools: Tools) -> object:
    source = cast("JsonObject", repeat.plan["source"])
    row_count = repeat.run.row_count
    takes_all = first_rows is None or (row_count is not None and first_rows >= row_count)
    if repeat.origin == "stored":
        return source if first_rows is None else {**source, "limit": first_rows}
    if repeat.origin == "file" and takes_all:
        return source
    if row_count is None and repeat.run.imported is None:
        raise BadRequest(
            "This run has not read its file to the end, so take all rows.", param="first_rows"
        )
    if repeat.run.imported is not None:
        return _content(await _imported_rows(repeat, first_rows, tools))
    return _content(await _kept_rows(repeat.run.id, first_rows, tools))


def _content(texts: list[bytes]) -> object:
    # The texts of rows are JSON already, and can be many megabytes.
    return {"type": "file_content", "content": orjson.Fragment(b"[" + b",".join(texts) + b"]")}


async def _kept_rows(run_id: str, first_rows: int | None, tools: Tools) -> list[bytes]:
    texts: list[bytes] = []
    size = position = 0
    while first_rows is None or len(texts) < first_rows:
        read = partial(chunk_store.row_texts, run_id=run_id, position=position)
        if not (found := await tools.database.read(read)):
            break
        texts += found
        size += sum(map(len, found))
        position += 1
        if size > MOST_BYTES:
            raise BadRequest(
                f"Its rows have more than {MOST_BYTES // 2**20} MB. Take fewer of them, or upload them "
                "as a file and start a new eval.",
                param="first_rows",
                code="request_too_large",
            )
    return texts[:first_rows]


async def _imported_rows(repeat: Repeat, first_rows: int | None, tools: Tools) -> list[bytes]:
    run = await tools.database.read(
        lambda connection: run_store.get_run(
            connection, repeat.of_eval.project_id, repeat.run.eval_id, repeat.run.id
        )
    )
    source = orjson.loads(run.data_source_text)["source"]
    rows: JsonValue = source.get("content")
    if not isinstance(rows, list) or not rows:
        raise BadRequest(
            "This run was imported without its rows. Start a new eval with them.",
            code="unrepeatable_run",
        )
    return [json_text.dump_bytes(row) for row in rows[:first_rows]]


def _unrepeatable(message: str) -> BadRequest:
    return BadRequest(message, param="run_id", code="unrepeatable_run")
