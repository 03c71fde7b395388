"""The self-test: it passes where things are isolated, and where they are not it says so."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from evald.sandbox.backend import (
    PYTHON_OPTIONS,
    ZYGOTE,
    Backend,
    CannotIsolate,
    Limits,
    zygote_settings,
)
from evald.sandbox.bubblewrap import bubblewrap
from evald.sandbox.pool import SandboxPool
from evald.sandbox.python_sandboxes import BACKENDS, PythonSandboxes
from evald.sandbox.self_test import ESCAPES, targets
from evald.sandbox.visible import Visible, visible
from tests.ordinary_user import as_ordinary_user, as_root_of_a_container

SOURCE = "def grade(sample, item):\n    return 1\n"
REACHED_WITHOUT_ISOLATION = {
    "reading a file of the machine",
    "reading /etc/passwd",
    "making a file in /var/tmp",
    "forking",
    "running a program",
    "spawning a program",
    "a signal to the zygote",
    "the limits of the zygote",
    "a service on this machine",
    "a socket with an abstract name",
    "a pair of sockets",
    *(f"a socket {family} SOCK_DGRAM" for family in ("AF_INET", "AF_UNIX", "AF_NETLINK")),
    *(
        f"the system call {name}"
        for name in ("socket", "execve", "ptrace", "setns", "memfd_create", "shmget", "flock")
    ),
}

SELF_TEST = """
import asyncio, dataclasses, json, sys
from evald.sandbox.python_sandboxes import BACKENDS, PythonSandboxes

async def main():
    asked = [each for each in BACKENDS if each[0] == sys.argv[1]]
    sandboxes = PythonSandboxes(backends=asked)
    isolation = await sandboxes.isolation()
    result = await sandboxes.run("a", "def grade(s, i): return 0.5", {}, {})
    await sandboxes.close()
    print(json.dumps([dataclasses.asdict(isolation), result.score]))

asyncio.run(main())
"""


def as_it_is(command: Sequence[str]) -> list[str]:
    return list(command)


USERS = {"": as_it_is, " of an ordinary user": as_ordinary_user}
if os.geteuid() == 0:
    USERS[" of a container's root"] = as_root_of_a_container
WAYS = [
    pytest.param(backend, run_as, id=backend + name)
    for backend, _ in BACKENDS
    for name, run_as in USERS.items()
    # As root, Landlock depends on where Python lies. gVisor has tests of its own.
    if backend != "gvisor" and (backend, run_as) != ("landlock", as_it_is)
]


@pytest.mark.parametrize(("backend", "run_as"), WAYS)
async def test_the_escapes_are_held(
    has_bubblewrap: None, backend: str, run_as: Callable[[Sequence[str]], list[str]]
) -> None:
    process = await asyncio.create_subprocess_exec(
        *run_as([sys.executable, "-c", SELF_TEST, backend]),
        stdout=asyncio.subprocess.PIPE,
        cwd="/",
    )
    output, _ = await process.communicate()

    isolation, score = json.loads(output.splitlines()[-1])

    assert (isolation["backend"], isolation["advice"], score) == (backend, None, 0.5)
    (trial,) = isolation["trials"]
    assert trial["refused"] is None
    assert len(trial["held"]) > 120


async def test_a_hidden_path_is_tried_and_held(has_bubblewrap: None) -> None:
    packages = Path(pytest.__file__).parent
    sandboxes = PythonSandboxes(hidden=[packages], limits=Limits())

    (trial,) = (await sandboxes.isolation()).trials
    await sandboxes.close()

    assert trial.refused is None
    assert "reading what is hidden (1)" in trial.held


def unprotected(visible: Visible, hidden: Sequence[Path], limits: Limits) -> Backend:
    """Isolate by nothing at all, as no backend of evald may."""
    settings = zygote_settings(limits, user=None, scratch_owner=None, added={"packages": []})
    nothing = "060000000000ff7f"  # allow every call
    settings |= {"zygote_filter": nothing, "row_filter": nothing, "own_pid_at": [], "nice": 0}
    settings["processes"] = (
        1 << 20
    )  # all that the user runs counts, other tests' bombs of threads too
    command = as_ordinary_user([str(visible.python), *PYTHON_OPTIONS, str(ZYGOTE)])
    return Backend("nothing", command, settings, limits)


def missing(visible: Visible, hidden: Sequence[Path], limits: Limits) -> Backend:
    raise CannotIsolate("The program that isolates is not installed.")


def broken(visible: Visible, hidden: Sequence[Path], limits: Limits) -> Backend:
    settings = zygote_settings(limits, user=None, scratch_owner=None, added={"packages": []})
    command = ["/bin/sh", "-c", "echo starting >&2; echo no room for namespaces >&2; exit 1"]
    return Backend("broken", command, settings, limits)


async def test_without_isolation_nothing_runs_and_every_reason_is_told() -> None:
    sandboxes = PythonSandboxes(
        backends=[("missing", missing), ("broken", broken), ("nothing", unprotected)]
    )

    isolation = await sandboxes.isolation()
    result = await sandboxes.run("a", SOURCE, {}, {})
    await sandboxes.close()

    assert isolation.backend is None
    assert [(each.backend, each.refused) for each in isolation.trials] == [
        ("missing", "The program that isolates is not installed."),
        ("broken", "The sandbox could not be started: no room for namespaces"),
        ("nothing", "A service outside was reached."),
    ]
    assert (result.score, result.error_code) == (None, "python_unavailable")
    assert result.message == isolation.advice
    assert "apt-get install bubblewrap" in (isolation.advice or "")


async def test_where_nothing_isolates_the_escapes_succeed() -> None:
    pool = SandboxPool(unprotected(visible(), (), Limits()), spare_places=0)
    source = ESCAPES.read_text()
    try:
        with targets(()) as aims:
            result = await pool.run(
                "a", source, {"sample": {"leftovers": False}, "item": aims.item}
            )
    finally:
        await pool.close()

    words = [line.partition(" ") for line in result.output.splitlines()]
    reached = {attempt for word, _, attempt in words if word == "ESCAPED"}
    assert result.score == len(reached)
    assert reached >= REACHED_WITHOUT_ISOLATION


async def test_the_next_backend_is_taken_when_the_first_does_not_hold(has_bubblewrap: None) -> None:
    sandboxes = PythonSandboxes(backends=[("nothing", unprotected), ("bubblewrap", bubblewrap)])
    sandboxes.begin()

    isolation = await sandboxes.isolation()
    result = await sandboxes.run("a", SOURCE, {}, {})
    await sandboxes.close()

    assert (isolation.backend, len(isolation.trials), result.score) == ("bubblewrap", 2, 1.0)


async def test_a_close_amid_the_self_test_leaves_nothing(has_bubblewrap: None) -> None:
    sandboxes = PythonSandboxes()
    sandboxes.begin()
    await asyncio.sleep(0)

    await sandboxes.close()
