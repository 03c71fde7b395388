"""How fast are workers beside one process, and what does the queue on Postgres cost?

evald is used as it is deployed: `evald serve` on SQLite and on Postgres, and `evald serve` that leaves
the runs to one, two and four `evald worker`. All ways take turns, several rounds, each on an empty
database, and do a small run before the clock starts. ``python -m benchmarks.cluster [PART ...]``

runs      a run as in benchmarks/throughput.py, of a scripted model that answers at once (0 ms: all the
          time is evald's own) and after 50 ms; --in-flight calls at once, over all processes
graded    rows that bring their samples: no model, so nothing but rows, chunks and the store
chunks    chunks in which there is nothing to do, by the functions of the queue alone
first     milliseconds from the answer to a create to the moment in which the model gets the first call
idle      CPU seconds a minute of processes that have nothing to do

items/s          items by the time from creating the run to seeing it completed
ratio            the same by that of `serve, SQLite` in the same round; the median of the rounds' ratios
CPU s / 1,000    CPU seconds of all evald processes for 1,000 items; Postgres has its own column
cores            that all of them and the model server had busy together

Everything is on one machine, so more processes are faster only as far as there are cores: when `cores`
is near their number, there is nothing left to gain, and only the CPU seconds can be compared. Postgres
runs as for the tests, without fsync; with --fsync it writes to the disk.
"""

import argparse
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.deployments import POSTGRES, SQLITE, WAYS, WORKERS, Deployment, Way, deployed
from benchmarks.evald_server import CRITERION, EvaldServer
from benchmarks.processes import cpu_seconds
from benchmarks.queue_cost import queue_cost
from benchmarks.rows import passing, rows
from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.postgres import PostgresServer

WARM_UP = 64
POLL_S = 0.02
ROWS_A_CHUNK = 256
CHUNKS = 100
GRADED_FOR_ONE = 8
"""Rows without a model in place of each row with one: they are so much quicker."""
IDLE_S = 20


@dataclass(frozen=True)
class Cost:
    """What one run took."""

    items: int
    seconds: float
    cpu_seconds: float
    database_cpu_seconds: float
    model_cpu_seconds: float

    @property
    def cores(self) -> float:
        """Give how many cores were busy with it."""
        used = self.cpu_seconds + self.database_cpu_seconds + self.model_cpu_seconds
        return used / self.seconds


@dataclass(frozen=True)
class Bench:
    """What every measurement has at hand."""

    asked: argparse.Namespace
    models: ModelServer
    postgres: PostgresServer

    def deployed(self, way: Way) -> Any:
        """Have evald's processes for a ``with`` block."""
        return deployed(way, self.models.url, self.postgres, self.asked.in_flight)


def main() -> None:
    """Measure what was asked for and print it."""
    asked = arguments()
    production = {"fsync": "on", "full_page_writes": "on", "autovacuum": "on"}
    postgres = PostgresServer(**(production if asked.fsync else {}))
    postgres.start()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before; ", end="")
    print(f"Postgres {'with' if asked.fsync else 'without'} fsync; rounds: {asked.rounds}")
    try:
        with ModelServer() as models:
            for part in asked.parts:
                PARTS[part](Bench(asked, models, postgres))
    finally:
        postgres.remove()


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", default=list(PARTS), help=" ".join(PARTS))
    parser.add_argument("--rows", type=int, default=5000, help="items a run (default 5000)")
    parser.add_argument("--rounds", type=int, default=3, help="(default 3)")
    parser.add_argument("--latency-ms", type=int, nargs="+", default=[0, 50])
    parser.add_argument(
        "--in-flight", type=int, default=64, help="max_concurrency of the provider (default 64)"
    )
    parser.add_argument("--fsync", action="store_true", help="have Postgres write to the disk")
    return parser.parse_args()


def runs(bench: Bench) -> None:
    """Measure runs of a model, at each latency."""
    for latency_ms in bench.asked.latency_ms:
        bench.models.script(Step(delay_ms=latency_ms))
        print(f"\n{bench.asked.rows:,} items, the model answers after {latency_ms} ms")
        print_costs(in_turns(bench, sampled_run, bench.asked.rows))


def sampled_run(server: EvaldServer, items: int) -> Callable[[], Any]:
    """Give what creates a run of a model over an uploaded file."""
    eval_id, file_id = server.create_eval(), server.upload(rows(items))
    return lambda: server.create_run(eval_id, file_id)


def graded_run(server: EvaldServer, items: int) -> Callable[[], Any]:
    """Give what creates a run whose rows bring their samples, in an uploaded file."""
    criterion = {**CRITERION, "input": "{{ item.question }}"}
    schema = {"type": "custom", "item_schema": {"type": "object"}}
    asked = {"data_source_config": schema, "testing_criteria": [criterion]}
    path = f"/v1/evals/{server.ask('POST', '/v1/evals', asked)['id']}/runs"
    source = {"type": "jsonl", "source": {"type": "file_id", "id": server.upload(rows(items))}}
    return lambda: server.ask("POST", path, {"data_source": source})


NewRun = Callable[[EvaldServer, int], Callable[[], Any]]


def in_turns(bench: Bench, new_run: NewRun, items: int) -> list[list[Cost]]:
    """Give what the run took in each round, and each way."""
    return [
        [measured(bench, way, new_run, items) for way in WAYS] for _ in range(bench.asked.rounds)
    ]


def measured(bench: Bench, way: Way, new_run: NewRun, items: int) -> Cost:
    """Deploy, do a small run, and give what the large one takes."""
    with bench.deployed(way) as deployment:
        server, model = deployment.server, bench.models.process.pid
        server.until_final(new_run(server, WARM_UP)(), POLL_S)
        create = new_run(server, items)
        before = deployment.cpu_seconds(), deployment.database_cpu_seconds(), cpu_seconds(model)
        began = time.monotonic()
        run = server.until_final(create(), POLL_S)
        seconds = time.monotonic() - began
        after = deployment.cpu_seconds(), deployment.database_cpu_seconds(), cpu_seconds(model)
    counts = run["result_counts"]
    if counts["passed"] != passing(items) or counts["total"] != items:
        raise RuntimeError(f"{run['status']} with {counts}: {run['error']}")
    evald, database, models = (late - early for late, early in zip(after, before, strict=True))
    return Cost(items, seconds, evald, database, models)


def print_costs(rounds: Sequence[Sequence[Cost]]) -> None:
    """Print a line for each way: medians of the rounds."""
    print(f"{'':18}{'items/s':>9}{'ratio':>8}{'CPU s / 1,000':>15}{'of Postgres':>13}{'cores':>8}")
    for place, way in enumerate(WAYS):
        costs = [one[place] for one in rounds]
        speed = median(one.items / one.seconds for one in costs)
        ratio = median(one[0].seconds / one[place].seconds for one in rounds)
        cpu = median(one.cpu_seconds / one.items * 1000 for one in costs)
        database = median(one.database_cpu_seconds / one.items * 1000 for one in costs)
        cores = median(one.cores for one in costs)
        figures = f"{speed:9,.0f}{ratio:8.2f}{cpu:15.3f}{database:13.3f}{cores:8.2f}"
        print(f"{way.name:18}{figures}", flush=True)


def graded(bench: Bench) -> None:
    """Measure rows that need no model."""
    items = bench.asked.rows * GRADED_FOR_ONE
    print(f"\n{items:,} rows that bring their samples, {ROWS_A_CHUNK} a chunk")
    print_costs(in_turns(bench, graded_run, items))


def chunks(bench: Bench) -> None:
    """Measure what chunks cost in which there is nothing to do."""
    with bench.deployed(POSTGRES) as deployment:
        server = deployment.server
        run = server.until_final(graded_run(server, CHUNKS * ROWS_A_CHUNK)(), POLL_S)
        url = server.environment["EVALD_DATABASE_URL"]
    costs = [queue_cost(url, run["id"]) for _ in range(bench.asked.rounds)]
    statements = costs[0].statements / CHUNKS
    print(f"\n{CHUNKS} chunks with nothing to do: {statements:.1f} statements each,")
    print(
        f"{median(CHUNKS / one.seconds for one in costs):,.0f} chunks/s, "
        f"{median(one.seconds / CHUNKS for one in costs) * 1000:.2f} ms and "
        f"{median(one.cpu_seconds / CHUNKS for one in costs) * 1000:.2f} CPU ms a chunk",
        flush=True,
    )


def first_calls(bench: Bench) -> None:
    """Measure the time to the first call, 30 runs each way."""
    bench.models.script(Step())
    print("\nms from the answer to a create to the first call of the model: median, 9 in 10, most")
    for way in (SQLITE, POSTGRES, WORKERS[0]):
        with bench.deployed(way) as deployment:
            times = sorted(first_call(deployment, bench.models) for _ in range(31))[:-1]
        print(f"{way.name:18}{median(times):8.1f}{times[26]:8.1f}{times[-1]:8.1f}", flush=True)


def first_call(deployment: Deployment, models: ModelServer) -> float:
    """Create a run of one row, and give the milliseconds; negative if the call came first."""
    server = deployment.server
    create = sampled_run(server, 1)
    models.reset_stats()
    run = create()
    answered = time.monotonic()
    began = models.wait(started=1).started_at[0]
    server.until_final(run, POLL_S)
    return (began - answered) * 1000


def idle(bench: Bench) -> None:
    """Measure processes that have nothing to do."""
    print(f"\nCPU seconds a minute of processes that have nothing to do, over {IDLE_S} s")
    for way in (SQLITE, POSTGRES, WORKERS[0]):
        with bench.deployed(way) as deployment:
            pids = {"server": deployment.server.process.pid}
            if deployment.workers:
                pids["worker"] = deployment.workers[0]
            if deployment.postgres:
                pids["Postgres"] = deployment.postgres.process.pid
            before = {name: cpu_seconds(pid) for name, pid in pids.items()}
            time.sleep(IDLE_S)
            used = {
                name: (cpu_seconds(pid) - before[name]) * 60 / IDLE_S for name, pid in pids.items()
            }
        figures = "  ".join(f"{name} {seconds:.2f}" for name, seconds in used.items())
        print(f"{way.name:18}{figures}", flush=True)


PARTS = {"runs": runs, "graded": graded, "chunks": chunks, "first": first_calls, "idle": idle}

if __name__ == "__main__":
    main()
