"""The rows that a form brings: pasted, uploaded and kept as a file, or read from a file."""

import asyncio
from functools import partial
from io import StringIO

from starlette.datastructures import UploadFile

from evald.contract.files import File
from evald.contract.metadata import MAX_NAME_LENGTH
from evald.contract.projects import ProjectId
from evald.dashboard.new_eval_form import NewEvalForm
from evald.dashboard.new_eval_requests import GivenRows
from evald.dashboard.texts import clip
from evald.dashboard.uploaded_rows import UnreadableRows, UploadedRows
from evald.data_sources.kept_files import keep_file
from evald.errors import ApiError, NotFound
from evald.ids import new_file_id
from evald.rules.pasted_rows import MOST_PROBLEMS, Problem, RowAt, pasted_rows, rows_in
from evald.runs.new_rows import READ_AT_ONCE
from evald.runs.tools import Tools
from evald.store import files as file_store

_NAME_LIMIT = 80


async def given_rows(form: NewEvalForm, project_id: ProjectId, tools: Tools) -> GivenRows:
    """Give the rows that a form has as a text, or names as a file."""
    if form.rows_from == "file":
        return await _rows_of_file(form.file_id.strip(), project_id, tools)
    if form.rows_from == "upload":
        return GivenRows(fault="Choose a file.")
    pasted = await asyncio.to_thread(pasted_rows, form.rows)
    return GivenRows(pasted.rows, pasted.problems, pasted.hidden_problems, pasted.form)


async def keep_rows(upload: UploadFile, project_id: ProjectId, tools: Tools) -> File:
    """Keep an upload as a file of JSON Lines, whatever form its rows have, and give it.

    Raises UnreadableRows, and BadRequest for a file without rows.
    """
    file = File(
        id=new_file_id(),
        project_id=project_id,
        bytes=0,
        created_at=int(tools.clock()),
        expires_at=None,
        filename=_file_name(upload.filename or ""),
        purpose="evals",
    )
    return await keep_file(UploadedRows(upload.file), file, None, tools.database, tools.clock())


def unreadable(error: UnreadableRows) -> GivenRows:
    """Give what an upload has instead of rows."""
    return GivenRows((), error.problems, error.hidden, error.form)


def refused(error: ApiError) -> GivenRows:
    """Give what is left of an upload that was refused as a whole."""
    return GivenRows(fault=error.message)


def _file_name(given: str) -> str:
    """Give the name under which rows are kept: that of the upload, with the end of what they are now."""
    stem = given.replace("\x00", "").rpartition(".")[0] or given.replace("\x00", "") or "rows"
    return f"{stem[: MAX_NAME_LENGTH - 6]}.jsonl"


async def _rows_of_file(file_id: str, project_id: ProjectId, tools: Tools) -> GivenRows:
    if not file_id:
        return GivenRows(fault="Name a file of this server, such as file-….")
    now = tools.clock()
    try:
        file = await tools.database.read(
            lambda connection: file_store.get_file(connection, project_id, file_id, now)
        )
    except NotFound as error:
        return GivenRows(fault=error.message)
    content = await _beginning(file, tools)
    words = clip(file.filename, _NAME_LIMIT).shown
    return await asyncio.to_thread(_rows_in_file, content, file, words)


async def _beginning(file: File, tools: Tools) -> bytes:
    """Give the bytes of a file, of a large one the first."""
    parts: list[bytes] = []
    size = 0
    while size < READ_AT_ONCE and (
        part := await tools.database.read(
            partial(file_store.read_part, file_id=file.id, position=len(parts))
        )
    ):
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _rows_in_file(content: bytes, file: File, words: str) -> GivenRows:
    is_whole = len(content) >= file.bytes
    if not is_whole:
        content = content[: content.rfind(b"\n") + 1]
    text = content.decode(errors="replace").removeprefix("\ufeff")
    form, found = rows_in(StringIO(text, newline=""))
    if form != "JSON Lines":
        return GivenRows(
            fault=f"This file is {form} and not JSON Lines. Upload it here: it is put into that form."
        )
    rows: list[RowAt] = []
    problems: list[Problem] = []
    for each in found:
        read = _as_runs_read_it(each) if isinstance(each, RowAt) else each
        if isinstance(read, RowAt):
            rows.append(read)
        else:
            problems.append(read)
    hidden = max(0, len(problems) - MOST_PROBLEMS)
    told = tuple(problems[:MOST_PROBLEMS])
    return GivenRows(tuple(rows), told, hidden, words, file.id, is_whole)


def _as_runs_read_it(found: RowAt) -> RowAt | Problem:
    """Give a row of a file as a run takes it: from a file nothing is put into an `item`."""
    if not found.is_wrapped:
        return found
    fields = found.row["item"]
    item = fields.get("item") if isinstance(fields, dict) else None
    if isinstance(item, dict):
        return RowAt(found.line, {"item": item}, is_wrapped=False)
    return Problem(
        found.line,
        'this row has no "item". Upload the file here instead: its rows are put into that form.',
    )
