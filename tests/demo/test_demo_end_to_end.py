"""`make demo` from its first to its last line: evald and the real small model, without a terminal.

What it prints is held against what a server, started afterwards on the same data, answers.
"""

import os
import re
import signal
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import psutil
import pytest

from demo.mail_eval import expected_answer
from tests.server import CHECKOUT, EvaldServer, FreshServer
from tests.waiting import until

ENDS_WITHIN_S = 600
"""Much more than it takes, for machines that do much else."""
ROWS = 40


def test_the_demo_ends_well_tells_the_truth_and_leaves_nothing_running(tmp_path: Path) -> None:
    mark = f"DEMO_RUN={uuid.uuid4()}"

    with start_demo(tmp_path, mark) as demo:
        printed, errors = demo.communicate(timeout=ENDS_WITHIN_S)

    assert (demo.returncode, errors) == (0, "")
    until(lambda: not processes_with(mark))
    with FreshServer(tmp_path) as server:
        second, first = runs_of_the_only_eval(server)
        check_result(printed, first, server)
        check_failed_rows(printed, output_items(server, first))
        check_cancel(printed, second, output_items(server, second))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_demo_that_is_stopped_in_a_run_says_only_that_and_leaves_nothing_running(
    tmp_path: Path, number: signal.Signals
) -> None:
    mark = f"DEMO_RUN={uuid.uuid4()}"
    with start_demo(tmp_path, mark) as demo:
        assert demo.stdout is not None
        while not demo.stdout.readline().startswith("client.evals.runs.create"):
            assert demo.poll() is None

        demo.send_signal(number)
        printed, errors = demo.communicate(timeout=ENDS_WITHIN_S)

    assert (demo.returncode, errors) == (130, "")
    assert printed.endswith("\nStopped.\n")
    until(lambda: not processes_with(mark))


def start_demo(folder: Path, mark: str) -> subprocess.Popen[str]:
    """Start the demo in a folder of its own; `mark` is in the environment of all its processes."""
    name, _, value = mark.partition("=")
    return subprocess.Popen(
        [sys.executable, "-m", "demo.demo", "--folder", str(folder), "--port", "0"],
        cwd=CHECKOUT,
        env={**os.environ, name: value, "COLUMNS": "100", "PYTHONIOENCODING": "utf-8"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
    )


def processes_with(mark: str) -> list[psutil.Process]:
    """Give the processes that have this in their environment."""
    name, _, value = mark.partition("=")
    found = psutil.process_iter(["environ"])
    return [each for each in found if (each.info["environ"] or {}).get(name) == value]


def runs_of_the_only_eval(server: EvaldServer) -> list[dict[str, Any]]:
    """Give the demo's runs, newest first."""
    (made,) = server.ask("GET", "/v1/evals").json["data"]
    runs: list[dict[str, Any]] = server.ask("GET", f"/v1/evals/{made['id']}/runs?order=desc").json[
        "data"
    ]
    assert [run["name"] for run in runs] == ["second run", "first run"]
    return runs


def output_items(server: EvaldServer, run: dict[str, Any]) -> list[dict[str, Any]]:
    """Give all output items of a run, in the order of the rows."""
    path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}/output_items"
    page = server.ask("GET", f"{path}?limit=100&order_by=datasource_item_id").json
    assert not page["has_more"]
    items: list[dict[str, Any]] = page["data"]
    return items


def check_result(printed: str, run: dict[str, Any], server: EvaldServer) -> None:
    """See that the numbers of the first run agree with each other and with the API."""
    counts = run["result_counts"]
    assert run["status"] == "completed"
    assert counts["errored"] == 0
    assert counts["passed"] + counts["failed"] == counts["total"] == ROWS
    assert f" {ROWS}/{ROWS} rows " in printed
    assert shares(printed, "pass rate") == [share(counts["passed"], counts["failed"])]
    for each in run["per_testing_criteria_results"]:
        assert each["passed"] + each["failed"] == ROWS
        name = each["testing_criteria"].rsplit("-", 5)[0]
        assert shares(printed, name) == [share(each["passed"], each["failed"])]

    (usage,) = run["per_model_usage"]
    assert usage["prompt_tokens"] > 0 < usage["completion_tokens"]
    assert fact(printed, "tokens").startswith(f"{usage['prompt_tokens']:,} in, ")
    assert fact(printed, "tokens").endswith(f"; {usage['completion_tokens']:,} out")
    took = run["evald"]["finished_at"] - run["evald"]["started_at"]
    assert fact(printed, "time") == f"{took:.1f} s, {ROWS / took:.1f} rows/s"
    path = f"/evaluations/{run['eval_id']}?run_id={run['id']}"
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+" + re.escape(path), fact(printed, "report"))
    assert server.ask("GET", path).status == 200


def share(passed: int, failed: int) -> tuple[str, int, int]:
    """Give a share as the demo should print it."""
    return f"{passed / (passed + failed):.0%}", passed, failed


def shares(printed: str, name: str) -> list[tuple[str, int, int]]:
    """Give what was printed as this share: the percentage, how many passed, how many failed."""
    line = re.compile(rf"^{name} +(\d+%) .* (\d+) passed, (\d+) failed *$", re.MULTILINE)
    return [(rate, int(passed), int(failed)) for rate, passed, failed in line.findall(printed)]


def fact(printed: str, name: str) -> str:
    """Give what was printed beside this name."""
    (value,) = re.findall(rf"^{name} +(\S.*)$", printed, re.MULTILINE)
    return str(value)


def check_failed_rows(printed: str, items: list[dict[str, Any]]) -> None:
    """See that just the rows that did not pass are shown, with what was expected and what came."""
    failed = {str(item["datasource_item_id"]): item for item in items if item["status"] != "pass"}
    _, _, table = printed.partition(f"The {len(failed)} rows that did not pass")
    table, _, _ = table.partition("The result")
    _, *cells = re.split(r"^ *(\d+)  ", table, flags=re.MULTILINE)
    shown = dict(zip(cells[::2], cells[1::2], strict=True))

    assert list(shown) == list(failed)
    for number, item in failed.items():
        got = item["sample"]["output"][0]["content"]
        expected = expected_answer(item["datasource_item"])
        assert set(f"{expected} {got}".split()) <= set(shown[number].split())


def check_cancel(printed: str, run: dict[str, Any], items: list[dict[str, Any]]) -> None:
    """See that the second run stopped in the middle, and kept what the demo says it kept."""
    kept, aborted = run["result_counts"]["total"], run["evald"]["calls_aborted"]
    assert run["status"] == "canceled"
    assert len(items) == kept < ROWS
    assert aborted >= 1
    assert fact(printed, "answer").endswith(", status canceled")
    assert fact(printed, "calls aborted") == str(aborted)
    assert fact(printed, "items kept") == f"{kept} of {ROWS} in the counts, {kept} listed"
    assert re.search(r" slots busy before, all idle after \d+ ms$", fact(printed, "model server"))
    assert fact(printed, "a second later") == f"model server idle, {kept} items"
