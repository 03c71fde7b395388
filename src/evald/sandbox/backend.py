"""What a sandbox is begun with: a command that isolates, and the settings of the zygote in it."""

import os
import platform
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.sandbox import zygote
from evald.sandbox.seccomp import seccomp_filter
from evald.sandbox.server_folder import ServerFolder
from evald.sandbox.syscalls import Machine, by_number, row_calls, zygote_calls

ZYGOTE: Final = Path(zygote.__file__)

PYTHON_OPTIONS: Final = ("-I", "-B", "-X", "utf8")
"""Nothing from the environment or the working folder; no compiled files; UTF-8 everywhere."""

UNNAMED_USER: Final = 65_533
"""The user of a sandbox: no system gives it a name or a file."""
UNNAMED_USERS: Final = (0x7000_0000, 0x70FF_FFFF)
"""First and last of as many such users. A sandbox of root's server becomes one of them, where the
machine has them: the kernel counts threads and pipes by user, and one program could use up all.
"""

NICE: Final = 5
"""How much later than the server a sandbox has its turn."""


class CannotIsolate(Exception):
    """A backend cannot be used on this machine. The text says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one row may take. Beyond it the row is an error, and the next ones go on."""

    seconds: float = 120.0
    memory: int = 2 << 30
    scratch: int = 1 << 30
    scratch_files: int = 100_000
    cores: int = 2
    open_files: int = 256
    threads: int = 1024
    """Of the sandbox's user. Older kernels count all that this user runs, so it is no small number."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One way to isolate. Every sandbox is begun by the same command."""

    name: str
    command: Sequence[str]
    settings: JsonObject = field(repr=False)
    """What the zygote is told first; the source is added to it."""
    limits: Limits
    """Of each row, which the settings hold the zygote to."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Of the command: all of it, nothing of the server's is added."""
    folder: ServerFolder | None = None
    """Where each sandbox may keep a folder with the number of its process for a name."""


def zygote_settings(
    limits: Limits, *, user: int | None, scratch_owner: int | None, added: JsonObject
) -> JsonObject:
    """Give the settings of a zygote that becomes `user`, or one like it, unless it is None.

    It has scratch space, owned by `scratch_owner`, unless that is None. Raises CannotIsolate.
    """
    kind = machine()
    of_row = seccomp_filter(by_number(row_calls(scratch=scratch_owner is not None), kind), kind)
    of_zygote = seccomp_filter(by_number(zygote_calls(), kind), kind)
    scratch: JsonValue = None
    if scratch_owner is not None:
        scratch = {"size": limits.scratch, "files": limits.scratch_files, "user": scratch_owner}
    return {
        "scratch": scratch,
        "users": None if user is None else list(_users_like(user)),
        "devices": [],
        "landlock": None,
        "nice": NICE,
        "cores": limits.cores,
        "seconds": limits.seconds,
        "processor_seconds": max(1, round(limits.seconds * limits.cores)),
        "memory": limits.memory,
        "processes": limits.threads,
        "limits": _resource_limits(limits),
        "zygote_filter": of_zygote.program.hex(),
        "row_filter": of_row.program.hex(),
        "own_pid_at": list(of_row.own_pid_at),
        **added,
    }


def _users_like(user: int) -> tuple[int, int]:
    return UNNAMED_USERS if all(map(knows_user, UNNAMED_USERS)) else (user, user)


def _resource_limits(limits: Limits) -> JsonObject:
    return {
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": limits.scratch,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_NOFILE": limits.open_files,
    }


def machine() -> Machine:
    """Say what kind of processor this is. Raises CannotIsolate for one whose calls are not known."""
    match platform.machine():
        case "x86_64":
            return "x86_64"
        case "aarch64" | "arm64":
            return "aarch64"
        case other:
            raise CannotIsolate(
                f"Its system calls are not known for processors of the kind {other}."
            )


def knows_user(user: int) -> bool:
    """Say whether the server's user namespace has this user; that of a container may not."""
    lines = Path("/proc/self/uid_map").read_text().splitlines()
    ranges = [tuple(map(int, line.split())) for line in lines]
    return any(first <= user < first + count for first, _, count in ranges)


def environment(nltk_data: Sequence[str], home: str) -> Mapping[str, str]:
    """Give the whole environment inside a sandbox.

    Libraries for linear algebra keep threads for each core otherwise, which a fork does not have.
    """
    one_thread = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    named = {"NLTK_DATA": os.pathsep.join(nltk_data)} if nltk_data else {}
    if sysconfig.get_config_var("Py_ENABLE_SHARED"):
        # A Python that finds its library beside itself asks /proc where that is.
        named["LD_LIBRARY_PATH"] = os.path.join(sys.base_prefix, "lib")
    return {
        "HOME": home,
        "TMPDIR": home,
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "MALLOC_ARENA_MAX": "2",
        **one_thread,
        **named,
    }
