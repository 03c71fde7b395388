"""What lies in a database, read so that the next process finds it as it was left."""

import asyncio
import shutil
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.postgres import fetched
from tests.server import EvaldServer


@dataclass(frozen=True)
class Saved:
    """The runs and output items of a data directory."""

    statuses: dict[str, str]
    """The status of each run, by its id."""
    items: dict[tuple[str, int], str]
    """The JSON text of each output item, by run and row."""

    def rows_of(self, run_id: str) -> set[int]:
        """Give the rows of a run that have an item."""
        return {row for run, row in self.items if run == run_id}


def saved(server: EvaldServer) -> Saved:
    """Read what a server has committed."""
    statuses = dict(rows_of(server, "SELECT id, status FROM runs"))
    found = rows_of(server, "SELECT run_id, row_index, body FROM output_items")
    items = {(run, row): body for run, row, body in found}
    assert len(items) == len(found), "a row has two items"
    return Saved(statuses, items)


def count_rows(server: EvaldServer, table: str) -> int:
    """Give the number of rows in a table."""
    number: int = rows_of(server, f"SELECT count(*) FROM {table}")[0][0]
    return number


def rows_of(server: EvaldServer, statement: str) -> Sequence[tuple[Any, ...]]:
    """Give what a statement finds; of SQLite in a copy of the database, with its log."""
    if url := server.environment.get("EVALD_DATABASE_URL"):
        return asyncio.run(fetched(url, statement))
    with tempfile.TemporaryDirectory() as folder:
        for file in server.data_dir.glob("evald.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / "evald.db")) as database:
            return database.execute(statement).fetchall()
