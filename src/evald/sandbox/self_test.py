"""Find out, once and by trying, what this machine can isolate with."""

import asyncio
import os
import secrets
import socket
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import orjson
import structlog

from evald.contract.json_types import JsonObject
from evald.sandbox import escapes
from evald.sandbox.backend import Backend, CannotIsolate, Limits, machine
from evald.sandbox.interface import Executed, Isolation, Trial
from evald.sandbox.pool import SandboxPool
from evald.sandbox.syscalls import Machine
from evald.sandbox.visible import Visible, visible

MakeBackend = Callable[[Visible, Sequence[Path], Limits], Backend]

ESCAPES: Final = Path(escapes.__file__)

ADVICE: Final = (
    "Python graders run a user's code, and this machine has nothing that isolates it. Install "
    "bubblewrap (Debian and Ubuntu: 'apt-get install bubblewrap'), let the user of evald make user "
    "namespaces, and start evald again. 'evald doctor' says what was tried."
)

# Calls that the process of a row has no business with, by their numbers on each kind of processor.
_FORBIDDEN: Final[Mapping[str, tuple[int | None, int | None]]] = {
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200),
    "sendto": (44, 206), "recvfrom": (45, 207), "execve": (59, 221), "execveat": (322, 281),
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434), "pidfd_getfd": (438, 438), "pidfd_send_signal": (424, 424),
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39),
    "pivot_root": (155, 41), "chroot": (161, 51), "open_tree": (428, 428),
    "move_mount": (429, 429), "fsopen": (430, 430), "mount_setattr": (442, 442),
    "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "io_uring_setup": (425, 425), "bpf": (321, 280), "perf_event_open": (298, 241),
    "userfaultfd": (323, 282), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    "shmget": (29, 194), "semget": (64, 190), "mq_open": (240, 180),
    "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    "seccomp": (317, 277), "setuid": (105, 146), "setresuid": (117, 147), "setgroups": (116, 159),
    "capset": (126, 91), "setpriority": (141, 140), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "personality": (135, 92), "quotactl": (179, 60),
    "swapon": (167, 224), "acct": (163, 89), "syslog": (103, 116), "settimeofday": (164, 170),
    "sethostname": (170, 161), "fanotify_init": (300, 262), "inotify_init1": (294, 26),
    "open_by_handle_at": (304, None), "mknodat": (259, 33), "linkat": (265, 37),
    "setxattr": (188, 5), "flock": (73, 32), "process_madvise": (440, 440),
    "landlock_create_ruleset": (444, 444), "prlimit64": (302, 261), "clone3": (435, 435),
}  # fmt: skip

log = structlog.get_logger()


async def tried_backends(
    backends: Sequence[tuple[str, MakeBackend]], hidden: Sequence[Path], limits: Limits
) -> tuple[Isolation, Backend | None]:
    """Try the backends in this order, and give the first that holds, with what all trials showed."""
    seen = await asyncio.to_thread(visible)
    trials = []
    for name, make in backends:
        try:
            backend = await asyncio.to_thread(make, seen, hidden, limits)
        except CannotIsolate as error:
            trials.append(Trial(name, (), str(error)))
            continue
        try:
            trial = await _tried(backend, hidden)
        except OSError as error:
            trial = Trial(name, (), f"The self-test could not be made: {error}")
        trials.append(trial)
        if trial.refused is None:
            log.info("python graders are isolated", by=name, escapes_tried=len(trial.held))
            return Isolation(name, tuple(trials), None), backend
    log.warning(
        "python graders are refused: nothing isolates them", tried=[each.refused for each in trials]
    )
    return Isolation(None, tuple(trials), ADVICE), None


@dataclass(frozen=True, slots=True)
class Targets:
    """What the escapes aim at, outside."""

    item: JsonObject
    listening: Sequence[socket.socket]

    def was_reached(self) -> bool:
        """Say whether anything has come in."""
        return any(_has_caller(each) for each in self.listening)


async def _tried(backend: Backend, hidden: Sequence[Path]) -> Trial:
    pool = SandboxPool(backend, spare_places=0)
    source = await asyncio.to_thread(ESCAPES.read_text)
    try:
        with targets(hidden) as aims:
            # Both through the same sandbox, for the second looks for what the first has left.
            rows = [
                await pool.run(
                    "self-test", source, {"sample": {"leftovers": again}, "item": aims.item}
                )
                for again in (False, True)
            ]
            if aims.was_reached():
                return Trial(backend.name, (), "A service outside was reached.")
    finally:
        await pool.close()
    return _judged(backend.name, rows)


def _judged(name: str, rows: Sequence[Executed]) -> Trial:
    held: dict[str, None] = {}
    for row in rows:
        if row.error_code is not None:
            return Trial(name, tuple(held), row.message)
        for line in row.output.splitlines():
            word, _, attempt = line.partition(" ")
            if word != "held":
                return Trial(name, tuple(held), f"This was possible inside: {attempt}.")
            held[attempt] = None
        if row.score != 0 or not held:
            return Trial(name, tuple(held), "The self-test gave no clear answer.")
    return Trial(name, tuple(held), None)


@contextmanager
def targets(hidden: Sequence[Path]) -> Iterator[Targets]:
    """Set up a file, a service and a name outside, for the time of a test."""
    mark = secrets.token_hex(8)
    with (
        tempfile.NamedTemporaryFile() as canary,
        socket.create_server(("127.0.0.1", 0)) as service,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as named,
    ):
        canary.write(mark.encode())
        canary.flush()
        os.chmod(canary.name, 0o644)
        name = f"evald-self-test-{mark}"
        named.bind(f"\0{name}")
        named.listen()
        item: JsonObject = {
            "mark": mark,
            "canary": canary.name,
            "hidden": [str(path) for path in hidden],
            "package": orjson.__file__,
            "server": os.getpid(),
            "port": service.getsockname()[1],
            "name": name,
            "calls": dict(_numbers(machine())),
        }
        yield Targets(item, (service, named))


def _numbers(kind: Machine) -> Iterator[tuple[str, int]]:
    for name, numbers in _FORBIDDEN.items():
        number = numbers[kind == "aarch64"]
        if number is not None:
            yield name, number


def _has_caller(listening: socket.socket) -> bool:
    listening.setblocking(False)
    try:
        listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True
