"""Resumes of a real server, and runs that have ended in one way or another."""

from typing import Any

from tests.model_server.client import ModelServer
from tests.model_server.script import Step
from tests.runs.canceling import cancel
from tests.runs.making import accepted, create_run, get_saved, path_of, rows, sampled
from tests.server import Answer, EvaldServer

RETRY = {"retry": "errored"}


def resume(server: EvaldServer, run: Any, body: object = None) -> Answer:
    """Resume a run."""
    return server.ask("POST", f"{path_of(run)}/resume", body)


def resumed(server: EvaldServer, run: Any, body: object = None) -> Any:
    """Resume a run that can be, and give it as it was answered."""
    return accepted(resume(server, run, body))


def canceled_run(
    server: EvaldServer, models: ModelServer, eval_id: str, kept: int, number: int = 30
) -> Any:
    """Give a run that was canceled when so many of its rows were saved; then the model answers all."""
    models.script(Step(hold="before"))
    run = create_run(server, eval_id, sampled(rows(number)))
    models.wait(held=number)
    models.release(kept)
    get_saved(server, run, kept)
    canceled = accepted(cancel(server, run))
    models.script(Step())
    return canceled


def check_unchanged(server: EvaldServer, run: Any, body: object = None) -> None:
    """Check that a resume answers the run byte for byte as it was, and leaves it so."""
    before = server.ask("GET", path_of(run)).body

    answer = resume(server, run, body)

    assert (answer.status, answer.body) == (200, before)
    assert server.ask("GET", path_of(run)).body == before


def check_refused(server: EvaldServer, run: Any, code: str, body: object = None) -> str:
    """Check that a resume is refused and changes nothing; give the reason."""
    before = server.ask("GET", path_of(run)).body

    answer = resume(server, run, body)

    assert (answer.status, answer.json["error"]["code"]) == (400, code)
    assert server.ask("GET", path_of(run)).body == before
    reason: str = answer.json["error"]["message"]
    return reason
