"""Attempts on the next row: what one row leaves in every way there is, and another looks for.

Rows with `leaving` come first and end in whatever way they like; attempts are of the rows after them.
"""

import atexit
import builtins
import ctypes
import decimal
import fcntl
import gc
import json
import locale
import math
import os
import random
import re
import resource
import signal
import socket
import struct
import sys
import tempfile
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.escapes.inside.trying import ATTEMPTS, Row, attempt
from tests.escapes.inside.trying import grade as tried

libc = ctypes.CDLL(None, use_errno=True)
MARK = 0x5AFE
LEFT = "left-behind"
WAYS: list[Callable[[], object]] = []


def grade(sample: Row, item: Row) -> float:
    """Give the score that the row is to have, leave everything behind, or try to find what was left."""
    print("zygote", id(os))  # lies elsewhere in each zygote, and at one place in all its forks
    if "score" in item:
        return float(item["score"])
    if "leaving" not in item:
        return tried(sample, item)
    end = ENDS[item["leaving"]]
    for leave in WAYS:
        try:
            leave()
        except Exception as error:  # noqa: BLE001  (some of them are refused)
            os.write(1, f"refused: {error!r}\n".encode())
    os.write(1, b"has left everything\n")
    end()
    return 0.5


def many_files() -> None:
    os.chmod("/scratch", 0o700)
    for number in range(2_000):
        Path(f"/scratch/{number}").touch()


def deep_folders() -> None:
    os.chmod("/scratch", 0o700)
    os.chdir("/scratch")
    for _ in range(2_500):
        os.mkdir("d")
        os.chdir("d")


def closed_folder() -> None:
    os.chmod("/scratch", 0o700)
    os.makedirs("/scratch/closed/inner")
    os.chmod("/scratch/closed", 0)


ENDS: dict[str, Callable[[], object]] = {
    "a score": lambda: None,
    "an exit": lambda: os._exit(3),
    "a signal": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "an error": lambda: [0][1],
    "many files": many_files,
    "deep folders": deep_folders,
    "a closed folder": closed_folder,
}
WAYS += [
    # Files
    lambda: Path("/scratch", LEFT).write_text(LEFT),
    lambda: Path("/scratch", LEFT * 20).write_text(LEFT),
    lambda: os.makedirs("/scratch/a/b/c/d"),
    lambda: Path("/scratch/a/b/c/d/e").write_text(LEFT),
    lambda: os.symlink("/scratch", "/scratch/a/loop"),
    lambda: os.symlink("/", "/scratch/root"),
    lambda: os.setxattr("/scratch", "user.left", b"1"),
    lambda: os.utime("/scratch", (MARK, MARK)),
    lambda: os.chmod("/scratch", 0o1777),
    lambda: tempfile.mkstemp(),
    lambda: Path("/scratch/json.py").write_text("def loads(text): return {}"),
    lambda: Path("/scratch/usercustomize.py").write_text("raise SystemExit"),
    lambda: os.chmod("/scratch", 0),
    # The process
    lambda: os.environ.__setitem__("LEFT_BEHIND", LEFT),
    lambda: os.umask(0),
    lambda: os.chdir("/usr"),
    lambda: signal.signal(signal.SIGUSR1, signal.SIG_IGN),
    lambda: signal.signal(signal.SIGTERM, lambda *_: None),
    lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
    lambda: signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2}),
    lambda: signal.setitimer(signal.ITIMER_REAL, 1000),
    lambda: os.nice(1),
    lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32)),
    lambda: libc.prctl(15, b"left", 0, 0, 0),
    lambda: threading.Thread(target=threading.Event().wait, daemon=False).start(),
    # What is open, and its flags
    lambda: fcntl.fcntl(0, fcntl.F_SETFL, os.O_NONBLOCK | os.O_APPEND),
    lambda: fcntl.fcntl(1, fcntl.F_SETFL, os.O_NONBLOCK),
    lambda: any(map(os.set_inheritable, range(16), [True] * 16)),
    lambda: [os.dup(0) for _ in range(16)],
    lambda: fcntl.flock(0, fcntl.LOCK_EX),
    # Python
    lambda: sys.modules.__setitem__("left", sys),
    lambda: sys.path.insert(0, "/scratch"),
    lambda: setattr(builtins, "left", LEFT),
    lambda: setattr(builtins, "float", lambda _: 1.0),
    lambda: setattr(builtins, "isinstance", lambda *_: True),
    lambda: setattr(json, "loads", lambda _: {"sample": {}, "item": {"attempt": "nothing"}}),
    lambda: setattr(json, "dumps", lambda *_, **__: '{"score": 1.0}'),
    lambda: setattr(math, "isfinite", lambda _: True),
    lambda: setattr(os, "read", lambda *_: b""),
    lambda: setattr(struct, "unpack", lambda *_: (0,)),
    lambda: setattr(sys.modules["__main__"], "_scored", lambda _: b'{"score": 1.0}'),
    lambda: setattr(sys.modules["__main__"], "_outcome", lambda *_: b'{"score": 1.0}'),
    lambda: setattr(sys.modules["__main__"].Zygote, "row", lambda _: True),
    lambda: ATTEMPTS.clear(),
    lambda: gc.disable(),
    lambda: gc.set_threshold(1),
    lambda: sys.setrecursionlimit(50_000),
    lambda: sys.setswitchinterval(100),
    lambda: sys.settrace(lambda *_: None),
    lambda: sys.addaudithook(lambda *_: None),
    lambda: locale.setlocale(locale.LC_NUMERIC, "C"),
    lambda: decimal.getcontext().__setattr__("prec", 2),
    lambda: random.seed(1),
    lambda: socket.setdefaulttimeout(1),
    lambda: atexit.register(print, LEFT),
    lambda: ctypes.memset(id(7) + 24, 8, 1),
    lambda: ctypes.memset(id(1.5) + 16, 0, 8),
]


@attempt
def files_left(row: Row) -> object:
    return os.listdir("/scratch") or os.listdir(tempfile.gettempdir())


@attempt
def the_state_of_the_scratch_folder(row: Row) -> object:
    found = os.stat("/scratch")
    mode, used = found.st_mode & 0o7777, os.statvfs("/scratch")
    return (mode != 0o700) or found.st_mtime == MARK or used.f_blocks - used.f_bfree


@attempt
def attributes_left(row: Row) -> object:
    return os.listxattr("/scratch")


@attempt
def variables_left(row: Row) -> object:
    return os.environ.get("LEFT_BEHIND") or ctypes.CDLL(None).getenv(b"LEFT_BEHIND")


@attempt
def modules_left(row: Row) -> object:
    return "left" in sys.modules or "/scratch" in sys.path or hasattr(builtins, "left")


@attempt
def functions_that_were_replaced(row: Row) -> object:
    import inspect

    replaced = [isinstance, json.loads, json.dumps, math.isfinite, os.read, struct.unpack]
    of_tests = [each for each in replaced if getattr(each, "__module__", "").startswith("grader")]
    zygote = sys.modules["__main__"]
    own = [zygote.Zygote.row, zygote.__dict__["_scored"], zygote.__dict__["_outcome"]]
    return of_tests or float("2.5") != 2.5 or [
        each for each in own if inspect.getfile(each) != zygote.__file__
    ]  # fmt: skip


@attempt
def numbers_that_were_changed(row: Row) -> object:
    return int("7") != 3 + 4 or float("1.5") != 0.5 * 3 or len([0] * 7) != sum((3, 4))


@attempt
def the_mask_of_files(row: Row) -> object:
    mask = os.umask(0o22)
    return mask == 0 and "the mask of the row before"


@attempt
def the_working_folder(row: Row) -> object:
    return os.getcwd() not in ("/scratch", "/")


@attempt
def handlers_of_signals(row: Row) -> object:
    usual = {signal.SIGINT: signal.default_int_handler, signal.SIGPIPE: signal.SIG_IGN,
             signal.SIGXFSZ: signal.SIG_IGN}  # fmt: skip
    return [name for name in signal.valid_signals()
            if signal.getsignal(name) not in (signal.SIG_DFL, usual.get(name), None)]  # fmt: skip


@attempt
def blocked_signals_and_timers(row: Row) -> object:
    return signal.pthread_sigmask(signal.SIG_BLOCK, ()) or any(signal.getitimer(signal.ITIMER_REAL))


@attempt
def threads_left(row: Row) -> object:
    return len(threading.enumerate()) > 1 or len(sys._current_frames()) > 1


@attempt
def limits_left(row: Row) -> object:
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0] == 32


@attempt
def flags_of_what_is_open(row: Row) -> object:
    """Those of the descriptor itself would be its own; these are of what several share."""
    return [(n, flags) for n in range(64) if (flags := flags_of(n)) & (os.O_NONBLOCK | os.O_APPEND)]


def flags_of(number: int) -> int:
    try:
        return fcntl.fcntl(number, fcntl.F_GETFL)
    except OSError:
        return 0


@attempt
def descriptors_left(row: Row) -> object:
    open_ones = [n for n in range(1024) if is_open(n)]
    return len(open_ones) > 8 and open_ones


def is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


@attempt
def states_of_python(row: Row) -> object:
    return [
        name
        for name, changed in {
            "gc": not gc.isenabled() or gc.get_threshold() == (1, 10, 10),
            "recursion": sys.getrecursionlimit() == 50_000,
            "switching": sys.getswitchinterval() == 100,
            "trace": sys.gettrace() is not None,
            "decimal": decimal.getcontext().prec == 2,
            "sockets": socket.getdefaulttimeout() is not None,
        }.items()
        if changed
    ]


@attempt
def the_name_of_the_process(row: Row) -> object:
    name = ctypes.create_string_buffer(16)
    return libc.prctl(16, name, 0, 0, 0) == 0 and name.value == b"left"


@attempt
def chance_of_the_row_before(row: Row) -> object:
    """A seed that was left, or the same one for every row."""
    drawn = random.random()
    print("drew", drawn)
    return drawn == random.Random(1).random()


@attempt
def rows_in_the_pipes(row: Row) -> object:
    """Whatever can be read from any descriptor without waiting."""
    found = []
    for number in range(64):
        try:
            os.set_blocking(number, False)
            if text := os.read(number, 1 << 20):
                found.append((number, text[:64]))
        except OSError:
            continue
    return found


@attempt
def rows_in_memory(row: Row) -> object:
    """All memory that is mapped around objects, libraries and the stack, for texts of other rows."""
    local = ctypes.c_long(0)
    of_libc = ctypes.cast(libc.malloc, ctypes.c_void_p).value or 0
    objects = [id(object()), id(row), id([0] * 100_000), id(sys.modules["__main__"])]
    starts = [*objects, ctypes.addressof(local), of_libc]
    wanted = pattern_of(row)
    places = {at for start in starts for at in places_of(wanted, start & ~0xFFFF)}
    return [hex(at) for at in places]


def pattern_of(row: Row) -> re.Pattern[bytes]:
    """Give what finds the text of another row, without being such a text itself."""
    return re.compile(b"".join(b"[\\x%02x]" % letter for letter in row["letters"]))


def places_of(wanted: re.Pattern[bytes], start: int) -> list[int]:
    found = []
    for step in (1 << 16, -(1 << 16)):
        at = start
        for _ in range(1024):  # 64 MB in each direction
            text = readable(at)
            if text is None:
                break
            found += [at + each.start() for each in wanted.finditer(text)]
            at += step
    return found


def readable(address: int) -> bytes | None:
    """Give 64 kB of memory, or None where a part of it is not mapped: write looks before it copies."""
    read_end, write_end = os.pipe()
    try:
        os.set_blocking(write_end, False)
        wrote = libc.write(write_end, ctypes.c_void_p(address), ctypes.c_size_t(1 << 16))
        return os.read(read_end, 1 << 16) if wrote > 0 else None
    finally:
        os.close(read_end)
        os.close(write_end)


@attempt
def objects_of_other_rows(row: Row) -> object:
    wanted = pattern_of(row)
    gc.unfreeze()
    return [type(each) for each in gc.get_objects() if has_text(each, wanted)]


def has_text(container: object, wanted: re.Pattern[bytes]) -> bool:
    inner = gc.get_referents(container) if not isinstance(container, type) else []
    texts = (each.encode(errors="replace") for each in inner if isinstance(each, str))
    return any(wanted.search(text) for text in texts)


@attempt
def frames_of_the_zygote(row: Row) -> object:
    """The stack below is that of the zygote: it knows the source and the limits, and no other row."""
    wanted = pattern_of(row)
    frame: Any = sys._getframe()
    found = []
    while frame is not None:
        found += [name for name, each in frame.f_locals.items()
                  if wanted.search(repr(each).encode(errors="replace"))]  # fmt: skip
        frame = frame.f_back
    return found


# ---- Answers that are forged

ANSWER = struct.Struct(">c?idIQ")
ONE = b'{"score":1.0}'


def forged(count: int) -> bytes:
    return (ANSWER.pack(b"E", False, 0, 0.0, len(ONE), 0) + ONE) * count


def written_everywhere(text: bytes, row: Row) -> object:
    """Write to every descriptor; what matters is what the server then takes for answers."""
    for number in range(256):
        try:
            os.set_blocking(number, False)
            os.write(number, text)
        except OSError:
            continue
    return False


for name, text in {
    "an answer": forged(1),
    "answers for the rows after it": forged(8),
    "the beginning of an answer": forged(1)[:9],
    "an answer of four gigabytes": ANSWER.pack(b"E", False, 0, 0.0, 0xFFFF_FFFF, 1 << 63),
    "the last answer": ANSWER.pack(b"E", True, 0, 0.0, len(ONE), 0) + ONE,
    "that it is ready": ANSWER.pack(b"R", False, 0, 0.0, 0, 0),
    "a kind that is none": ANSWER.pack(b"X", False, 0, float("nan"), 0, 0),
    "rows": struct.pack(">I", 2) + b"{}",
    "noise": bytes(range(256)) * 200,
}.items():
    ATTEMPTS[f"writing everywhere {name}"] = partial(written_everywhere, text)


@attempt
def every_descriptor_closed(row: Row) -> object:
    os.closerange(0, 1024)
    return False


@attempt
def every_descriptor_another(row: Row) -> object:
    """Each one leads to the end of its own answer, say."""
    for number in range(3, 16):
        try:
            os.dup2(number, 1)
        except OSError:
            continue
    print(LEFT)
    return False
