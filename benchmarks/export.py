"""How fast a run's output items come out of a server as a file, and what memory that takes.

A run of a million items lies in the database of a real server. Each format is asked for over HTTP, and
what comes is counted and thrown away. The floor is the least that has to be done for it, in the same
minute: one process selects the same rows and writes their texts to a file. CPU seconds are those of the
server, or of that process: they say more than the clock where others use the machine, too.
``python -m benchmarks.export --items 1000000`` prints a line for each.
"""

import argparse
import os
import sqlite3
import tempfile
import time
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.evald_server import EvaldServer
from benchmarks.processes import cpu_seconds, peak_mib

ROWS = [
    {"item": {"question": f"Please repeat this line: row {n} is here", "answer": "no"}}
    for n in (0, 1)
]
ANSWER = {"choices": [{"message": {"role": "assistant", "content": "Of course. " * 60}}]}
INSERTED_AT_ONCE = 10_000


@dataclass(frozen=True)
class Measured:
    """What one way took."""

    name: str
    seconds: float
    cpu_seconds: float
    megabytes: float
    peak_mib: float


def main() -> None:
    """Make the run, measure every way, and print it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.export", description=__doc__)
    parser.add_argument("--items", type=int, default=1_000_000)
    asked = parser.parse_args()
    with EvaldServer("http://127.0.0.1:9/v1") as server:
        path, run_id = make_run(server)
        database = Path(server.folder.name) / "evald.db"
        fill(database, run_id, asked.items)
        floor = measure_floor(database, run_id)
        report(floor, asked.items, floor)
        for kind in ("jsonl", "csv", "parquet"):
            report(measure(server, f"{path}/export?format={kind}", kind), asked.items, floor)
        few = f"{path}/export?format=csv&columns=id,status,item.question,results.exact.score"
        report(measure(server, few, "csv, 4 columns"), asked.items, floor)


def report(measured: Measured, items: int, floor: Measured) -> None:
    """Print one line."""
    print(
        f"{measured.name:16} {items / measured.seconds:10,.0f} items/s  {measured.megabytes:8,.0f} MB  "
        f"{measured.seconds:6.1f} s  {measured.cpu_seconds:6.1f} CPU s  "
        f"{measured.cpu_seconds / floor.cpu_seconds:5.2f} x the floor's  "
        f"peak {measured.peak_mib:5,.0f} MiB",
        flush=True,
    )


def make_run(server: EvaldServer) -> tuple[str, str]:
    """Give the path and the id of a completed run of two items."""
    eval_id = server.create_eval()
    rows = [{**row, "sample": ANSWER} for row in ROWS]
    source = {"type": "jsonl", "source": {"type": "file_content", "content": rows}}
    run = server.ask("POST", f"/v1/evals/{eval_id}/runs", {"data_source": source})
    server.until_final(run, 0.05)
    return f"/v1/evals/{eval_id}/runs/{run['id']}", run["id"]


def fill(database: Path, run_id: str, items: int) -> None:
    """Add items like those that are there, until the run has so many."""
    connection = sqlite3.connect(database, isolation_level=None)
    (body,) = connection.execute(
        "SELECT body FROM output_items WHERE run_id = ? AND row_index = 1", [run_id]
    ).fetchone()
    item = orjson.loads(body)
    for first in range(2, items, INSERTED_AT_ONCE):
        rows = [
            new_row(run_id, item, n) for n in range(first, min(items, first + INSERTED_AT_ONCE))
        ]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany(
            "INSERT INTO output_items (id, run_id, row_index, status, body) VALUES (?, ?, ?, ?, ?)",
            rows,
        )
        connection.execute("COMMIT")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def new_row(run_id: str, item: Any, number: int) -> tuple[str, str, int, str, str]:
    """Give an item as a row of the table."""
    item_id = f"outputitem_{number:032x}"
    fields = {"question": f"Please repeat this line: row {number} is here", "answer": "no"}
    body = {**item, "id": item_id, "datasource_item_id": number, "datasource_item": fields}
    return item_id, run_id, number, item["status"], orjson.dumps(body).decode()


def measure_floor(database: Path, run_id: str) -> Measured:
    """Select the items by row and write their texts to a file."""
    connection = sqlite3.connect(database)
    with tempfile.TemporaryFile() as out:
        began, cpu_before, size = time.monotonic(), time.process_time(), 0
        for (body,) in connection.execute(
            "SELECT body FROM output_items WHERE run_id = ? ORDER BY row_index", [run_id]
        ):
            size += out.write(body.encode() + b"\n")
        out.flush()
        seconds, cpu = time.monotonic() - began, time.process_time() - cpu_before
    connection.close()
    return Measured("select and write", seconds, cpu, size / 1e6, peak_mib(os.getpid()))


def measure(server: EvaldServer, path: str, name: str) -> Measured:
    """Ask for a file and throw it away as it comes; RuntimeError when it is refused or cut."""
    reset_peak(server.process.pid)
    assert server.connection.host is not None
    connection = HTTPConnection(server.connection.host, server.connection.port, timeout=600)
    pid = server.process.pid
    began, cpu_before, size = time.monotonic(), cpu_seconds(pid), 0
    connection.request("GET", path)
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"{answer.status}: {answer.read().decode()}")
    while piece := answer.read(1 << 20):
        size += len(piece)
    seconds, cpu = time.monotonic() - began, cpu_seconds(pid) - cpu_before
    connection.close()
    return Measured(name, seconds, cpu, size / 1e6, peak_mib(pid))


def reset_peak(pid: int) -> None:
    """Have the peak of a process counted anew, from what it uses now."""
    if psutil.LINUX:
        Path(f"/proc/{pid}/clear_refs").write_text("5")


if __name__ == "__main__":
    main()
