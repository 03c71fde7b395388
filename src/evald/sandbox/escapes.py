"""The grader of the self-test: it really tries to get out of the sandbox, and says what it could do.

The server sends its text into a sandbox and never runs it itself. Each attempt is a function that does
what must not succeed; an error is what is hoped for. The score is the number of those that got through.
"""

import ctypes
import errno
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

Attempt = Callable[[], object]

_SCRATCH: Final = Path.cwd()
_HELD: Final = (errno.EPERM, errno.ENOSYS)
_KNOWN_VARIABLES: Final = frozenset(
    (
        "HOME", "TMPDIR", "PATH", "LANG", "LC_CTYPE", "PWD", "NLTK_DATA", "LD_LIBRARY_PATH",
        "MALLOC_ARENA_MAX",
        "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS",
    )
)  # fmt: skip


def grade(sample: dict[str, Any], item: dict[str, Any]) -> float:
    """Try everything, print one line for each attempt, and leave things behind for the next row."""
    escaped = 0
    for name, attempt in attempts(sample, item):
        try:
            got = attempt()
        except (Exception, SystemExit):  # noqa: BLE001  (an error of any kind is a wall)
            got = None
        escaped += got is not None
        print("held" if got is None else "ESCAPED", name)  # noqa: T201
    leave_behind(item)
    return escaped


def attempts(sample: dict[str, Any], item: dict[str, Any]) -> Iterator[tuple[str, Attempt]]:
    """Give every attempt with what it is called."""
    yield from files(item["canary"], item["hidden"])
    package = item["package"]
    yield from writes(package if os.path.exists(package) else os.__file__)
    yield from processes(item["server"])
    yield from network(item["port"], item["name"])
    for name, number in item["calls"].items():
        yield f"the system call {name}", partial(raw_call, number)
    yield "rights of root", rights_of_root
    yield "variables of the server", lambda: set(os.environ) - _KNOWN_VARIABLES or None
    if sample["leftovers"]:
        yield from leftovers()


def files(canary: str, hidden: list[str]) -> Iterator[tuple[str, Attempt]]:
    """Read what is not for graders."""
    yield "reading a file of the machine", lambda: read(canary)
    for name in ("/etc/passwd", "/etc/hostname", "/etc/machine-id", "/etc/ssl", "/var", "/boot"):
        yield f"reading {name}", partial(read, name)
    for name in ("self/environ", "self/maps", "self/mem", "1/environ", "1/root/etc/passwd", "net"):
        yield f"reading /proc/{name}", partial(read, f"/proc/{name}")
    yield "reading /sys", lambda: read("/sys/kernel")
    yield "reading a disk", lambda: read("/dev/sda") or read("/dev/vda")
    for place, name in enumerate(hidden):
        yield f"reading what is hidden ({place + 1})", partial(read, name)


def read(name: str) -> object:
    """Give what a file or a folder has in it, or None when that is nothing."""
    if os.path.isdir(name):
        return os.listdir(name) or None
    with open(name, "rb") as file:
        return file.read(64) or None


def writes(package: str) -> Iterator[tuple[str, Attempt]]:
    """Change what others read."""
    yield "writing over a package", lambda: opened(package, os.O_WRONLY)
    yield "adding a package", lambda: made(os.path.dirname(package))
    for folder in ("/", "/usr/lib", "/dev", "/proc", "/evald", "/etc", "/var/tmp", "/dev/shm"):  # noqa: S108
        yield f"making a file in {folder}", partial(made, folder)
    found = os.stat(package)
    yield "changing the mode of a package", lambda: done(os.chmod, package, found.st_mode)
    yield "changing the time of a package", lambda: done(os.utime, package, (1, found.st_mtime))


def opened(name: str, flags: int) -> object:
    """Open a file, and give that it could be opened."""
    os.close(os.open(name, flags, 0o600))
    return True


def made(folder: str) -> object:
    """Make a file in a folder, and give that it could be made."""
    name = os.path.join(folder, f"escape-{os.getpid()}")
    opened(name, os.O_WRONLY | os.O_CREAT)
    os.unlink(name)
    return True


def done(function: Callable[..., object], *arguments: object) -> object:
    """Call a function that gives nothing, and give that it did not fail."""
    function(*arguments)
    return True


def processes(server: int) -> Iterator[tuple[str, Attempt]]:
    """Begin processes, and meddle with those that are there."""
    yield "forking", forked
    yield "running a program", lambda: executing("/there is no such program")
    yield "spawning a program", lambda: os.posix_spawn("/bin/sh", ["sh", "-c", ":"], {})
    for name, pid in {"the server": server, "the zygote": os.getppid(), "all": -1}.items():
        if pid != os.getpid():
            yield f"a signal to {name}", partial(done, os.kill, pid, 0)
    yield "the process before this one", lambda: done(os.kill, os.getpid() - 1, 0)
    yield "the limits of the zygote", lambda: limits_of(os.getppid())


def forked() -> object:
    """Fork, and give that it was possible."""
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return True


def executing(program: str) -> object:
    """Execute a program that is not there, and give that this was the only reason against it."""
    try:
        os.execv(program, [program])  # noqa: S606
    except OSError as error:
        return None if error.errno in _HELD else error


def limits_of(pid: int) -> object:
    """Give the limits of another process; all are refused to pid 0, which is oneself."""
    import resource

    return resource.prlimit(pid, resource.RLIMIT_NOFILE) if pid else None


def network(port: int, name: str) -> Iterator[tuple[str, Attempt]]:
    """Reach something through a socket of each kind."""
    yield "a service on this machine", lambda: connected(socket.AF_INET, ("127.0.0.1", port))
    yield "a socket with an abstract name", lambda: connected(socket.AF_UNIX, f"\0{name}")
    for family in (
        "AF_INET",
        "AF_INET6",
        "AF_UNIX",
        "AF_NETLINK",
        "AF_PACKET",
        "AF_VSOCK",
        "AF_ALG",
    ):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            number = getattr(socket, family)
            yield (
                f"a socket {family} {kind.name}",
                partial(socket.socket, number, kind),
            )
    yield "a pair of sockets", socket.socketpair


def connected(family: int, address: Any) -> object:
    """Connect to an address, and give that it was possible."""
    with socket.socket(family, socket.SOCK_STREAM) as opened:
        opened.settimeout(1)
        opened.connect(address)
    return True


def raw_call(number: int) -> object:
    """Make a system call with nonsense for arguments: only a filter answers EPERM or ENOSYS to all."""
    libc = ctypes.CDLL(None, use_errno=True)
    nonsense = ctypes.c_long(-1)
    result = libc.syscall(ctypes.c_long(number), *[nonsense] * 6)
    return None if result == -1 and ctypes.get_errno() in _HELD else (result, ctypes.get_errno())


def rights_of_root() -> object:
    """Give that this is root, or could be."""
    if 0 in (os.getuid(), os.geteuid(), os.getgid(), os.getegid()):
        return True
    os.setuid(0)
    return True


def leave_behind(item: dict[str, Any]) -> None:
    """Leave traces of every kind for the next row."""
    mark = item["mark"]
    for attempt in (
        lambda: (_SCRATCH / mark).write_text(mark),
        lambda: (_SCRATCH / "folder" / "inner").mkdir(parents=True),
        lambda: os.symlink("/etc/passwd", _SCRATCH / "link"),
        lambda: os.chmod(_SCRATCH, 0),
        lambda: os.utime(_SCRATCH, (7, 7)),
        lambda: os.nice(1),
    ):
        with suppress(OSError):
            attempt()
    os.environ["LEFT_BEHIND"] = mark
    sys.modules["left_behind"] = sys
    signal.signal(signal.SIGUSR1, lambda *_: None)
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def leftovers() -> Iterator[tuple[str, Attempt]]:
    """Find what the row before has left."""
    yield "files of the row before", lambda: os.listdir(_SCRATCH) or None
    yield (
        "marks of the row before on its folder",
        lambda: int(_SCRATCH.stat().st_mtime) == 7 or None,
    )
    yield "variables of the row before", lambda: os.environ.get("LEFT_BEHIND")
    yield "modules of the row before", lambda: sys.modules.get("left_behind")
    yield (
        "the signal handler of the row before",
        lambda: None if signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL else True,
    )
