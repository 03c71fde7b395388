"""The processes of sandboxes, from outside: what they may, and that nothing of them is left."""

import asyncio
import os
import resource
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from evald.sandbox.backend import ZYGOTE, Limits
from evald.sandbox.bubblewrap import bubblewrap
from evald.sandbox.pool import SandboxPool
from evald.sandbox.visible import visible
from tests.ordinary_user import CHECKOUT, as_ordinary_user
from tests.sandbox.conftest import LIMITS, Children
from tests.waiting import until

WAITS = "import time\ndef grade(sample, item):\n    time.sleep(item['seconds'])\n    return 1\n"


async def waiting(pool: SandboxPool, owner: str = "a", seconds: float = 1000.0) -> float | None:
    result = await pool.run(owner, WAITS, {"sample": {}, "item": {"seconds": seconds}})
    return result.score


def rows_of(children: Children) -> list[psutil.Process]:
    """Give the processes that run rows: the children of zygotes, which are no bubblewraps."""
    zygotes = [each for each in children() if each.name() != "bwrap"]
    return [row for zygote in zygotes for row in zygote.children()]


def row_of(children: Children) -> psutil.Process | None:
    """Give the process that runs a row: the child of a zygote, which is bubblewrap's child."""
    return next(iter(rows_of(children)), None)


async def begun(children: Children) -> psutil.Process:
    return await asyncio.to_thread(until, lambda: row_of(children))


def status_of(process: psutil.Process) -> dict[str, str]:
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def namespaces_of(process: psutil.Process) -> dict[str, str]:
    kinds = ("pid", "net", "ipc", "uts", "mnt", "cgroup")
    return {kind: os.readlink(f"/proc/{process.pid}/ns/{kind}") for kind in kinds}


def environment_of(process: psutil.Process) -> bytes:
    return Path(f"/proc/{process.pid}/environ").read_bytes()


def mounted() -> str:
    return Path("/proc/self/mountinfo").read_text()


def without_a_parent() -> list[psutil.Process]:
    """Give the sandboxes of this checkout that have outlived their server."""
    found = psutil.process_iter(["name", "ppid", "status", "cmdline"])
    return [
        each
        for each in found
        if (each.info["name"], each.info["ppid"]) == ("bwrap", 1)
        and each.info["status"] != psutil.STATUS_ZOMBIE
        and str(ZYGOTE) in each.info["cmdline"]
    ]


async def test_zygote_and_row_have_no_rights_and_no_namespace_of_the_server(
    pool: SandboxPool, children: Children
) -> None:
    running = asyncio.create_task(waiting(pool))
    row = await begun(children)

    for process in (row, row.parent()):
        assert process is not None
        status = status_of(process)
        rights = {status[name] for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")}
        assert rights == {"0" * 16}
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2"
        assert 0 not in map(int, status["Uid"].split() + status["Gid"].split())
        assert not namespaces_of(process).items() & namespaces_of(psutil.Process()).items()
    if os.geteuid() == 0:  # another user cannot give its groups up
        assert status_of(row)["Groups"] == ""
    running.cancel()


async def test_a_row_sees_no_variable_of_the_server_and_no_checkout(
    pool: SandboxPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "hunter2")
    source = f"""
import os
def grade(sample, item):
    print(dict(os.environ), os.listdir({str(CHECKOUT)!r}))
    return 1
"""

    result = await pool.run("a", source, {"sample": {}, "item": {}})

    assert "hunter2" not in result.output
    assert result.output.endswith("} ['.venv']\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may look into these processes")
async def test_no_process_of_a_sandbox_was_begun_with_a_variable_of_the_server(
    pool: SandboxPool, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "hunter2")
    running = asyncio.create_task(waiting(pool))
    await begun(children)

    assert b"hunter2" not in b"".join(environment_of(each) for each in children())
    running.cancel()


async def test_what_is_hidden_is_not_seen_in_a_folder_that_is(
    has_bubblewrap: None, tmp_path: Path
) -> None:
    folder, data = tmp_path / "packages", tmp_path / "packages" / "data"
    data.mkdir(parents=True)
    (data / "evald.db").write_text("secret")
    (folder / "evald.toml").write_text("secret")
    (folder / "module.py").write_text("secret")
    for each in (tmp_path, *tmp_path.parents[:2]):
        each.chmod(0o755)
    seen = visible()
    seen = type(seen)(seen.python, [*seen.paths, folder], seen.nltk_data, seen.packages)
    source = f"""
import os
def grade(sample, item):
    print(sorted(os.listdir({str(folder)!r})), os.listdir({str(data)!r}))
    for name in ("module.py", "evald.toml"):
        try: print(open(os.path.join({str(folder)!r}, name)).read())
        except OSError as error: print(type(error).__name__)
    return 1
"""
    hidden = [data, folder / "evald.toml", tmp_path / "not there", Path("/")]
    pool = SandboxPool(bubblewrap(seen, hidden, LIMITS), spare_places=0)
    try:
        result = await pool.run("a", source, {"sample": {}, "item": {}})
    finally:
        await pool.close()

    assert result.message is None
    assert result.output.splitlines() == [
        "['data', 'evald.toml', 'module.py'] []",
        "secret",
        "PermissionError",
    ]


async def test_a_canceled_row_is_killed_at_once_and_the_others_go_on(
    pool: SandboxPool, children: Children
) -> None:
    long = asyncio.create_task(waiting(pool))
    row = await begun(children)
    short = [asyncio.create_task(waiting(pool, seconds=0)) for _ in range(5)]

    long.cancel()

    assert await asyncio.gather(*short) == [1.0] * 5
    assert not row.is_running()


async def test_what_waits_is_dropped_when_it_is_canceled(pool: SandboxPool) -> None:
    rows = [asyncio.create_task(waiting(pool)) for _ in range(50)]
    await asyncio.sleep(0)

    for each in rows:
        each.cancel()
    await asyncio.wait(rows)

    assert await waiting(pool, seconds=0) == 1.0


async def test_the_end_of_an_owner_kills_its_sandboxes_and_no_other(
    pool: SandboxPool, children: Children
) -> None:
    other = asyncio.create_task(waiting(pool, "b"))
    kept = await begun(children)
    ended = asyncio.create_task(waiting(pool, "a"))
    await asyncio.to_thread(until, lambda: len(rows_of(children)) == 2)

    await pool.end("a")

    assert await ended is None
    assert kept.is_running()
    other.cancel()


async def test_nothing_is_left_when_all_is_closed(pool: SandboxPool, children: Children) -> None:
    mounts = mounted()
    await asyncio.gather(*(waiting(pool, "a", 0) for _ in range(200)))
    rows = [asyncio.create_task(waiting(pool, owner)) for owner in "aabbcc"]
    await begun(children)

    await pool.close()

    await asyncio.wait(rows)
    assert [each for each in children() if each.status() != psutil.STATUS_ZOMBIE] == []
    assert mounted() == mounts


async def test_a_cancel_at_any_moment_of_the_start_leaves_no_process(
    pool: SandboxPool, children: Children
) -> None:
    for turns in [*range(10), *range(0, 60, 3)]:
        row = asyncio.create_task(waiting(pool, f"owner {turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        row.cancel()
        await asyncio.wait([row])
        await pool.end(f"owner {turns}")

    await pool.close()

    assert children() == []
    await asyncio.to_thread(until, lambda: not without_a_parent())


async def test_a_slow_owner_does_not_hold_up_another(pool: SandboxPool, children: Children) -> None:
    slow = [asyncio.create_task(waiting(pool, "slow")) for _ in range(10)]
    await begun(children)

    assert await waiting(pool, "quick", seconds=0) == 1.0

    assert not any(each.done() for each in slow)
    for each in slow:
        each.cancel()


async def test_an_owner_gets_no_more_sandboxes_than_one_and_the_spare_places(
    pool: SandboxPool, children: Children
) -> None:
    rows = [asyncio.create_task(waiting(pool, "a", 0.2)) for _ in range(8)]

    def running() -> int:
        own = psutil.Process().children()
        return len([each for each in children() if each in own])

    most = 0
    while not all(each.done() for each in rows):
        most = max(most, running())
        await asyncio.sleep(0.01)

    assert [await each for each in rows] == [1.0] * 8
    assert most == 2  # the pool of the tests has one spare place


async def test_a_sandbox_that_is_killed_from_outside_costs_one_row(
    pool: SandboxPool, children: Children
) -> None:
    rows = [asyncio.create_task(waiting(pool, seconds=0.2)) for _ in range(4)]
    row = await begun(children)
    zygote = row.parent()
    assert zygote is not None

    zygote.kill()

    scores = await asyncio.gather(*rows)
    assert sorted(scores, key=str) == [1.0, 1.0, 1.0, None]


async def test_a_sandbox_that_no_longer_answers_is_given_up(
    has_bubblewrap: None, children: Children, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("evald.sandbox.sandbox.STUCK_AFTER_S", 0.1)
    pool = SandboxPool(bubblewrap(visible(), (), Limits(seconds=0.3)), spare_places=0)
    stuck = asyncio.create_task(waiting(pool))
    zygote = (await begun(children)).parent()
    assert zygote is not None
    zygote.suspend()

    next_one = asyncio.create_task(waiting(pool, seconds=0))

    assert (await stuck, await next_one) == (None, 1.0)
    await pool.close()


SERVER = f"""
import asyncio, os, sys, uvloop
from evald.sandbox.bubblewrap import bubblewrap
from evald.sandbox.backend import Limits
from evald.sandbox.landlock import landlock
from evald.sandbox.pool import SandboxPool
from evald.sandbox.visible import visible

SOURCE = {WAITS!r}

async def main():
    make = {{"bubblewrap": bubblewrap, "landlock": landlock}}[sys.argv[1]]
    pool = SandboxPool(make(visible(), (), Limits()), spare_places=0)
    await pool.run("a", SOURCE, {{"sample": {{}}, "item": {{"seconds": 0}}}})
    print("begun", flush=True)
    await pool.run("a", SOURCE, {{"sample": {{}}, "item": {{"seconds": 1000}}}})

uvloop.run(main())
"""


@pytest.mark.parametrize(
    ("backend", "is_ordinary"),
    [("bubblewrap", False), ("bubblewrap", True), ("landlock", True)],
    ids=["bubblewrap", "bubblewrap of an ordinary user", "landlock of an ordinary user"],
)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_no_process_outlives_its_server(
    has_bubblewrap: None, number: signal.Signals, backend: str, is_ordinary: bool
) -> None:
    command = [sys.executable, "-c", SERVER, backend]
    server = await asyncio.create_subprocess_exec(
        *(as_ordinary_user(command) if is_ordinary else command), stdout=PIPE, cwd="/"
    )
    assert server.stdout is not None
    assert await server.stdout.readline() == b"begun\n"
    children = await asyncio.to_thread(until, lambda: with_a_row(server.pid))

    server.send_signal(number)

    await server.wait()
    until(lambda: not any(each.is_running() for each in children))
    until(lambda: not without_a_parent())


def with_a_row(pid: int) -> list[psutil.Process] | None:
    """Give the descendants of a server when one of them runs a row."""
    found = psutil.Process(pid).children(recursive=True)
    zygotes = [each for each in found if each.name() != "bwrap"]
    return found if any(each.children() for each in zygotes) else None


async def test_a_sandbox_for_which_there_is_no_room_now_is_begun_when_there_is(
    pool: SandboxPool,
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    free = os.dup(0)
    os.close(free)
    with capture_logs() as logged:
        resource.setrlimit(resource.RLIMIT_NOFILE, (free, limits[1]))  # no further file
        try:
            row = asyncio.create_task(waiting(pool, seconds=0))
            await asyncio.to_thread(until, lambda: logged)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

        assert await row == 1
    assert "open file" in logged[0]["reason"]
