"""What a cancel promises, held against the API and the model server."""

from typing import Any

import pytest

from tests.model_server.client import ModelServer
from tests.runs.invariants import check
from tests.runs.making import path_of
from tests.server import Answer, EvaldServer

WATCHED_S = 0.2
"""How long no new call may come after a cancel; it can only be watched for so long."""


def cancel(server: EvaldServer, run: Any, ending: str = "/cancel") -> Answer:
    """Cancel a run, on the path with this ending."""
    return server.ask("POST", path_of(run) + ending)


def cancel_and_check(server: EvaldServer, models: ModelServer, run: Any) -> tuple[Any, list[Any]]:
    """Cancel a run that is not final, hold all that this promises, give the run and its items.

    All calls in flight must be held by the model server, so that their number is known.
    """
    before = models.stats()

    answer = cancel(server, run)

    known = calls_so_far(models)
    assert (answer.status, answer.json["status"]) == (200, "canceled")
    after = models.wait(in_flight=0)
    assert after.aborted - before.aborted == before.in_flight
    assert answer.json["evald"]["calls_aborted"] == before.in_flight
    items = check_kept(server, run, answer)
    check_no_call_since(models, known)
    assert models.stats().started == before.started
    return answer.json, items


def check_kept(server: EvaldServer, run: Any, answer: Answer) -> list[Any]:
    """A canceled run is later as in the answer, and the cancel left no error; give its items."""
    later, items = check(server, run["eval_id"], run["id"])
    assert server.ask("GET", path_of(run)).body == answer.body
    assert later["status"] == "canceled"
    assert later["error"] is None
    assert [item for item in items if item["status"] == "error"] == []
    return items


def calls_so_far(models: ModelServer) -> int:
    """Give the number of calls that have reached the model server, also those it has not read yet.

    It reads what is ready on every socket before it answers again, so the last of some questions is
    answered when all that had come before the first is counted.
    """
    return [models.stats().started for _ in range(3)][-1]


def check_no_call_since(models: ModelServer, known: int) -> None:
    """No model call has begun since there were so many."""
    with pytest.raises(TimeoutError):
        models.wait(timeout=WATCHED_S, started=known + 1)
