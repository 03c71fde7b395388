"""What lies in a database, read from a copy so that the next process finds it as it was left."""

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

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
    with copied(server.data_dir) as database:
        statuses = dict(database.execute("SELECT id, status FROM runs"))
        found = database.execute("SELECT run_id, row_index, body FROM output_items").fetchall()
    items = {(run, row): body for run, row, body in found}
    assert len(items) == len(found), "a row has two items"
    return Saved(statuses, items)


def count_rows(server: EvaldServer, table: str) -> int:
    """Give the number of rows in a table."""
    with copied(server.data_dir) as database:
        number: int = database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return number


@contextmanager
def copied(data_dir: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of the database, with its log, and throw the copy away."""
    with tempfile.TemporaryDirectory() as folder:
        for file in data_dir.glob("evald.db*"):
            if not file.name.endswith("-shm"):
                shutil.copy(file, folder)
        with closing(sqlite3.connect(Path(folder) / "evald.db")) as database:
            yield database
