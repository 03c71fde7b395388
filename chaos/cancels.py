"""Cancel runs at random moments: `python -m chaos cancel`, or `make chaos ARGS=cancel`.

Each round creates a run and cancels it at a moment that chance has chosen, at whichever server. Some
runs are canceled before anything has begun, some are completed before. Held against the promise:

calls begun after the answer   none in one process; with workers none later than 100 ms after it
items after the answer         none: the answer, the run read later and its items say the same

The exit status is 1 if anything is wrong, never because it was slow.
"""

import argparse
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any, Final, NoReturn

from chaos.history import late_calls
from chaos.machines import Cluster, Size
from chaos.tables import table
from chaos.watching import sampled_from
from tests.model_server.client import ModelServer
from tests.model_server.ledger import CallRecord
from tests.model_server.script import Rule, Step
from tests.runs.canceling import calls_so_far, cancel
from tests.runs.invariants import check
from tests.runs.making import create_eval, create_run, get_run
from tests.server import EvaldServer

BOUND_S: Final = 0.1
"""Seconds after the answer in which another process may still begin a call."""
LONGEST_LIFE_S: Final = 0.5
ROWS: Final = (10, 100, 300, 1_000)
QUICK, SLOW = Step(delay_ms=30), Step(delay_ms=200)
TOGETHER: Final = 20
"""Rounds whose calls are looked at together: the model server keeps only so many."""


@dataclass(frozen=True)
class Cancel:
    """One round. Times are time.monotonic() seconds."""

    word: str
    """The first word of every question of its run."""
    run: Any
    """The run as the cancel answered it."""
    asked_at: float
    answered_at: float
    known_at: float
    """When the model server had read every call that was sent before the answer."""

    @property
    def was_in_time(self) -> bool:
        """Say whether there was something left to cancel."""
        return bool(self.run["status"] == "canceled")


@dataclass(frozen=True)
class Outcome:
    """What came of all rounds."""

    cancels: Sequence[Cancel]
    last_closed_ms: Sequence[float]
    """Of each cancel that cut calls off: when the last was closed, after the answer; or before, < 0."""
    last_begun_ms: float
    """The last call that began, after the answer of its run; below 0 if before."""
    late: Sequence[str]
    """Calls that began after the bound."""
    changed: Sequence[str]
    """Runs that later were otherwise than in the answer."""


def cancel_often(
    rounds: int,
    seed: int,
    size: Size,
    models: ModelServer,
    folder: Path,
    say: Callable[[str], None],
) -> Outcome:
    """Cancel so many runs that are not over yet, and hold each against the promise."""
    chance = Random(seed)
    models.reset()
    models.script_rules(Rule([SLOW], contains="7"), Rule([QUICK]))
    bound_s = 0.0 if size.is_one_process else BOUND_S
    cancels: list[Cancel] = []
    calls: list[CallRecord] = []
    late: list[str] = []
    with Cluster(folder, size, models.url) as cluster:
        eval_id = create_eval(cluster.servers[0])
        while (done := sum(each.was_in_time for each in cancels)) < rounds:
            cancels += [
                _one_round(f"cancel-{len(cancels) + more}", eval_id, cluster, models, chance)
                for more in range(min(TOGETHER, rounds - done))
            ]
            models.wait(timeout=30, in_flight=0)
            new = models.calls()
            models.reset_stats()
            late += late_calls(new, {each.word: each.known_at for each in cancels}, bound_s)
            calls += new
            say(f"{len(cancels):4} cancels of {rounds} or more, {len(late)} calls too late")
        changed = list(_changed(cancels, cluster.servers))
    return Outcome(cancels, *_last(cancels, calls), late, changed)


def _one_round(
    word: str, eval_id: str, cluster: Cluster, models: ModelServer, chance: Random
) -> Cancel:
    rows = [_row(word, number) for number in range(chance.choice(ROWS))]
    run = create_run(chance.choice(cluster.servers), eval_id, sampled_from(rows))
    time.sleep(chance.uniform(0, LONGEST_LIFE_S))
    asked_at = time.monotonic()
    answer = cancel(chance.choice(cluster.servers), run)
    answered_at = time.monotonic()
    calls_so_far(models)
    return Cancel(word, answer.json, asked_at, answered_at, time.monotonic())


def _row(word: str, number: int) -> Mapping[str, Any]:
    question = f"{word} row {number}"
    return {"item": {"question": question, "answer": question}}


def _changed(cancels: Sequence[Cancel], servers: Sequence[EvaldServer]) -> Iterator[str]:
    """Give in words the runs that are not as they were in the answer."""
    for number, each in enumerate(cancels):
        server = servers[number % len(servers)]
        later = get_run(server, each.run)
        if differing := sorted(name for name in each.run if later[name] != each.run[name]):
            yield f"{each.run['id']} is not as the answer said: {', '.join(differing)}"
        try:
            check(server, each.run["eval_id"], each.run["id"])
        except AssertionError as error:
            yield f"{each.run['id']}: {error}"


def _last(cancels: Sequence[Cancel], calls: Sequence[CallRecord]) -> tuple[list[float], float]:
    """Give, in milliseconds after the answers, when the last calls were closed, and the last begun."""
    answered_at = {each.word: each.answered_at for each in cancels if each.was_in_time}
    closed: dict[str, float] = {}
    last_begun = float("-inf")
    for call in calls:
        word = call.message.partition(" ")[0]
        if word in answered_at:
            last_begun = max(last_begun, call.began_at - answered_at[word])
            if call.aborted and call.ended_at is not None:
                after = call.ended_at - answered_at[word]
                closed[word] = max(closed.get(word, after), after)
    return [each * 1000 for each in closed.values()], last_begun * 1000


def told(outcome: Outcome) -> str:
    """Give the outcome as a table."""
    in_time = [each for each in outcome.cancels if each.was_in_time]
    answers = [(each.answered_at - each.asked_at) * 1000 for each in in_time]
    untouched = sum(each.run["result_counts"]["total"] == 0 for each in in_time)
    lines = [
        ("", "median", "p99", "worst"),
        ("answer, ms", *_spread(answers)),
        ("last call closed after the answer, ms", *_spread(outcome.last_closed_ms)),
    ]
    return "\n".join(
        [
            table(lines),
            "",
            f"{len(in_time)} runs canceled, {untouched} of them without an item; "
            f"{len(outcome.cancels) - len(in_time)} had ended before",
            f"last call begun {outcome.last_begun_ms:.1f} ms after an answer; "
            f"{len(outcome.late)} calls begun after the bound, "
            f"{len(outcome.changed)} runs changed after the answer",
            *(f"WRONG: {each}" for each in [*outcome.late, *outcome.changed][:50]),
        ]
    )


def _spread(numbers: Sequence[float]) -> tuple[str, str, str]:
    p99 = quantiles(numbers, n=100)[-1] if len(numbers) > 1 else numbers[0]
    return f"{median(numbers):.1f}", f"{min(p99, max(numbers)):.1f}", f"{max(numbers):.1f}"


def main() -> NoReturn:
    """Carry out what the command line says, on one process and on a cluster."""
    asked = arguments()
    sizes = {"one process, SQLite": Size()}
    if not asked.sqlite:
        name = f"Postgres, {asked.servers} servers, {asked.workers} workers"
        sizes[name] = Size(asked.servers, asked.workers)
    is_wrong = False
    with ModelServer() as models:
        for name, size in sizes.items():
            print(f"{name}: {asked.rounds} cancels, seed {asked.seed}", flush=True)
            folder = Path(tempfile.mkdtemp(prefix="evald-cancels-"))
            outcome = cancel_often(
                asked.rounds,
                asked.seed,
                size,
                models,
                folder,
                lambda words: print(words, flush=True),
            )
            print(f"\n{told(outcome)}\n", flush=True)
            is_wrong |= bool(outcome.late or outcome.changed)
    sys.exit(1 if is_wrong else 0)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m chaos cancel",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**6), help="of all chance")
    parser.add_argument("--rounds", type=int, default=500, help="runs to cancel (default 500)")
    parser.add_argument("--servers", type=int, default=2, help="`evald serve` (default 2)")
    parser.add_argument("--workers", type=int, default=3, help="`evald worker` (default 3)")
    parser.add_argument("--sqlite", action="store_true", help="one process over SQLite alone")
    return parser.parse_args()
