"""A client that goes on asking while servers die: the official SDK, at whichever server answers."""

import json
import threading
import time
from collections.abc import Callable, Sequence
from itertools import count
from typing import Any, Final, TypeVar

import openai
from openai import OpenAI

from chaos.history import Counts, Seen
from tests.server import EvaldServer

Told = TypeVar("Told")

ANSWERED_WITHIN_S: Final = 3.0
PAUSE_S: Final = 0.05
PATIENCE_S: Final = 120.0
PASSING = (openai.APIConnectionError, openai.InternalServerError, openai.RateLimitError)
"""What is no answer: nobody is there, or the database is not."""


class AnyServer:
    """Asks the servers in turn, again and again, until one of them answers."""

    def __init__(self, servers: Sequence[EvaldServer]) -> None:
        """Ask these servers, which keep their ports when they are started anew."""
        self._clients = [
            OpenAI(
                base_url=server.base_url,
                api_key="not needed",
                max_retries=0,
                timeout=ANSWERED_WITHIN_S,
            )
            for server in servers
        ]
        self._next = count()

    def ask(
        self, request: Callable[[OpenAI], Told], stop: threading.Event | None = None
    ) -> tuple[Told, float, float]:
        """Give the first answer, when it was asked for and when it was there (time.monotonic()).

        Raises TimeoutError when nobody answers for PATIENCE_S, or when it is told to stop.
        """
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline and not (stop and stop.is_set()):
            client = self._clients[next(self._next) % len(self._clients)]
            asked_at = time.monotonic()
            try:
                told = request(client)
            except PASSING:
                time.sleep(PAUSE_S)
            else:
                return told, asked_at, time.monotonic()
        raise TimeoutError("no server has answered")

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients:
            client.close()


def create_eval(client: OpenAI, body: Any, key: str) -> Any:
    """Create an eval; with the same key it is made once, however often it is asked for."""
    return client.evals.create(**body, extra_headers={"Idempotency-Key": key})


def create_run(client: OpenAI, eval_id: str, data_source: Any, key: str) -> Any:
    """Create a run; with the same key it is made once, however often it is asked for."""
    headers = {"Idempotency-Key": key}
    return client.evals.runs.create(eval_id, data_source=data_source, extra_headers=headers)


def read_run(client: OpenAI, eval_id: str, run_id: str) -> Any:
    """Give a run as JSON."""
    answer = client.evals.runs.with_raw_response.retrieve(run_id, eval_id=eval_id)
    return json.loads(answer.text)


def cancel_run(client: OpenAI, eval_id: str, run_id: str) -> Any:
    """Cancel a run and give it as JSON."""
    answer = client.evals.runs.with_raw_response.cancel(run_id, eval_id=eval_id)
    return json.loads(answer.text)


def seen(run: Any, asked_at: float, answered_at: float) -> Seen:
    """Note a run as it was answered."""
    return Seen(run["id"], asked_at, answered_at, run["status"], counts_of(run))


def counts_of(run: Any) -> Counts:
    """Give the counts of a run."""
    counts = run["result_counts"]
    return counts["total"], counts["passed"], counts["failed"], counts["errored"]
