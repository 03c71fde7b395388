"""How fast is a run? evald beside a floor: a bare loop that makes the same calls.

Both work on the same rows with 64 calls in flight against the same scripted model server, which
answers at once (0 ms: all the time is evald's own) and after 50 ms (most of it is waiting, as with
a real model). They take turns, several rounds, each in a new process, and do a few rows before the
clock starts. evald is used as a user would: `evald serve`, an uploaded file, a completions run with
one string_check, polled until it is final; its time runs from the request that creates the run.

items/s          items by the time from creating the run to seeing it completed
items/s inside   the same by the run's own started_at and finished_at, if it has them
CPU s / 1,000    CPU seconds of the evald process (the floor's process) for 1,000 items
peak MiB         the most memory the process had resident
ratio            evald by floor; the median of the rounds' ratios
ideal            items/s if nothing but the model's latency took time: 64 / 0.05 s

Only the ratios can be compared between machines. The last lines say whether the aims are met.
The exit status is 1 if a run's counts are wrong, never because it was slow.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

from benchmarks.comparison import IN_FLIGHT, Comparison, Round, summary, table
from benchmarks.evald_server import EvaldServer
from benchmarks.processes import Measurement, cpu_seconds, peak_mib
from benchmarks.rows import Row, passing, rows
from tests.model_server.client import ModelServer
from tests.model_server.script import Step

WARM_UP = 64


class WrongCounts(Exception):
    """A run did not do what it was told to: the figures would be worth nothing."""


def main() -> None:
    """Measure at each latency and print the figures."""
    asked = arguments()
    work = rows(asked.rows)
    comparisons = []
    with ModelServer() as models:
        for latency_ms in asked.latency_ms:
            models.script(Step(delay_ms=latency_ms))
            rounds = [one_round(models, work, asked.poll_ms / 1000) for _ in range(asked.rounds)]
            comparisons.append(Comparison(latency_ms, rounds))
            if not asked.json:
                print(table(comparisons[-1]), flush=True)
    if asked.json:
        print(json.dumps([summary(one) for one in comparisons], indent=2))


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.throughput",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rows", type=int, default=5000, help="items a run (default 5000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds a latency (default 3)")
    parser.add_argument(
        "--latency-ms",
        type=int,
        nargs="+",
        default=[0, 50],
        help="before the model's first byte (default 0 50)",
    )
    parser.add_argument(
        "--poll-ms", type=float, default=50, help="how often the run is asked for (default 50)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser.parse_args()


def one_round(models: ModelServer, work: list[Row], poll_s: float) -> Round:
    """Measure the floor, then evald."""
    floor = measure_floor(models, work)
    with EvaldServer(models.url) as evald:
        measured = measure_evald(evald, models, work, poll_s)
    for one in (floor, measured):
        if one.passed != passing(len(work)):
            raise WrongCounts(f"{one.passed} rows passed, not {passing(len(work))}")
    return Round(floor, measured)


def measure_floor(models: ModelServer, work: list[Row]) -> Measurement:
    """Carry out the rows with the bare loop in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="evald-benchmark-") as folder:
        out = Path(folder) / "items.jsonl"
        flags = {"--url": models.url, "--rows": len(work), "--in-flight": IN_FLIGHT, "--out": out}
        words = [str(word) for flag in flags.items() for word in flag]
        command = [sys.executable, "-m", "benchmarks.floor", *words]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
        lines = out.read_bytes().count(b"\n")
    if lines != len(work):
        raise WrongCounts(f"the floor wrote {lines} lines for {len(work)} rows")
    return Measurement(**json.loads(done.stdout))


def measure_evald(
    evald: EvaldServer, models: ModelServer, work: list[Row], poll_s: float
) -> Measurement:
    """Carry out the rows as a run; the upload is not counted, the creation of the run is."""
    eval_id = evald.create_eval()
    warm_up = evald.create_run(eval_id, evald.upload(rows(WARM_UP)))
    evald.until_final(warm_up, poll_s)
    file_id = evald.upload(work)
    models.reset_stats()
    cpu_before, model_cpu_before = cpu_seconds(evald.process.pid), cpu_seconds(models.process.pid)
    began = monotonic()
    run = evald.until_final(evald.create_run(eval_id, file_id), poll_s)
    seconds = monotonic() - began
    check_run(run, len(work), models)
    return Measurement(
        items=len(work),
        passed=run["result_counts"]["passed"],
        seconds=seconds,
        cpu_seconds=cpu_seconds(evald.process.pid) - cpu_before,
        peak_mib=peak_mib(evald.process.pid),
        inner_seconds=inner_seconds(run),
        model_server_cpu_seconds=cpu_seconds(models.process.pid) - model_cpu_before,
    )


def check_run(run: Any, items: int, models: ModelServer) -> None:
    """See that the run did all rows, each with one call; raise WrongCounts if not."""
    counts = run["result_counts"]
    expected = {
        "total": items,
        "passed": passing(items),
        "failed": items - passing(items),
        "errored": 0,
    }
    if run["status"] != "completed" or counts != expected:
        raise WrongCounts(f"{run['status']} with {counts}, not {expected}: {run['error']}")
    if models.stats().started != items:
        raise WrongCounts(f"{models.stats().started} model calls for {items} rows")


def inner_seconds(run: Any) -> float | None:
    """Give the time by the run's own clock; None if the run does not tell."""
    told = run.get("evald") or {}
    if told.get("started_at") is None or told.get("finished_at") is None:
        return None
    return float(told["finished_at"]) - float(told["started_at"])


if __name__ == "__main__":
    main()
