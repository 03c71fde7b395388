"""One long run, while everything around it is hurt again and again."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import orjson

from chaos.accounts import Accounts, accounts, calls_by_row
from chaos.clients import AnyServer, create_eval, create_run
from chaos.history import lost
from chaos.machines import Cluster, Size
from chaos.plan import ON_POSTGRES, ON_SQLITE, Strike, plan
from chaos.striking import Striker
from chaos.watching import EVAL, Neighbour, Noted, Watcher
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.invariants import check
from tests.runs.making import FINAL, asked, get_run, jsonl, rows, sampled
from tests.server import EvaldServer
from tests.waiting import until

UNSAVED_S: Final = 1.0
"""An item is saved within 50 ms of its last grade; the machine may be busy meanwhile."""
STOPPED_WITHIN_S: Final = 1.5
"""Seconds after a cancel in which a process that is cut off may still begin a call."""
ENDED_WITHIN_S: Final = 120
Say = Callable[[str], None]


@dataclass(frozen=True)
class Order:
    """What is to be done."""

    seed: int
    rows: int
    kills: int
    size: Size
    drain_s: float = 0.0
    """Seconds that calls in flight have to end at a SIGTERM."""


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    wrongs: Sequence[str]
    """Everything that must not be; empty when all promises were kept."""
    accounts: Accounts
    rows_by_calls: dict[int, int]
    """How many rows were asked for how often."""
    reads: int
    neighbours: int
    failed_starts: int
    tracebacks: Sequence[str]
    seconds: float


def long_run(order: Order, models: ModelServer, folder: Path, say: Say) -> Outcome:
    """Carry a run out while the cluster is hurt, then hold it against all that was promised."""
    began_at = time.monotonic()
    noted = Noted()
    models.script_rules(
        Rule([Step(delay_ms=20)], contains="neighbour"),
        Rule([Step(delay_ms=5, hold="before")]),
    )
    drain = {"EVALD_DRAIN_SECONDS": f"{order.drain_s}"}
    with Cluster(folder, order.size, models.url, drain) as cluster:
        with closing(AnyServer(cluster.servers)) as servers:
            run = _create(servers, order, noted)
            striker = _hurt(cluster, servers, models, order, run, noted, say)
        wrongs = [*noted.wrongs(), *striker.wrongs(), *_wrongs_of_runs(cluster.servers, noted)]
        wrongs += _wrongs_of_the_end(cluster.servers[0], order, run)
        models.wait(timeout=60, in_flight=0)
        calls = models.calls()
    (folder / "calls.json").write_bytes(orjson.dumps(calls))
    (folder / "blows.json").write_bytes(orjson.dumps(striker.blows))
    (folder / "seen.json").write_bytes(orjson.dumps(noted.seen))
    own = [call for call in calls if call.message.startswith("row ")]
    told = accounts(own, striker.blows, UNSAVED_S)
    return Outcome(
        wrongs=[*wrongs, *noted.late_calls(calls, STOPPED_WITHIN_S), *told.unexplained],
        accounts=told,
        rows_by_calls=dict(calls_by_row(own)),
        reads=len(noted.seen),
        neighbours=len(noted.acknowledged) - 1,
        failed_starts=striker.failed_starts,
        tracebacks=[name for name, log in cluster.logs() if "Traceback" in log],
        seconds=time.monotonic() - began_at,
    )


def _hurt(
    cluster: Cluster,
    servers: AnyServer,
    models: ModelServer,
    order: Order,
    run: Any,
    noted: Noted,
    say: Say,
) -> Striker:
    """Strike as often as was ordered, mend everything, and wait for the end of the run."""
    with ThreadPoolExecutor(32) as pool, Watcher(servers, noted, run) as watcher:
        striker = Striker(cluster, pool)
        with Neighbour(servers, noted, Random(order.seed)):
            _strike_all(striker, watcher, models, order, say)
        models.release()
        with suppress(TimeoutError):  # the end is looked at later
            until(lambda: watcher.status in FINAL or noted.broken, ENDED_WITHIN_S)
    return striker


def _create(servers: AnyServer, order: Order, noted: Noted) -> Any:
    """Create the run over a file."""
    content = jsonl(rows(order.rows))
    body = {**EVAL, "name": "long"}
    made, _, _ = servers.ask(lambda client: create_eval(client, body, "long"))
    file, _, _ = servers.ask(
        lambda client: client.files.create(file=("rows.jsonl", content), purpose="evals")
    )
    run, _, _ = servers.ask(
        lambda client: create_run(client, made.id, sampled(file.id), "the long run")
    )
    noted.acknowledged[run.id] = made.id
    return run


def _strike_all(
    striker: Striker, watcher: Watcher, models: ModelServer, order: Order, say: Say
) -> None:
    """Strike again and again; before each strike as many rows may go on as are its share."""
    kinds = ON_SQLITE if order.size.is_one_process else ON_POSTGRES
    strikes = plan(order.seed, order.kills, kinds)

    def let_some_go_on(strike: Strike, strikes_left: int) -> None:
        models.release(max(1, (order.rows - watcher.total) // strikes_left))
        time.sleep(strike.wait_s)

    for number, strike in enumerate(strikes):
        striker.strike(strike, partial(let_some_go_on, strike, len(strikes) - number))
        say(f"{number + 1:4} of {len(strikes)}  {strike.kind:8}  {watcher.total:6} items")
    striker.all_mended()


def _wrongs_of_runs(servers: Sequence[EvaldServer], noted: Noted) -> Iterator[str]:
    """Hold every acknowledged run against its items, at whichever server; each was made once."""
    there: set[str] = set()
    for number, (run_id, eval_id) in enumerate(noted.acknowledged.items()):
        server = servers[number % len(servers)]
        listed = [run["id"] for run in asked(server, "GET", f"/v1/evals/{eval_id}/runs")["data"]]
        there.update(listed)
        if listed != [run_id]:
            yield f"{eval_id} has the runs {listed} and not {run_id} alone"
            continue
        try:
            check(server, eval_id, run_id)
        except AssertionError as error:
            yield f"{run_id}: {error}"
    yield from lost(noted.acknowledged, there)


def _wrongs_of_the_end(server: EvaldServer, order: Order, run: Any) -> Iterator[str]:
    found = get_run(server, {"eval_id": run.eval_id, "id": run.id})
    if (found["status"], found["result_counts"]["total"]) != ("completed", order.rows):
        yield f"the long run is {found['status']} with {found['result_counts']}"
