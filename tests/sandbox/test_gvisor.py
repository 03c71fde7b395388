"""gVisor as the sandbox: what isolates, limits and ends there as elsewhere, with the real runsc."""

import asyncio
import shutil
import signal
import sys
import tempfile
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from evald.sandbox.backend import CannotIsolate, Limits
from evald.sandbox.gvisor import gvisor
from evald.sandbox.pool import SandboxPool
from evald.sandbox.python_sandboxes import PythonSandboxes
from evald.sandbox.visible import Visible, visible
from tests.runs.making import create_eval, create_run, get_final, given, items_of
from tests.sandbox.conftest import LIMITS, Children
from tests.sandbox.test_python_rows import codes
from tests.sandbox.test_sandbox_processes import WAITS, mounted, waiting
from tests.server import CHECKOUT, EvaldServer
from tests.waiting import until

WITHOUT_LANDLOCK = (sys.executable, str(CHECKOUT / "tests" / "without_landlock.py"))
LEAVES = """
import os, signal, sys, threading
os.makedirs("a/b"); open("a/f", "w").write("left"); os.chmod("a/b", 0); os.chmod(".", 0)
os.environ["MARK"] = "left"; os.chdir("/usr"); os.umask(0o777); sys.path.clear()
threading.Thread(target=threading.Event().wait, daemon=True).start()
result = 0
"""
LOOKS = """
import os, signal
print(os.listdir("."), os.getcwd(), os.environ.get("MARK"), oct(os.umask(0)), os.stat(".").st_mtime)
print(signal.getsignal(signal.SIGCHLD), signal.set_wakeup_fd(-1))
result = 1
"""
LOOKS_OUT = """
import os
print(*(os.listdir(each) for each in ("/proc", "/sys", "/tmp")), os.path.exists("/etc/passwd"))
print(os.stat("/scratch").st_uid == os.getuid() != 0)
for folder in ("/", "/evald", "/tmp", "/dev", "/dev/shm", "/usr/lib"):
    try: open(os.path.join(folder, "new"), "w")
    except OSError: pass
    else: print("written:", folder)
result = 1
"""
LIMIT_OF = {
    "x = []\nwhile True: x.append(bytearray(64 << 20))": "python_memory_limit",
    "open('large', 'wb').write(bytes(9 << 20))": "python_scratch_limit",
    "import os\nos._exit(7)": "python_died",
    "import ctypes\nctypes.string_at(0)": "python_died",
    "print('before')\nwhile True: pass": "python_time_limit",
    "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)": "python_time_limit",
    "import os, time\nos.closerange(1, 64), time.sleep(1000)": "python_time_limit",
    "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n"
    "    except (OSError, ValueError): pass\nwhile True: pass": "python_time_limit",
}
THREADS = """
import threading
threading.stack_size(32768)
event, result = threading.Event(), 0
try:
    while True:
        threading.Thread(target=event.wait, daemon=True).start()
        result += 1
except RuntimeError:
    pass
"""


@pytest.fixture
async def pool(has_gvisor: None) -> AsyncIterator[SandboxPool]:
    pool = SandboxPool(gvisor(visible(), (), LIMITS), spare_places=0)
    yield pool
    await pool.close()


def folders() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("evald-gvisor-*"))


def of_gvisor(children: Children) -> list[str]:
    return [each.name() for each in children() if each.status() != psutil.STATUS_ZOMBIE]


async def test_the_escapes_are_held_by_gvisor_and_what_is_hidden_is_not_seen(
    has_gvisor: None, tmp_path: Path
) -> None:
    packages = Path(pytest.__file__).parent
    sandboxes = PythonSandboxes(hidden=[packages, tmp_path], backends=[("gvisor", gvisor)])

    isolation = await sandboxes.isolation()
    result = await sandboxes.run("a", "def grade(s, i): return 0.5", {}, {})
    await sandboxes.close()

    (trial,) = isolation.trials
    assert (isolation.backend, trial.refused, result.score) == ("gvisor", None, 0.5)
    assert len(trial.held) > 120
    assert "reading what is hidden (1)" in trial.held


async def test_a_row_finds_nothing_of_the_row_before_and_nothing_outside(pool: SandboxPool) -> None:
    _, second, third, outside = await codes(pool, LEAVES, LOOKS, LOOKS, LOOKS_OUT)

    expected = "[] /scratch None 0o22 0.0\n0 -1\n"  # SIG_DFL
    assert second.output == third.output == expected
    way = CHECKOUT.parts  # to Python, which may lie in a checkout below /tmp
    in_tmp = [way[2]] if way[1] == "tmp" else []
    assert outside.output == f"[] [] {in_tmp} False\nTrue\n"


async def test_a_row_that_goes_beyond_a_limit_is_an_error_and_the_next_one_goes_on(
    has_gvisor: None,
) -> None:
    limits = Limits(seconds=1, memory=LIMITS.memory, scratch=LIMITS.scratch)
    pool = SandboxPool(gvisor(visible(), (), limits), spare_places=2)
    try:
        *wrong, right = await codes(pool, *LIMIT_OF, "result = 1")
    finally:
        await pool.close()

    assert [each.error_code for each in wrong] == list(LIMIT_OF.values())
    assert right.score == 1.0


async def test_threads_without_end_are_stopped_by_a_limit_in_gvisor(pool: SandboxPool) -> None:
    many, next_one = await codes(pool, THREADS, "result = 1")

    assert many.score is not None
    assert 10 < many.score <= LIMITS.threads
    assert next_one.score == 1.0


async def test_a_row_in_tmp_sees_a_package_that_lies_there(
    has_gvisor: None, tmp_path: Path
) -> None:
    folder, hidden = tmp_path / "packages", tmp_path / "packages" / "secret"
    folder.mkdir()
    hidden.write_text("secret")
    (folder / "module.py").write_text("value = 0.25")
    seen = visible()
    seen = Visible(seen.python, [*seen.paths, folder], seen.nltk_data, [str(folder)])
    pool = SandboxPool(gvisor(seen, [hidden], LIMITS), spare_places=0)
    try:
        (found,) = await codes(
            pool, f"import module\nprint(open({str(hidden)!r}).read())\nresult = module.value"
        )
    finally:
        await pool.close()

    assert (found.score, found.output) == (0.25, "\n")


async def test_a_cancel_at_any_moment_and_the_end_leave_no_process_and_no_state(
    has_gvisor: None, children: Children
) -> None:
    backend = gvisor(visible(), (), LIMITS)
    assert backend.folder is not None
    folder = backend.folder.path
    before, mounts = set(folder.iterdir()), mounted()
    pool = SandboxPool(backend, spare_places=0)
    for turns in (0, 5, 20, 40):
        row = asyncio.create_task(waiting(pool, f"owner {turns}"))
        for _ in range(turns):
            await asyncio.sleep(0)
        row.cancel()
        await asyncio.wait([row])
        await pool.end(f"owner {turns}")
    assert await waiting(pool, "whole", 0) == 1.0
    running = asyncio.create_task(waiting(pool, "a"))
    assert set(folder.iterdir()) > before

    await pool.close()

    await asyncio.wait([running])
    assert (set(folder.iterdir()), mounted()) == (before, mounts)
    await asyncio.to_thread(until, lambda: not of_gvisor(children))


SERVER = f"""
import asyncio, sys, uvloop
from evald.sandbox.backend import Limits
from evald.sandbox.gvisor import gvisor
from evald.sandbox.pool import SandboxPool
from evald.sandbox.visible import visible

SOURCE = {WAITS!r}

async def main():
    pool = SandboxPool(gvisor(visible(), (), Limits()), spare_places=0)
    await pool.run("a", SOURCE, {{"sample": {{}}, "item": {{"seconds": 0}}}})
    print("begun", flush=True)
    await pool.run("a", SOURCE, {{"sample": {{}}, "item": {{"seconds": 1000}}}})

uvloop.run(main())
"""


async def test_no_process_of_gvisor_outlives_its_server_and_the_next_one_removes_its_folder(
    has_gvisor: None,
) -> None:
    before = folders()
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-c", SERVER, stdout=PIPE, cwd="/"
    )
    assert server.stdout is not None
    assert await server.stdout.readline() == b"begun\n"
    found = psutil.Process(server.pid).children(recursive=True)
    assert len(found) > 3  # runsc, its gofer, its sandbox, and what that runs
    (left,) = (each for each in folders() - before if any(each.glob(f"{found[0].pid}")))

    server.send_signal(signal.SIGKILL)

    await server.wait()
    until(lambda: not any(is_alive(each) for each in found))
    assert left.exists()
    gvisor(visible(), (), LIMITS)
    assert not left.exists()


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_gvisor_says_why_it_cannot_isolate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")

    with pytest.raises(CannotIsolate, match=r"^The program runsc is not installed\.$"):
        gvisor(visible(), (), LIMITS)


def test_a_run_is_graded_where_gvisor_alone_isolates(has_gvisor: None, tmp_path: Path) -> None:
    program = {
        "type": "python",
        "name": "program",
        "source": "def grade(sample, item):\n    return item['n'] / 4\n",
        "pass_threshold": 0.5,
    }
    runsc = shutil.which("runsc")
    assert runsc is not None
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "runsc").symlink_to(runsc)
    environment, before = {"PATH": str(tmp_path / "bin")}, folders()
    with EvaldServer(tmp_path, environment=environment, under=WITHOUT_LANDLOCK) as server:
        rows = [{"item": {"n": n}, "sample": {"output_text": ""}} for n in range(5)]
        run = get_final(server, create_run(server, create_eval(server, program), given(rows)))
        scores = [item["results"][0]["score"] for item in items_of(server, run)]
        (folder,) = folders() - before

    assert (run["status"], run["result_counts"]["passed"]) == ("completed", 3)
    assert sorted(scores) == [0.0, 0.25, 0.5, 0.75, 1.0]
    assert not folder.exists()
