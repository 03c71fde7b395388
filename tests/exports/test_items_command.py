"""`evald export items`: a whole file under its name, or none."""

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.exports.awkward import Line, exported
from tests.server import CHECKOUT, UNCOMPILED, EvaldServer, evald_ended, evald_environment


def export(server: EvaldServer, run: Line, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return evald_ended("export", "items", run["eval_id"], run["id"], "--url", server.url, *more)


@pytest.mark.parametrize("name", ["items.jsonl", "items.CSV", "items.parquet"])
def test_the_ending_of_the_file_names_its_format(
    server: EvaldServer, run: Line, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name

    ended = export(server, run, "--out", str(path))

    assert (ended.returncode, ended.stdout) == (0, "")
    assert [each.name for each in tmp_path.iterdir()] == [name]
    kind = path.suffix[1:].lower()
    if kind == "parquet":
        assert pq.read_metadata(path).num_rows == run["result_counts"]["total"]
    else:
        assert path.read_bytes() == exported(server, run, format=kind).body


def test_standard_output_is_the_file_and_nothing_else(server: EvaldServer, run: Line) -> None:
    options = ["--columns", "item.text,status", "--status", "fail", "--limit", "3", "--raw"]
    options += ["--criterion", "exact", "--verdict", "failed"]

    ended = export(server, run, *options, "--format", "csv")
    lines = export(server, run, "--columns", "id")

    query = {"columns": "item.text,status", "status": "fail", "limit": 3, "raw": "true"}
    asked = exported(server, run, format="csv", criterion="exact", verdict="failed", **query)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.encode() == asked.body.replace(b"\r\n", b"\n")
    ids = [json.loads(line)["id"] for line in lines.stdout.splitlines()]
    assert len(ids) == run["result_counts"]["total"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--columns", "idd"], "The nearest is 'id'"),
        (["--status", "good"], "status must be one of"),
        (["--url", "http://127.0.0.1:9"], "does not answer"),
        (["--url", "nonsense"], "is no URL of a server"),
        (["--url", "http://[::1"], "is no URL of a server"),
        (["--url", "http://127.0.0.1:port"], "is no URL of a server"),
        (["--url", "http://127.0.0.1:8484/a b"], "does not answer"),
        (["--api-key", "a\nb"], "printable ASCII"),
        (["--out", "items.xlsx"], "give --format"),
        (["--out", "missing/items.csv"], "cannot be written"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_what_cannot_be_had_is_said_and_leaves_no_file(
    server: EvaldServer, run: Line, tmp_path: Path, options: list[str], says: str
) -> None:
    named = [str(tmp_path / each) if "items." in each else each for each in options]
    out = [] if "--out" in options else ["--out", str(tmp_path / "items.csv")]

    ended = export(server, run, *out, *named)

    assert ended.returncode == 1
    assert ended.stderr.startswith("Nothing was exported. ")
    assert says in ended.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_is_there_stays_until_the_new_one_is_whole(
    server: EvaldServer, run: Line, tmp_path: Path
) -> None:
    path = tmp_path / "items.csv"
    path.write_text("old")

    assert export(server, run, "--out", str(path), "--columns", "idd").returncode == 1
    assert path.read_text() == "old"
    assert export(server, run, "--out", str(path), "--columns", "id").returncode == 0
    assert path.read_text().startswith("id")


@pytest.mark.parametrize("to_file", [True, False], ids=["to a file", "to standard output"])
def test_an_answer_that_is_cut_is_no_file_and_an_error(tmp_path: Path, *, to_file: bool) -> None:
    begun = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{}\n\r\n"
    out = ["--out", str(tmp_path / "items.jsonl")] if to_file else []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(begun)

        thread = threading.Thread(target=answer)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        ended = evald_ended("export", "items", "eval_1", "evalrun_1", "--url", url, *out)
        thread.join()

    assert ended.returncode == 1
    assert "cut the file before its end" in ended.stderr
    assert ended.stdout == ("" if to_file else "{}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_is_said(server: EvaldServer, run: Line, tmp_path: Path) -> None:
    named = ["export", "items", run["eval_id"], run["id"], "--url", server.url]
    command = [sys.executable, "-m", "evald", *named, "--out", str(tmp_path / "items.jsonl")]
    full = subprocess.run(
        ["sh", "-c", 'ulimit -f 4; exec "$@"', "sh", *command],
        cwd=CHECKOUT,
        env=evald_environment(UNCOMPILED),
        capture_output=True,
        text=True,
        check=False,
    )

    assert full.returncode == 1
    assert "cannot be written: File too large" in full.stderr
    assert os.listdir(tmp_path) == []
