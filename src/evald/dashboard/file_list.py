"""The list of files, and the page of one file with its first rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.files import File
from evald.contract.json_types import JsonValue
from evald.dashboard.addresses import (
    file_address,
    file_content_address,
    file_delete_address,
    files_address,
)
from evald.dashboard.examples import Endpoint, first_file, source_of_file
from evald.dashboard.frame import Frame
from evald.dashboard.reading import object_of
from evald.dashboard.rendering import render
from evald.dashboard.texts import Text, as_line, clip
from evald.rules.json_text import BadJson, parse

DAYS: Final = (1, 7, 30)
"""After how many days a file can be deleted by itself."""
ROWS_SHOWN: Final = 20
_NAME_LIMIT: Final = 200
_MOST_COLUMNS: Final = 8
_CELL_LIMIT: Final = 160
_TEXT_LIMIT: Final = 4_000


@dataclass(frozen=True)
class FileRow:
    """One file in the list of files. `expires_at` is None for one that stays."""

    id: str
    name: str
    address: str
    delete_address: str
    purpose: str
    bytes: int
    created_at: float
    expires_at: float | None


@dataclass(frozen=True)
class FirstRows:
    """The first rows of a file as a table: its columns, and the cells of each row."""

    columns: tuple[str, ...]
    hidden_columns: int
    rows: tuple[tuple[Text | None, ...], ...]
    """A cell is None where a row has no such key."""
    are_all: bool


def render_files(
    files: Sequence[File],
    *,
    frame: Frame,
    endpoint: Endpoint,
    now: float,
    is_first_page: bool = True,
    next_after: str | None = None,
    refusal: str = "",
) -> str:
    """Give the page of files as HTML. `refusal` says what was wrong with an upload."""
    root = frame.root
    return render(
        "files.html",
        frame,
        rows=[_row(root, file) for file in files],
        now=now,
        days=DAYS,
        refusal=clip(refusal, _TEXT_LIMIT).shown,
        example=first_file(endpoint) if not files and is_first_page else None,
        upload_address=files_address(root),
        first_address=None if is_first_page else files_address(root),
        next_address=next_after and files_address(root, after=next_after),
    )


def render_file(file: File, beginning: bytes, *, frame: Frame, now: float) -> str:
    """Give the page of a file as HTML. `beginning` are its first bytes, all where it has few."""
    root = frame.root
    is_whole = len(beginning) >= file.bytes
    rows = first_rows(beginning, is_whole=is_whole)
    text = beginning[: 4 * _TEXT_LIMIT].decode(errors="replace")
    return render(
        "file.html",
        frame,
        file=_row(root, file),
        now=now,
        table=rows,
        beginning=None if rows else clip(text, _TEXT_LIMIT),
        source=source_of_file(file.id) if file.purpose == "evals" else None,
        files_address=files_address(root),
        content_address=file_content_address(root, file.id),
    )


def first_rows(beginning: bytes, *, is_whole: bool) -> FirstRows | None:
    """Give the first rows of JSON Lines, or None where these bytes are none."""
    lines = beginning.removeprefix(b"\xef\xbb\xbf").split(b"\n", 3 * ROWS_SHOWN)
    if not (is_whole and len(lines) <= 3 * ROWS_SHOWN):
        lines.pop()  # it may go on
    filled = [line for line in lines if line.strip()]
    try:
        rows = [_cells(parse(line)) for line in filled[:ROWS_SHOWN]]
    except BadJson:
        return None
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = keys[:_MOST_COLUMNS]
    return (
        rows
        and FirstRows(
            columns=tuple(clip(key, _CELL_LIMIT).shown for key in columns),
            hidden_columns=len(keys) - len(columns),
            rows=tuple(
                tuple(as_line(row[key], _CELL_LIMIT) if key in row else None for key in columns)
                for row in rows
            ),
            are_all=is_whole and len(filled) <= ROWS_SHOWN and len(lines) <= 3 * ROWS_SHOWN,
        )
    ) or None


def _cells(row: JsonValue) -> dict[str, JsonValue]:
    """Give the keys of a row's item beside each other, and what else the row has behind them."""
    if not isinstance(row, dict):
        return {"row": row}
    item = object_of(row.get("item"))
    others = {key: value for key, value in row.items() if key != "item" or not item}
    return {**item, **others}


def _row(root: str, file: File) -> FileRow:
    return FileRow(
        id=file.id,
        name=clip(file.filename.strip() or file.id, _NAME_LIMIT).shown,
        address=file_address(root, file.id),
        delete_address=file_delete_address(root, file.id),
        purpose=file.purpose,
        bytes=file.bytes,
        created_at=file.created_at,
        expires_at=file.expires_at,
    )
