"""A user who does anything in any order, and a server that is killed now and then in between.

`EVALD_STATEFUL_EXAMPLES=200` makes it many stories, other ones each time; in the suite they are few
and the same.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from http.client import HTTPException
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any, Final

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chaos.clients import counts_of
from chaos.history import Resumed, Seen, late_calls, wrongs
from tests.model_server.client import ModelServer
from tests.model_server.script import Rule, Step
from tests.runs.canceling import calls_so_far
from tests.runs.invariants import check
from tests.runs.making import (
    FINAL,
    accepted,
    asked,
    create_eval,
    get_final,
    items_of,
    path_of,
    sampled,
    upload,
)
from tests.server import Answer, EvaldServer

GIVEN: Final = os.environ.get("EVALD_STATEFUL_EXAMPLES")
STORIES: Final = settings(
    max_examples=int(GIVEN or 3),
    stateful_step_count=25,
    deadline=None,
    derandomize=GIVEN is None,
    # A story takes seconds and what the server does in it is never twice the same.
    phases=[Phase.generate],
    print_blob=True,
)
SIZES: Final = (300, 1, 40, 3)
MOST_EVALS: Final = 3
MOST_RUNS: Final = 5
"""Few, so that a story is about more than creating them."""
STEPS_BETWEEN_KILLS: Final = 10
ANY: Final = st.integers(0, 1000)


def rows_of(word: str, number: int) -> list[Any]:
    """Give rows of which every third fails and every seventh is refused by the model."""
    questions = [f"{word} row {n}{' refuse' if n % 7 == 6 else ''}" for n in range(number)]
    return [
        {"item": {"question": question, "answer": question if n % 3 else "zebra"}}
        for n, question in enumerate(questions)
    ]


def status_of(number: int) -> str:
    """Give the status that the item of such a row has."""
    return "error" if number % 7 == 6 else "pass" if number % 3 else "fail"


class Story(RuleBasedStateMachine):
    """What one user does, and what must be true of everything that the user made."""

    numbers = count()

    def __init__(self, server: EvaldServer, models: ModelServer) -> None:
        super().__init__()
        self.server = server
        self.models = models
        self.evals: dict[str, list[str]] = {}
        """The runs of each eval that is there, in the order of their creation."""
        self.runs: dict[str, Any] = {}
        """Each run that is there, as it was answered last."""
        self.words: dict[str, str] = {}
        self.gone: list[str] = []
        """The paths of what was deleted."""
        self.seen: list[Seen] = []
        self.resumes: list[Resumed] = []
        self.canceled_at: dict[str, float] = {}
        self.steps_since_a_kill = 0

    @initialize()
    def the_first_run(self) -> None:
        self.models.reset_stats()
        self.create_an_eval()
        self.create_a_run(0, SIZES[0], as_file=False)

    @precondition(lambda self: len(self.evals) < MOST_EVALS)
    @rule()
    def create_an_eval(self) -> None:
        self.evals[create_eval(self.server)] = []

    @precondition(lambda self: len(self.runs) < MOST_RUNS)
    @rule(which=ANY, size=st.sampled_from(SIZES), as_file=st.booleans())
    def create_a_run(self, which: int, size: int, as_file: bool) -> None:
        eval_id, body = self.eval_id(which), self.new_run(size, as_file)

        answer = self.server.ask("POST", f"/v1/evals/{eval_id}/runs", body)

        self.created(eval_id, body, answer)

    @precondition(lambda self: len(self.evals) == MOST_EVALS)
    @rule(which=ANY)
    def delete_an_eval(self, which: int) -> None:
        eval_id = self.eval_id(which)

        asked(self.server, "DELETE", f"/v1/evals/{eval_id}")

        for run_id in self.evals.pop(eval_id):
            self.forget(self.runs[run_id])
        self.gone.append(f"/v1/evals/{eval_id}")

    @precondition(lambda self: self.runs)
    @rule(which=ANY, what=st.sampled_from(("cancel", "resume", "retry", "items", "end", "delete")))
    def do_something_with_a_run(self, which: int, what: str) -> None:
        run = self.run_of(which)
        match what:
            case "cancel":
                self.canceled(run, *self.timed("POST", f"{path_of(run)}/cancel"))
            case "resume":
                self.resume(run, {})
            case "retry":
                self.resume(run, {"retry": "errored"})
            case "items":
                self.read_items(run)
            case "end":
                get_final(self.server, run)
            case "delete":
                asked(self.server, "DELETE", path_of(run))
                self.evals[run["eval_id"]].remove(run["id"])
                self.forget(run)

    @precondition(lambda self: self.steps_since_a_kill >= STEPS_BETWEEN_KILLS)
    @rule(which=ANY, size=st.sampled_from(SIZES))
    def a_kill_while_a_run_is_created(self, which: int, size: int) -> None:
        eval_id, body = self.eval_id(which), self.new_run(size, as_file=False)
        key = {"Idempotency-Key": f"run {next(self.numbers)}"}
        request = ("POST", f"/v1/evals/{eval_id}/runs", body, key)

        first = self.ask_and_kill(*request)

        answer = self.server.ask(*request)
        assert first is None or first.body == answer.body
        self.created(eval_id, body, answer)

    @precondition(lambda self: self.runs and self.steps_since_a_kill >= STEPS_BETWEEN_KILLS)
    @rule(which=ANY)
    def a_kill_while_a_run_is_canceled(self, which: int) -> None:
        run = self.run_of(which)
        request = ("POST", f"{path_of(run)}/cancel")

        first = self.ask_and_kill(*request)

        answer, *times = self.timed(*request)
        assert first is None or first.body == answer.body
        self.canceled(run, answer, *times)

    @invariant()
    def runs_go_forward_only_and_are_listed(self) -> None:
        self.steps_since_a_kill += 1
        for run in list(self.runs.values()):
            self.read(run)
        assert wrongs(self.seen, self.resumes) == []
        for eval_id, run_ids in self.evals.items():
            listed = asked(self.server, "GET", f"/v1/evals/{eval_id}/runs?limit=100")["data"]
            assert [run["id"] for run in listed] == run_ids
        for path in self.gone:
            assert self.server.ask("GET", path).status == 404

    def teardown(self) -> None:
        for run in list(self.runs.values()):
            get_final(self.server, run)
            self.read(run)
            check(self.server, run["eval_id"], run["id"])
        assert wrongs(self.seen, self.resumes) == []
        self.models.wait(in_flight=0)
        assert late_calls(self.models.calls(), self.canceled_at, bound_s=0) == []
        for eval_id in self.evals:
            asked(self.server, "DELETE", f"/v1/evals/{eval_id}")

    def eval_id(self, which: int) -> str:
        return list(self.evals)[which % len(self.evals)]

    def run_of(self, which: int) -> Any:
        return list(self.runs.values())[which % len(self.runs)]

    def new_run(self, size: int, as_file: bool) -> Any:
        """Give the body of a create; its metadata has the first word of its questions."""
        word = f"story-{next(self.numbers)}"
        rows = rows_of(word, size)
        source = upload(self.server, rows) if as_file else rows
        return {"data_source": sampled(source), "metadata": {"word": word}}

    def created(self, eval_id: str, body: Any, answer: Answer) -> None:
        run = accepted(answer)
        self.evals[eval_id].append(run["id"])
        self.runs[run["id"]] = run
        self.words[run["id"]] = body["metadata"]["word"]

    def canceled(self, run: Any, answer: Answer, asked_at: float, answered_at: float) -> None:
        calls_so_far(self.models)
        found = accepted(answer)
        assert found["status"] in FINAL
        self.note(run, answer, asked_at, answered_at)
        self.canceled_at.setdefault(self.words[run["id"]], monotonic())

    def resume(self, run: Any, body: Any) -> None:
        answer, *times = self.timed("POST", f"{path_of(run)}/resume", body)
        assert answer.status in (200, 400), answer.body
        if answer.status == 200:
            self.resumes.append(Resumed(run["id"], times[0], times[1]))
            self.canceled_at.pop(self.words[run["id"]], None)
            self.runs[run["id"]] = answer.json

    def read_items(self, run: Any) -> None:
        before = self.read(run)
        items = items_of(self.server, run)
        after = self.read(run)
        numbers = [item["datasource_item_id"] for item in items]
        assert len(set(numbers)) == len(numbers)
        assert all(item["status"] == status_of(item["datasource_item_id"]) for item in items)
        assert before["result_counts"]["total"] <= len(items) <= after["result_counts"]["total"]

    def read(self, run: Any) -> Any:
        answer, *times = self.timed("GET", path_of(run))
        self.note(run, answer, *times)
        return answer.json

    def note(self, run: Any, answer: Answer, asked_at: float, answered_at: float) -> None:
        """Note what was seen; a run that was final is byte for byte as it was."""
        found = accepted(answer)
        known = self.runs[run["id"]]
        if known["status"] in FINAL:
            assert found == known
        self.runs[run["id"]] = found
        self.seen.append(Seen(run["id"], asked_at, answered_at, found["status"], counts_of(found)))

    def forget(self, run: Any) -> None:
        del self.runs[run["id"]]
        self.gone.append(path_of(run))
        calls_so_far(self.models)
        self.canceled_at.setdefault(self.words[run["id"]], monotonic())

    def timed(self, method: str, path: str, body: object = None) -> tuple[Answer, float, float]:
        asked_at = monotonic()
        answer = self.server.ask(method, path, body)
        return answer, asked_at, monotonic()

    def ask_and_kill(self, *request: Any) -> Answer | None:
        """Kill the server while it answers; give the answer if one came, and start it again."""
        self.steps_since_a_kill = 0
        with ThreadPoolExecutor(1) as pool:
            asking = pool.submit(self.server.ask, *request)
            self.server.kill()
            with suppress(ConnectionError, HTTPException):
                asking.result()
        self.server.restart()
        with suppress(ConnectionError, HTTPException):
            return asking.result()
        return None


@pytest.fixture
def server(models: ModelServer, tmp_path: Path) -> Iterator[EvaldServer]:
    with EvaldServer(tmp_path, upstream=models.url) as server:
        yield server
    assert "Traceback" not in server.log()


def test_whatever_a_user_does_and_whenever_the_server_dies_the_api_tells_one_story(
    server: EvaldServer, models: ModelServer
) -> None:
    refused = Step(status=400, message="no")
    models.script_rules(Rule([refused], contains="refuse"), Rule([Step(delay_ms=50)]))

    run_state_machine_as_test(lambda: Story(server, models), settings=STORIES)  # type: ignore[arg-type]
