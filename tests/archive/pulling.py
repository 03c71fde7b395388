"""Pulls as a user starts them, and the archive as a reader finds it."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.archive.api_server import ApiServer
from tests.server import CHECKOUT, ENDED_WITHIN_S, evald_ended, evald_environment

KEY = "sk-a-key-that-nobody-may-see"


def arguments(api: str, folder: Path, *more: str) -> list[str]:
    """Give the arguments of a pull that is not patient."""
    named = ["--out", str(folder), "--base-url", api, "--tries", "2", "--timeout", "20"]
    return ["pull", "openai", *named, *more]


def pulled(
    api: ApiServer, folder: Path, *more: str, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Pull to the end."""
    return evald_ended(
        *arguments(api.base_url, folder, *more),
        environment={"OPENAI_API_KEY": KEY, **(environment or {})},
    )


def begun(api: ApiServer, folder: Path, *more: str) -> subprocess.Popen[str]:
    """Begin a pull."""
    return subprocess.Popen(
        [sys.executable, "-m", "evald", *arguments(api.base_url, folder, *more)],
        cwd=CHECKOUT,
        env=evald_environment({"OPENAI_API_KEY": KEY}),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def ended(process: subprocess.Popen[str]) -> str:
    """Wait for its end and give what it said."""
    said, _ = process.communicate(timeout=ENDED_WITHIN_S)
    return said


def items_of(folder: Path, eval_id: str, run_id: str) -> list[bytes]:
    """Give the lines of a run's output items."""
    path = folder / "evals" / eval_id / "runs" / run_id / "output_items.jsonl"
    return path.read_bytes().splitlines()


def one_line(raw: bytes) -> bytes:
    """Give an object as it stands in a file of lines."""
    return raw.replace(b"\n", b" ")


def failures(folder: Path) -> list[dict[str, Any]]:
    """Give what could not be had."""
    return [json.loads(line) for line in (folder / "failures.jsonl").read_bytes().splitlines()]


def assert_holds(folder: Path, api: ApiServer) -> None:
    """See that every eval, run, output item and file of the API is there as it was sent."""
    content = api.content
    for raw in content.lists.get("evals", []):
        eval_id = json.loads(raw)["id"]
        assert (folder / "evals" / eval_id / "eval.json").read_bytes() == raw
        for run in content.lists[f"evals/{eval_id}/runs"]:
            run_id = json.loads(run)["id"]
            assert (folder / "evals" / eval_id / "runs" / run_id / "run.json").read_bytes() == run
            items = content.lists[f"evals/{eval_id}/runs/{run_id}/output_items"]
            assert items_of(folder, eval_id, run_id) == [one_line(each) for each in items]
    for file in content.lists.get("files", []):
        file_id = json.loads(file)["id"]
        assert (folder / "files" / file_id / "file.json").read_bytes() == file
        body = content.bodies[f"files/{file_id}/content"]
        assert (folder / "files" / file_id / "content").read_bytes() == body
    assert list(folder.rglob("*.part")) == []
