"""Clients that use evald all the time while it is hurt, and note what they were told."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Any, Final, Self

from chaos.clients import AnyServer, cancel_run, create_eval, create_run, read_run, seen
from chaos.history import Seen, late_calls, wrongs
from tests.model_server.ledger import CallRecord
from tests.runs.making import ALIKE, ASK, EXACT, FINAL, MODEL

EVAL: Final = {
    "data_source_config": {
        "type": "custom",
        "item_schema": {"type": "object"},
        "include_sample_schema": True,
    },
    "testing_criteria": [EXACT, ALIKE],
}
BETWEEN_READS_S: Final = 0.03
MOST_ROWS: Final = 60
LONGEST_LIFE_S: Final = 1.5


@dataclass
class Noted:
    """What clients were told, in the order in which they heard it."""

    seen: list[Seen] = field(default_factory=list)
    acknowledged: dict[str, str] = field(default_factory=dict)
    """The id of the eval by the id of each run that was acknowledged."""
    canceled_at: dict[str, float] = field(default_factory=dict)
    """When a cancel was answered, by the word that the questions of its run begin with."""
    broken: list[BaseException] = field(default_factory=list)
    """What ended a client."""

    def wrongs(self) -> list[str]:
        """Give in words what may not have been seen, and what ended a client."""
        return [*wrongs(self.seen), *(f"a client ended: {error!r}" for error in self.broken)]

    def late_calls(self, calls: Sequence[CallRecord], bound_s: float) -> list[str]:
        """Give in words the calls that began so long after a cancel."""
        return late_calls(calls, self.canceled_at, bound_s)


class Client:
    """A thread that does one thing again and again, while the `with` lasts."""

    def __init__(self, servers: AnyServer, noted: Noted) -> None:
        """Note what is told; nothing is asked yet."""
        self.servers = servers
        self.noted = noted
        self.stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on)

    def once(self) -> None:
        """Do it once."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        """Begin."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End after what is under way."""
        self.stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self.stop.is_set():
            try:
                self.once()
            except TimeoutError as error:
                if not self.stop.is_set():
                    self.noted.broken.append(error)
                return
            except BaseException as error:  # noqa: BLE001 - told at the end, as what ended the client
                self.noted.broken.append(error)
                return


class Watcher(Client):
    """Reads one run all the time."""

    def __init__(self, servers: AnyServer, noted: Noted, run: Any) -> None:
        """Watch this run."""
        super().__init__(servers, noted)
        self.run = run
        self.total = 0
        """Its items, when it was read last."""
        self.status = "queued"

    def once(self) -> None:
        """Read it."""
        run, asked_at, answered_at = self.servers.ask(
            lambda client: read_run(client, self.run.eval_id, self.run.id), self.stop
        )
        self.noted.seen.append(seen(run, asked_at, answered_at))
        self.total, self.status = run["result_counts"]["total"], run["status"]
        self.stop.wait(BETWEEN_READS_S)


class Neighbour(Client):
    """Creates small evals and runs, reads them, and cancels most of them at some moment."""

    def __init__(self, servers: AnyServer, noted: Noted, chance: Random) -> None:
        """Take sizes and moments from this chance."""
        super().__init__(servers, noted)
        self._chance = chance
        self._number = 0

    def once(self) -> None:
        """Have one run, from its creation to its end or to its cancel."""
        self._number += 1
        word = f"neighbour-{self._number}"
        rows = [_row(word, number) for number in range(self._chance.randint(1, MOST_ROWS))]
        body = {**EVAL, "name": word}
        made, _, _ = self.servers.ask(lambda client: create_eval(client, body, word))
        run, _, _ = self.servers.ask(
            lambda client: create_run(client, made.id, sampled_from(rows), f"run of {word}")
        )
        self.noted.acknowledged[run.id] = made.id
        cancel_at = time.monotonic() + self._chance.uniform(0, LONGEST_LIFE_S)
        if self._chance.random() < 0.2:  # it may come to its own end
            cancel_at += 10
        while time.monotonic() < cancel_at and not self.stop.is_set():
            if self._read(made.id, run.id) in FINAL:
                break
        self._cancel(made.id, run.id, word)
        self._read(made.id, run.id)

    def _read(self, eval_id: str, run_id: str) -> str:
        run, *times = self.servers.ask(lambda client: read_run(client, eval_id, run_id))
        self.noted.seen.append(seen(run, *times))
        time.sleep(BETWEEN_READS_S)
        return str(run["status"])

    def _cancel(self, eval_id: str, run_id: str, word: str) -> None:
        run, *times = self.servers.ask(lambda client: cancel_run(client, eval_id, run_id))
        self.noted.seen.append(seen(run, *times))
        self.noted.canceled_at[word] = times[1]


def _row(word: str, number: int) -> Mapping[str, Any]:
    question = f"{word} row {number}"
    return {"item": {"question": question, "answer": question if number % 3 else "zebra"}}


def sampled_from(rows: list[Mapping[str, Any]]) -> Any:
    """Give the data source of a run that asks the model for each of these rows."""
    source = {"type": "file_content", "content": rows}
    return {"type": "completions", "source": source, "model": MODEL, "input_messages": ASK}
