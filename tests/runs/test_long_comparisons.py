"""Long text comparisons of real runs: turns, cancels, and processes that are killed."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psutil
import pytest

from tests.model_server.client import ModelServer
from tests.runs.canceling import cancel, check_kept
from tests.runs.conftest import StartServer
from tests.runs.invariants import check
from tests.runs.making import (
    ALIKE,
    create_eval,
    create_run,
    get_final,
    get_run,
    get_saved,
    given,
    items_of,
    sampled,
)
from tests.server import EvaldServer
from tests.waiting import until

ALIKE_ITEMS = {**ALIKE, "input": "{{ item.text }}"}
LONG = {"answer": "to and fro " * 170, "text": "fro and to, and to and fro " * 110}
"""Two texts that take a tenth of a second to compare."""
LONGER = {"answer": "to and fro " * 300, "text": "fro and to, and to and fro " * 190}
"""Two texts that take half a second."""
LONGEST = {"answer": "to and fro " * 560, "text": "fro and to, and to and fro " * 350}
"""Two texts that take some seconds."""


@pytest.fixture(scope="module")
def server(server_with: StartServer) -> EvaldServer:
    """A server of this file's own, so that all its processes are known to compare."""
    return server_with()


def long_rows(number: int, texts: Any = LONG) -> Sequence[Any]:
    return [{"item": {"question": f"row {n}", **texts}} for n in range(number)]


def processes(server: EvaldServer) -> list[psutil.Process]:
    """Give those that compare: no request here is so large that it is read in another process."""
    return psutil.Process(server.process.pid).children(recursive=True)


def test_a_short_run_compares_its_texts_while_a_long_run_has_many_to_compare(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server, ALIKE_ITEMS)
    long = create_run(server, eval_id, sampled(long_rows(200, LONGER)))
    models.wait(finished=64)
    get_saved(server, long, 1)

    short = create_run(server, eval_id, sampled(long_rows(3)))

    assert get_final(server, short)["result_counts"]["total"] == 3
    assert get_run(server, long)["result_counts"]["total"] < 40
    assert cancel(server, long).json["status"] == "canceled"


def test_the_comparison_of_a_canceled_run_is_stopped_and_those_that_wait_are_dropped(
    server: EvaldServer, models: ModelServer
) -> None:
    eval_id = create_eval(server, ALIKE_ITEMS)
    run = create_run(server, eval_id, sampled(long_rows(100, LONGEST)))
    models.wait(finished=64)
    (process,) = until(lambda: processes(server))

    answer = cancel(server, run)

    assert check_kept(server, run, answer) == []
    until(lambda: not process.is_running())
    other = create_run(server, eval_id, given(long_rows(2)))
    assert get_final(server, other)["result_counts"]["errored"] == 0


def test_a_run_whose_process_is_killed_compares_all_its_texts_all_the_same(
    server: EvaldServer,
) -> None:
    run = create_run(server, create_eval(server, ALIKE_ITEMS), given(long_rows(12)))
    for saved in (1, 4, 8):
        get_saved(server, run, saved)
        for process in processes(server):
            process.kill()

    final = get_final(server, run)

    check(server, run["eval_id"], run["id"])
    assert (final["status"], final["result_counts"]["total"]) == ("completed", 12)
    assert final["result_counts"]["errored"] == 0


def test_rows_whose_processes_are_killed_again_and_again_are_errors_that_say_so(
    server: EvaldServer,
) -> None:
    eval_id = create_eval(server, ALIKE_ITEMS)
    run = create_run(server, eval_id, given(long_rows(2, LONGEST)))

    def is_completed_while_all_are_killed() -> bool:
        for process in processes(server):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        completed: bool = get_run(server, run)["status"] == "completed"
        return completed

    until(is_completed_while_all_are_killed)

    for item in items_of(server, run):
        (result,) = item["results"]
        assert (item["status"], result["error"]["code"]) == ("error", "process_died")
        assert "short of memory" in result["error"]["message"]
    other = create_run(server, eval_id, given(long_rows(2)))
    assert get_final(server, other)["result_counts"]["errored"] == 0
