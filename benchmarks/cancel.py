"""Does a cancel keep its promise? 64 calls of 2 s each are in flight, then the run is canceled.

Each round starts a run of 500 rows on evald and waits until the scripted model server has 64 calls
in flight. Every second round waits until 64 calls are finished and the next 64 are in flight, so
that there are items to keep. Then it sends the cancel. Calls are slow streams, or silent for 2 s.

answer ms     from sending the cancel to having read its answer
aborted ms    from then to the moment when the model server saw the last of the calls closed;
              below 0: before the answer was there
begun         calls that the model server got after the answer, watched for some time (must be 0)
aborted       calls closed, of those that were in flight when the cancel was sent
items         items kept; the counts in the answer, the counts read later and the items listed
              must be the same

The last lines say whether the aims are met. The exit status is 1 if a call was begun after an
answer or counts differ, never because it was slow.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import monotonic
from typing import Any

from benchmarks.evald_server import EvaldServer
from benchmarks.rows import rows
from tests.model_server.client import ModelServer
from tests.model_server.script import Step

IN_FLIGHT = 64  # evald's default limit per provider
ROWS = 500
ANSWER_AIM_MS = 20
ABORTED_AIM_MS = 50
CALLS = {"stream": Step(tokens=17, gap_ms=100), "silent": Step(delay_ms=2000)}  # 2 s each
GONE_WITHIN_S = 10


@dataclass(frozen=True)
class Cancel:
    """One round."""

    answer_ms: float
    aborted_ms: float
    begun_after: int
    in_flight: int  # when the cancel was sent
    aborted: int
    kept: int  # items, by the counts in the answer
    status: str
    counts_agree: bool  # answer, later read and listed items

    @property
    def keeps_its_promise(self) -> bool:
        """Say whether it is right, however slow."""
        return self.status == "canceled" and self.begun_after == 0 and self.counts_agree


def main() -> None:
    """Cancel so many runs and print what happened."""
    asked = arguments()
    with ModelServer() as models, EvaldServer(models.url) as evald:
        models.script(CALLS[asked.calls])
        eval_id, file_id = evald.create_eval(), evald.upload(rows(ROWS))
        cancels = []
        for number in range(asked.rounds):
            run = evald.create_run(eval_id, file_id)
            first_wave = IN_FLIGHT if number % 2 else 0
            cancels.append(one_round(models, evald, run, first_wave, asked.watch_s))
            if not asked.json:
                print(line(number, cancels[-1]), flush=True)
    print(json.dumps(summary(cancels), indent=2) if asked.json else text(cancels))
    sys.exit(0 if all(one.keeps_its_promise for one in cancels) else 1)


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cancel",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=10, help="runs to cancel (default 10)")
    parser.add_argument(
        "--calls", choices=sorted(CALLS), default="stream", help="what a call does for 2 s"
    )
    parser.add_argument(
        "--watch-s", type=float, default=1, help="how long to look for calls begun (default 1)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser.parse_args()


def one_round(
    models: ModelServer, evald: EvaldServer, run: Any, first_wave: int, watch_s: float
) -> Cancel:
    """Cancel the run when its calls are in flight; `first_wave` calls are finished before that."""
    path = f"/v1/evals/{run['eval_id']}/runs/{run['id']}"
    before = models.wait(timeout=30, finished=first_wave, in_flight=IN_FLIGHT)
    evald.ask("GET", "/healthz")  # so that the connection is open
    sent = monotonic()
    answer = evald.ask("POST", f"{path}/cancel")
    answered = monotonic()
    models.wait(timeout=GONE_WITHIN_S, in_flight=0)
    watch(models, watch_s)
    seen = models.stats()
    later = evald.ask("GET", path)
    listed = sum(1 for _ in evald.output_items(run))
    models.reset_stats()
    return Cancel(
        answer_ms=(answered - sent) * 1000,
        aborted_ms=(max(seen.aborted_at, default=answered) - answered) * 1000,
        begun_after=sum(1 for began in seen.started_at if began > answered),
        in_flight=before.in_flight,
        aborted=seen.aborted,
        kept=executed(answer),
        status=answer["status"],
        counts_agree=agree(answer, later, listed),
    )


def watch(models: ModelServer, seconds: float) -> None:
    """Return after this time, or as soon as a call comes that should not."""
    try:
        models.wait(timeout=seconds, in_flight=1)
    except TimeoutError:
        return


def agree(answer: Any, later: Any, listed: int) -> bool:
    """Say whether the counts in the answer are those read later and those of the items listed."""
    return later["result_counts"] == answer["result_counts"] and executed(answer) == listed


def executed(run: Any) -> int:
    """Give the number of items that a run has a verdict for."""
    counts = run["result_counts"]
    executed: int = counts["passed"] + counts["failed"] + counts["errored"]
    return executed


def line(number: int, one: Cancel) -> str:
    """Give a round as a line of text."""
    counts = "agree" if one.counts_agree else "DIFFER"
    return (
        f"{number + 1:3}  answer {one.answer_ms:6.1f} ms  aborted {one.aborted_ms:7.1f} ms  "
        f"begun {one.begun_after}  aborted {one.aborted} of {one.in_flight}  "
        f"items {one.kept}, counts {counts}"
    )


def text(cancels: Sequence[Cancel]) -> str:
    """Give medians, maxima and aims as text."""
    answer, aborted = answer_times(cancels), aborted_times(cancels)
    lines = [
        "",
        f"{len(cancels)} cancels   median      max",
        f"answer ms   {median(answer):8.1f} {max(answer):8.1f}",
        f"aborted ms  {median(aborted):8.1f} {max(aborted):8.1f}",
        f"begun after {sum(one.begun_after for one in cancels):8}",
        "",
    ]
    lines += [f"aim: {aim}: {'yes' if met else 'no'}" for aim, met in aims(cancels).items()]
    return "\n".join(lines)


def summary(cancels: Sequence[Cancel]) -> dict[str, object]:
    """Give everything measured, for JSON."""
    answer, aborted = answer_times(cancels), aborted_times(cancels)
    return {
        "answer_ms": {"median": median(answer), "max": max(answer)},
        "aborted_ms": {"median": median(aborted), "max": max(aborted)},
        "begun_after": sum(one.begun_after for one in cancels),
        "aims": aims(cancels),
        "rounds": [asdict(one) for one in cancels],
    }


def aims(cancels: Sequence[Cancel]) -> dict[str, bool]:
    """Say of each aim whether it is met."""
    return {
        f"answer under {ANSWER_AIM_MS} ms at the median": (
            median(answer_times(cancels)) < ANSWER_AIM_MS
        ),
        f"every call in flight aborted within {ABORTED_AIM_MS} ms of the answer": all(
            one.aborted == one.in_flight and one.aborted_ms <= ABORTED_AIM_MS for one in cancels
        ),
        "no call begun after the answer": all(one.begun_after == 0 for one in cancels),
        "counts agree and the run is canceled": all(
            one.counts_agree and one.status == "canceled" for one in cancels
        ),
    }


def answer_times(cancels: Sequence[Cancel]) -> list[float]:
    """Give the milliseconds to the answers."""
    return [one.answer_ms for one in cancels]


def aborted_times(cancels: Sequence[Cancel]) -> list[float]:
    """Give the milliseconds from the answers to the last aborted call."""
    return [one.aborted_ms for one in cancels]


if __name__ == "__main__":
    main()
