"""Computations aside: turns, cancels and real deaths of the process."""

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from pathlib import Path

import psutil
import pytest

from evald.errors import ProcessDied
from evald.sandbox.aside import ProcessAside
from tests.sandbox.conftest import Children
from tests.sandbox.pause import Pause, kill
from tests.waiting import until


async def test_it_computes_in_one_other_process(aside: ProcessAside) -> None:
    first = await aside("a", os.getpid)

    assert first != os.getpid()
    assert await aside("b", os.getpid) == first
    assert await aside("b", divmod, 7, 2) == (3, 1)


async def test_arguments_and_results_may_be_large(aside: ProcessAside) -> None:
    text = "x" * 5_000_000

    assert await aside("a", text.replace, "x", "yz") == "yz" * 5_000_000


async def test_what_a_function_raises_is_raised_here_and_the_process_goes_on(
    aside: ProcessAside,
) -> None:
    process = await aside("a", os.getpid)

    with pytest.raises(ValueError, match="invalid literal") as raised:
        await aside("a", int, "seven")

    assert "in answer_to" in raised.value.__notes__[0]
    assert await aside("a", os.getpid) == process


async def test_what_a_function_prints_is_no_answer(aside: ProcessAside) -> None:
    assert await aside("a", os.write, 1, b"a line for the log\n") == 19
    await aside("a", print, "another")

    assert await aside("a", len, "three") == 5


async def test_owners_that_wait_take_turns(aside: ProcessAside, pause: Pause) -> None:
    served: list[str] = []

    async def compute(owner: str) -> None:
        await aside(owner, os.getpid)
        served.append(owner)

    first = asyncio.create_task(aside("a", pause.compute))
    await pause.is_reached()
    waiting = [asyncio.create_task(compute(owner)) for owner in ["long"] * 4 + ["short"] * 2]
    await asyncio.sleep(0)
    pause.go_on("done")
    await asyncio.gather(first, *waiting)

    assert served == ["long", "short", "long", "short", "long", "long"]


async def test_what_waits_is_dropped_when_it_is_cancelled(
    aside: ProcessAside, pause: Pause, tmp_path: Path
) -> None:
    running = asyncio.create_task(aside("a", pause.compute))
    await pause.is_reached()
    dropped, kept = tmp_path / "dropped", tmp_path / "kept"
    canceled = [asyncio.create_task(aside("a", dropped.touch)) for _ in range(100)]
    waiting = asyncio.create_task(aside("b", kept.touch))
    await asyncio.sleep(0)

    for task in canceled:
        task.cancel()
    await asyncio.wait(canceled)

    assert not running.done()
    pause.go_on("done")
    await waiting
    assert (await running, kept.exists(), dropped.exists()) == ("done", True, False)


async def test_what_runs_is_killed_when_it_is_cancelled_and_the_next_owner_is_served(
    aside: ProcessAside, pause: Pause
) -> None:
    process = psutil.Process(await aside("a", os.getpid))
    running = asyncio.create_task(aside("a", pause.compute))
    await pause.is_reached()
    waiting = asyncio.create_task(aside("b", os.getpid))

    running.cancel()
    await asyncio.wait([running])

    assert running.cancelled()
    assert await waiting != process.pid
    assert not process.is_running()


async def test_a_cancel_at_any_moment_of_the_start_leaves_no_process(
    aside: ProcessAside, children: Children
) -> None:
    for turns in range(50):
        starting = asyncio.create_task(aside("a", time.sleep, 1000))
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait([starting])

    last = await aside("a", os.getpid)

    assert [child.pid for child in children()] == [last]


async def test_a_computation_is_tried_again_when_its_process_was_killed(
    aside: ProcessAside, pause: Pause
) -> None:
    process = await aside("a", os.getpid)
    running = asyncio.create_task(aside("a", pause.compute))
    waiting = asyncio.create_task(aside("b", os.getpid))
    await pause.is_reached()

    await kill(process)

    await pause.is_reached()
    pause.go_on("at the second try")
    assert await running == "at the second try"
    assert await waiting != process


async def test_a_computation_that_kills_two_processes_is_an_error_that_says_so(
    aside: ProcessAside,
) -> None:
    fatal = asyncio.create_task(aside("a", signal.raise_signal, signal.SIGKILL))
    waiting = asyncio.create_task(aside("b", len, "three"))

    with pytest.raises(ProcessDied) as failed:
        await fatal

    assert str(failed.value) == (
        "Two processes that were to compute this died, the last by signal 9. The machine may be "
        "short of memory."
    )
    assert await waiting == 5
    assert await aside("a", len, "four") == 4


async def test_a_process_that_leaves_by_itself_is_one_that_died(aside: ProcessAside) -> None:
    with pytest.raises(ProcessDied, match="the last with status 3"):
        await aside("a", os._exit, 3)


async def test_a_process_that_is_killed_while_nothing_is_computed_costs_nothing(
    aside: ProcessAside,
) -> None:
    for turns in range(20):
        process = await aside("a", os.getpid)
        os.kill(process, signal.SIGKILL)
        for _ in range(turns):  # its end is noticed in several turns of the loop
            await asyncio.sleep(0)

        assert await aside("a", os.getpid) != process


@pytest.mark.parametrize("turns", range(6))
async def test_a_process_that_is_killed_while_it_begins_is_replaced(
    aside: ProcessAside, children: Children, turns: int
) -> None:
    asked = asyncio.create_task(aside("a", os.getpid))
    while not (begun := children()):
        await asyncio.sleep(0)
    (process,) = begun
    for _ in range(turns):
        await asyncio.sleep(0)

    process.kill()
    # Dead before the loop goes on.
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # noqa: ASYNC222

    assert await asked != process.pid


async def test_a_large_argument_for_a_dead_process_goes_to_the_next(aside: ProcessAside) -> None:
    await kill(await aside("a", os.getpid))

    assert await aside("a", len, "x" * 5_000_000) == 5_000_000


async def test_no_process_is_left_when_it_is_closed(pause: Pause, children: Children) -> None:
    aside = ProcessAside()
    running = asyncio.create_task(aside("a", pause.compute))
    await pause.is_reached()
    running.cancel()
    await asyncio.wait([running])

    await aside.close()

    assert children() == []


SERVER = """
import asyncio, os, sys
from asyncio.subprocess import PIPE
from pathlib import Path
from evald.sandbox.aside import ProcessAside

async def main():
    aside = ProcessAside()
    print(await aside("a", os.getpid), flush=True)
    await aside("a", Path(sys.argv[1]).read_text)
    print("idle", flush=True)
    await asyncio.sleep(1000)

asyncio.run(main())
"""


@pytest.mark.parametrize("idle", [False, True], ids=["while it computes", "while it waits"])
async def test_the_process_ends_with_a_server_that_is_killed(pause: Pause, idle: bool) -> None:
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, str(pause.path), stdout=PIPE
    )
    assert server.stdout is not None
    process = psutil.Process(int(await server.stdout.readline()))
    await pause.is_reached()
    if idle:
        pause.go_on("done")
        assert await server.stdout.readline() == b"idle\n"

    server.kill()

    await server.wait()
    until(lambda: not process.is_running())
