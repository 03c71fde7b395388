"""The process inside a sandbox: it loads what the source imports, and forks once for every row.

It runs alone in there, so it is one file and stands on the standard library. The source is
never executed here, only in the fork for a row, which has none of the other rows: it reads its own row
from the server itself. What it answers is passed on unread.
"""

import ast
import ctypes
import errno
import gc
import importlib
import importlib.util
import inspect
import json
import linecache
import math
import mmap
import os
import resource
import select
import signal
import stat
import struct
import sys
import time
import traceback
import types
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Final, NoReturn, TextIO

FRAME: Final = struct.Struct(">I")
"""Stands before what the server sends, first the settings and then rows: the bytes that follow."""
ANSWER: Final = struct.Struct(">c?idIQ")
"""Stands before every answer: its kind (READY, ENDED, TIMED_OUT), whether the zygote ends after it, how
the process of the row ended (as `os.waitstatus_to_exitcode` has it), its seconds, the bytes of its
outcome, the bytes that it printed. The outcome follows, then as much of the output as is kept."""
READY: Final = b"R"
ENDED: Final = b"E"
TIMED_OUT: Final = b"T"
OUTCOME_LIMIT: Final = 65_536
OUTPUT_LIMIT: Final = 65_536

SCRATCH: Final = "/scratch"
"""Where rows may write: a file system of its own, of limited size, in memory."""

_FILE: Final = "grader.py"
_MESSAGE_LIMIT: Final = 2_000
_TRACEBACK_LIMIT: Final = 7_000  # of characters, which take six bytes each at most
_ROW_IS_READ: Final = b"r"
_RESERVE: Final = 64 << 20
"""Memory beyond the limit, for saying that the limit was met."""
_SWEPT_AT_ONCE: Final = 1_000
"""Files that are removed after a row; if it leaves more, a new sandbox is quicker."""

_PROGRAMS: Final = frozenset({"test", "idlelib", "antigravity", "this"})
"""Modules that do things when they are loaded, some of them for minutes: a row may, the zygote not."""

_OPEN_ENDED: Final = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_CAP_AMBIENT: Final = 47
_PR_CAP_AMBIENT_CLEAR_ALL: Final = 4
_SECCOMP_MODE_FILTER: Final = 2
_LANDLOCK_CREATE: Final = 444
_LANDLOCK_ADD: Final = 445
_LANDLOCK_RESTRICT: Final = 446
_LANDLOCK_PATH_BENEATH: Final = 1
_CAPABILITY_VERSION: Final = 0x2008_0522
_MS_RDONLY: Final = 1
_MS_NOSUID_NOEXEC: Final = 2 | 8
_MS_NOSUID_NODEV_NOEXEC: Final = _MS_NOSUID_NOEXEC | 4
_MS_REMOUNT_BIND: Final = 32 | 4096


def main() -> None:
    """Take the settings, give every privilege up, and serve rows until the server is gone."""
    os.closerange(3, 1 << 20)
    rows, answers = os.dup(0), os.dup(1)
    settings = json.loads(_read(rows, _next_length(rows) or 0))
    _confine(settings)
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):  # what packages print while they are loaded is nobody's output
        os.dup2(nothing, standard)
    os.close(nothing)
    sys.path.extend(settings["packages"])
    zygote = Zygote(settings, rows, answers)
    zygote.load(settings["source"])
    while zygote.row():
        pass


def _next_length(rows: int) -> int | None:
    """Give the length of the next frame, or None when the server is gone."""
    head = _read(rows, FRAME.size)
    return FRAME.unpack(head)[0] if len(head) == FRAME.size else None


def _read(file: int, length: int) -> bytes:
    """Read so many bytes, or fewer when the server is gone."""
    pieces = []
    while length and (piece := os.read(file, length)):
        pieces.append(piece)
        length -= len(piece)
    return b"".join(pieces)


# ---- Privileges


def _confine(settings: dict[str, Any]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    user = None if settings["users"] is None else _any_user(*settings["users"])
    if settings["scratch"] is not None:
        size, files = settings["scratch"]["size"], settings["scratch"]["files"]
        _mount_scratch(libc, size, files, settings["scratch"]["user"] if user is None else user)
    for device in settings["devices"]:
        _forbid_changes(libc, device)
    if settings["landlock"] is not None:
        _restrict_files(libc, **settings["landlock"])
    _drop_privileges(libc, user)
    os.chdir("/" if settings["scratch"] is None else SCRATCH)
    _call(libc.prctl, _PR_SET_DUMPABLE, 0, 0, 0, 0)
    # After the change of the user, which would undo it.
    _call(libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    os.nice(settings["nice"])
    _take_cores(settings["cores"])
    for name, value in settings["limits"].items():
        limit = getattr(resource, name)
        resource.setrlimit(limit, _at_most(limit, value, value))
    SeccompFilter(libc, bytes.fromhex(settings["zygote_filter"]), ()).install()


def _any_user(first: int, last: int) -> int:
    """Give one that no other sandbox is likely to have."""
    return first + int.from_bytes(os.urandom(4)) % (last - first + 1)


def _at_most(limit: int, soft: int, hard: int) -> tuple[int, int]:
    """Give a limit that is no higher than the one which is in force."""
    _, now = resource.getrlimit(limit)
    return (soft, hard) if now == resource.RLIM_INFINITY else (min(soft, now), min(hard, now))


def _take_cores(count: int) -> None:
    """Keep to so many cores, beginning with any, so that sandboxes do not all take the same."""
    cores = sorted(os.sched_getaffinity(0))
    first = int.from_bytes(os.urandom(4)) % len(cores)
    os.sched_setaffinity(0, (cores + cores)[first : first + count])


def _mount_scratch(libc: ctypes.CDLL, size: int, files: int | None, user: int) -> None:
    options = f"size={size},mode=0700,uid={user},gid={user}"
    if files is not None:
        options += f",nr_inodes={files}"
    flags = ctypes.c_ulong(_MS_NOSUID_NODEV_NOEXEC)
    _call(libc.mount, b"scratch", SCRATCH.encode(), b"tmpfs", flags, options.encode())


def _forbid_changes(libc: ctypes.CDLL, device: str) -> None:
    """Have nobody change the times of a device, which is that of the machine; it works as before."""
    flags = ctypes.c_ulong(_MS_REMOUNT_BIND | _MS_RDONLY | _MS_NOSUID_NOEXEC)
    _call(libc.mount, None, device.encode(), None, flags, None)


def _restrict_files(
    libc: ctypes.CDLL, forbidden: list[int], allowed: list[tuple[str, int]]
) -> None:
    """Forbid itself all that Landlock can forbid, but what is allowed beneath some paths."""
    _call(libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    attributes = struct.pack(f"={len(forbidden)}Q", *forbidden)
    rules = libc.syscall(_LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), 0)
    if rules < 0:
        raise OSError(ctypes.get_errno(), "Landlock takes no rules")
    for path, rights in allowed:
        file = os.open(path, os.O_PATH | os.O_CLOEXEC)
        rule = struct.pack("=Qi", rights, file)
        _call(libc.syscall, _LANDLOCK_ADD, rules, _LANDLOCK_PATH_BENEATH, rule, 0)
        os.close(file)
    _call(libc.syscall, _LANDLOCK_RESTRICT, rules, 0)
    os.close(rules)


def _drop_privileges(libc: ctypes.CDLL, user: int | None) -> None:
    """Become an ordinary user where one is given, and lose every capability for good."""
    _call(libc.prctl, _PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # gVisor's kernel has no ambient set. Where there is one it goes empty with the others below, too.
    libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    capability = 0
    while libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) == 0:  # fails after the last one
        capability += 1
    if user is not None:
        os.setgroups([])
        os.setresgid(user, user, user)
        os.setresuid(user, user, user)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _call(libc.capset, header, (ctypes.c_uint32 * 6)())


def _call(function: Any, *arguments: object) -> None:
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{function.__name__}: {os.strerror(number)}")


class SeccompFilter:
    """A filter that is ready to be set: only the number of the process is missing."""

    def __init__(self, libc: ctypes.CDLL, program: bytes, own_pid_at: tuple[int, ...]) -> None:
        self._prctl = libc.prctl
        self._program = ctypes.create_string_buffer(program, len(program))
        self._own_pids = [
            ctypes.c_uint32.from_buffer(self._program, offset) for offset in own_pid_at
        ]
        self._header = _FilterHeader(len(program) // 8, ctypes.addressof(self._program))
        self._arguments = (_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(self._header), 0, 0)

    def install(self) -> None:
        """Set it for this process. It can never be taken off."""
        pid = os.getpid()
        for place in self._own_pids:
            place.value = pid
        _call(self._prctl, *self._arguments)


class _FilterHeader(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("program", ctypes.c_void_p))


# ---- Rows


class Zygote:
    """What every row begins from: the packages, the compiled source, the limits."""

    def __init__(self, settings: dict[str, Any], rows: int, answers: int) -> None:
        self._rows, self._answers = rows, answers
        self._seconds: float = settings["seconds"]
        self._memory: int = settings["memory"]
        self._processor_seconds: int = settings["processor_seconds"]
        self._processes: int = settings["processes"]
        self._has_scratch = settings["scratch"] is not None
        self._pid = os.getpid()
        self._child_ended = None if _has_pidfd() else _wakened_by_ends()
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._filter = SeccompFilter(
            self._libc,
            bytes.fromhex(settings["row_filter"]),
            tuple(settings["own_pid_at"]),
        )
        self._limits: list[tuple[int, tuple[int, int]]] = []
        self._code: types.CodeType | None = None
        # As new in every row. Dataclasses look for the module of their annotations among the loaded.
        self._grader = sys.modules["grader"] = types.ModuleType("grader")
        # One for all rows and wiped after each, so that no row finds what another has left here.
        self._outcome = _Wiped(OUTCOME_LIMIT)
        self._output = _Wiped(OUTPUT_LIMIT)

    def load(self, source: str) -> None:
        """Compile the source, load the packages that it names, and tell the server what came of it."""
        # A short source may take gigabytes to compile, as nested `finally` does.
        before = resource.getrlimit(resource.RLIMIT_AS)
        most = _mapped() + self._memory
        resource.setrlimit(
            resource.RLIMIT_AS, (_at_most(resource.RLIMIT_AS, most, most)[0], before[1])
        )
        try:
            tree = compile(source, _FILE, "exec", ast.PyCF_ONLY_AST, dont_inherit=True)
            self._code = compile(source, _FILE, "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError, OverflowError) as error:
            refusal = _error("python_source", _described(error), _shown(error))
            self._tell(READY, refusal, ends=True)
            sys.exit()
        for name in _imported(tree):
            _load(name)
        linecache.cache[_FILE] = (len(source), None, source.splitlines(keepends=True), _FILE)
        del tree, source
        resource.setrlimit(resource.RLIMIT_AS, before)
        self._limits = self._row_limits()
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        if self._has_scratch:
            _swept()  # the marks of the folder are those that every row finds
        gc.collect()
        gc.freeze()
        self._tell(READY, b"", ends=False)

    def _row_limits(self) -> list[tuple[int, tuple[int, int]]]:
        memory = _mapped() + self._memory
        limits = [
            (resource.RLIMIT_AS, memory, memory + _RESERVE),
            (resource.RLIMIT_CPU, self._processor_seconds, self._processor_seconds),
            (resource.RLIMIT_NPROC, self._processes, self._processes),
        ]
        return [(limit, _at_most(limit, soft, hard)) for limit, soft, hard in limits]

    def _tell(self, kind: bytes, outcome: bytes, *, ends: bool) -> None:
        _write(self._answers, ANSWER.pack(kind, ends, 0, 0.0, len(outcome), 0) + outcome)

    def row(self) -> bool:
        """Serve the next row. Says whether there can be another."""
        length = _next_length(self._rows)
        if length is None:
            return False
        outcome, outcome_end = os.pipe()
        output, output_end = os.pipe()
        began = time.monotonic()
        pid = os.fork()
        if pid == 0:
            os.close(outcome)
            os.close(output)
            self._be_row(length, outcome_end, output_end)
        os.close(outcome_end)
        os.close(output_end)
        in_time = self._watch(pid, outcome, output, began + self._seconds)
        _, status, used = os.wait4(pid, 0)
        seconds = time.monotonic() - began
        in_time = in_time and used.ru_utime + used.ru_stime < self._processor_seconds
        self._drain(outcome, output)
        is_read = bytes(self._outcome.text[:1]) == _ROW_IS_READ
        goes_on = is_read and (not self._has_scratch or _swept())
        text = self._outcome.text[1:]
        kind = ENDED if in_time else TIMED_OUT
        exitcode = os.waitstatus_to_exitcode(status)
        printed = self._output.total
        head = ANSWER.pack(kind, not goes_on, exitcode, seconds, len(text), printed)
        _write(self._answers, head, text, self._output.text)
        self._outcome.wipe()
        self._output.wipe()
        return goes_on

    def _watch(self, pid: int, outcome: int, output: int, deadline: float) -> bool:
        """Take what the row's process writes until it ends. Says whether it did in time.

        Without a server it is ended, too.
        """
        process = os.pidfd_open(pid) if self._child_ended is None else self._child_ended
        waiting = select.poll()
        into = {outcome: self._outcome, output: self._output}
        for file in (process, outcome, output):
            waiting.register(file, select.POLLIN)
        waiting.register(self._rows, 0)  # tells when it is closed
        try:
            while (left := deadline - time.monotonic()) > 0:
                ready = [file for file, _ in waiting.poll(left * 1000)]
                for file in into.keys() & ready:
                    if not into[file].take(file):
                        waiting.unregister(file)
                if process in ready and self._has_ended(pid):
                    return True
                if self._rows in ready:
                    break
            os.kill(pid, signal.SIGKILL)
            return False
        finally:
            if self._child_ended is None:
                os.close(process)

    def _has_ended(self, pid: int) -> bool:
        """Ask the kernel about a process, for what wakes the zygote may still be from the one before."""
        if self._child_ended is None:
            return True
        os.read(self._child_ended, 1 << 10)
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None

    def _drain(self, outcome: int, output: int) -> None:
        """Take what is left in the pipes of a process that is dead, and close them."""
        for file, taken in ((outcome, self._outcome), (output, self._output)):
            while taken.take(file):
                pass
            os.close(file)

    def _be_row(self, length: int, outcome: int, output: int) -> NoReturn:
        try:
            os.close(self._answers)
            self._end_with_zygote()
            if self._child_ended is not None:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            row = _read(self._rows, length)
            if len(row) == length:
                os.write(outcome, _ROW_IS_READ)
                os.dup2(output, 1)
                os.dup2(output, 2)
                _keep_open(outcome)
                for limit, values in self._limits:
                    resource.setrlimit(limit, values)
                self._filter.install()
                assert self._code is not None
                _write(outcome, _outcome(self._code, self._grader, row)[: OUTCOME_LIMIT - 1])
                os._exit(0)
        finally:
            os._exit(1)

    def _end_with_zygote(self) -> None:
        """Have Linux kill this process with its zygote, where that does not take all along."""
        _call(self._libc.prctl, _PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != self._pid:
            os._exit(1)


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except OSError:  # gVisor's kernel does not know it
        return False
    return True


def _wakened_by_ends() -> int:
    """Give a pipe that has something to read whenever a child has ended."""
    wakened, end = os.pipe()
    os.set_blocking(wakened, False)
    os.set_blocking(end, False)
    signal.set_wakeup_fd(end, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    return wakened


def _keep_open(outcome: int) -> None:
    """Close all but the three standard files and this one, and open stdin anew.

    What is open is shared with the zygote and so with every row: its flags, and where it is read.
    """
    os.closerange(3, outcome)
    os.closerange(outcome + 1, 1 << 20)
    os.close(0)
    os.open(os.devnull, os.O_RDONLY)  # the lowest number that is free


class _Wiped:
    """A piece of memory that takes what comes up to its size and counts the rest."""

    def __init__(self, size: int) -> None:
        self._view = memoryview(bytearray(size))
        self._zeros = bytes(size)
        self._rest = memoryview(bytearray(size))
        self._used = 0
        self.total = 0

    def take(self, file: int) -> bool:
        """Read once from a file that is ready. Says whether anything can follow."""
        room = self._view[self._used :]
        count = os.readv(file, [room, self._rest] if room else [self._rest])
        self._used += min(count, len(room))
        self.total += count
        return count > 0

    @property
    def text(self) -> memoryview:
        """What was kept."""
        return self._view[: self._used]

    def wipe(self) -> None:
        """Be as new."""
        self._view[: self._used] = self._zeros[: self._used]
        beyond = min(self.total, len(self._rest))
        self._rest[:beyond] = self._zeros[:beyond]
        self._used = self.total = 0


def _write(file: int, *pieces: bytes | memoryview) -> None:
    for piece in pieces:
        left = memoryview(piece)
        while left:
            left = left[os.write(file, left) :]


def _imported(tree: ast.AST) -> Iterator[str]:
    """Give the names of the modules that the source imports anywhere, and what may be one."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{each.name}" for each in node.names if each.name != "*")


def _load(name: str) -> None:
    """Load a module, if there is one; what goes wrong is for the row to find out."""
    package, _, last = name.rpartition(".")
    if last == "__main__" or name.split(".")[0] in _PROGRAMS:
        return
    try:
        if package in sys.modules and hasattr(sys.modules[package], last):
            return
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    except BaseException:  # noqa: BLE001, S110  (a module may raise what it likes)
        pass


def _mapped() -> int:
    """Give the bytes of this process's address space: the smallest limit that leaves room for a page.

    There is no /proc to read it from.
    """
    page = mmap.PAGESIZE
    before = resource.getrlimit(resource.RLIMIT_AS)
    too_low, enough = 0, _at_most(resource.RLIMIT_AS, 1 << 42, 1 << 42)[0] // page
    while enough - too_low > 1:
        middle = (too_low + enough) // 2
        if _has_room(middle * page, before[1]):
            enough = middle
        else:
            too_low = middle
    resource.setrlimit(resource.RLIMIT_AS, before)
    return enough * page


def _has_room(limit: int, hard: int) -> bool:
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    try:
        mmap.mmap(-1, mmap.PAGESIZE).close()
    except (OSError, MemoryError):
        return False
    return True


def _swept() -> bool:
    """Make the scratch folder empty and its marks those of every row. Says whether that was quick."""
    try:
        os.chmod(SCRATCH, stat.S_IRWXU)
        left = _SWEPT_AT_ONCE - _removed(SCRATCH, _SWEPT_AT_ONCE)
        os.utime(SCRATCH, (0, 0))
    except OSError:
        return False
    return left > 0


def _removed(folder: str, at_most: int) -> int:
    """Remove what is in a folder, up to a number of files and folders, and give their number."""
    removed = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                removed += _removed(entry.path, at_most - removed)
                if removed < at_most:
                    os.rmdir(entry.path)
            else:
                os.unlink(entry.path)
            removed += 1
            if removed >= at_most:
                break
    return removed


# ---- The source, in the process of its row


_json: Final = json.JSONDecoder()
"""Asked directly, it looks for no white space around the text, and so touches half the memory."""


def _outcome(code: types.CodeType, grader: types.ModuleType, row: bytes) -> bytes:
    """Give what the server reads: {"score"} or {"code", "message", "traceback"}."""
    stdout = sys.stdout
    if "numpy.random" in sys.modules:  # as `random` does by itself after a fork
        sys.modules["numpy.random"].seed()
    try:
        given, _ = _json.raw_decode(row.decode())
        del row
        exec(code, grader.__dict__)  # noqa: S102  (what all this is for)
        grade = grader.__dict__.get("grade")
        if refusal := _unusable(grade):
            return _error("python_source", refusal)
        result = grade(given["sample"], given["item"])  # type: ignore[misc]
    except BaseException as error:  # noqa: BLE001  (SystemExit and KeyboardInterrupt, too)
        return _failure(error)
    finally:
        _flush(stdout)
    return _scored(result)


def _flush(stdout: TextIO) -> None:
    with suppress(BaseException):  # the grader may have closed it
        stdout.flush()


def _unusable(grade: object) -> str | None:
    if grade is None:
        return "The source defines no function named grade."
    if type(grade) is types.FunctionType and _takes_two(grade.__code__):
        return None  # at once: each row would pay for looking closer
    if not callable(grade):
        return f"In the source, grade is no function, but of the type {_name(grade)}."
    try:
        parameters = inspect.signature(grade).parameters.values()
    except (TypeError, ValueError):
        return "The parameters of grade cannot be found out; it must have two: sample and item."
    positional = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    if len(positional) == len(parameters) == 2:
        return None
    return f"grade must have exactly two parameters, sample and item, and has {len(parameters)}."


def _takes_two(code: types.CodeType) -> bool:
    return code.co_argcount == 2 and not (code.co_kwonlyargcount or code.co_flags & _OPEN_ENDED)


def _scored(result: object) -> bytes:
    score = _number(result)
    if score is None:
        returned = "None" if result is None else f"a value of the type {_name(result)}"
        return _error("python_result", f"grade returned {returned}; it must return a number.")
    if not math.isfinite(score):
        return _error("python_result", f"grade returned {score}; it must return a finite number.")
    return f'{{"score":{score!r}}}'.encode()


def _number(result: object) -> float | None:
    """Give the value of a number, Python's or numpy's; infinite when it is too large for a float."""
    kind = type(result)  # what `isinstance` asks besides is the object's own word
    try:
        if issubclass(kind, float):
            return float.__float__(result)  # type: ignore[arg-type]
        if issubclass(kind, int):  # bool is one
            return int.__float__(result)  # type: ignore[arg-type]
        if issubclass(kind, _numpy_numbers()):
            return float(result)  # type: ignore[arg-type]
    except OverflowError:
        return math.inf
    return None


def _numpy_numbers() -> tuple[type, ...]:
    numpy = sys.modules.get("numpy")
    return () if numpy is None else (numpy.bool_, numpy.integer, numpy.floating)


def _failure(error: BaseException) -> bytes:
    _take_reserve()
    shown = _shown(error)
    if isinstance(error, MemoryError):
        return _error("python_memory_limit", _described(error), shown)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return _error("python_scratch_limit", _described(error), shown)
    return _error("python_exception", _described(error), shown)


def _take_reserve() -> None:
    try:
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    except BaseException:  # noqa: BLE001, S110  (the grader may have replaced what it likes)
        pass


def _described(error: BaseException) -> str:
    try:
        text = str(error)
    except BaseException:  # noqa: BLE001  (the text is made by the grader)
        text = "its text cannot be had"
    return f"{_name(error)}: {text[:_MESSAGE_LIMIT]}" if text else _name(error)


def _name(value: object) -> str:
    """Give the name of a type, also where the type of the type says something else."""
    name: str = type.__dict__["__name__"].__get__(type(value))
    return name


def _shown(error: BaseException) -> str:
    """Give the traceback with the frames of the source alone."""
    try:
        first = traceback.TracebackException.from_exception(error, lookup_lines=False, compact=True)
        for each in _chained(first):
            kept = [frame for frame in each.stack if frame.filename == _FILE]
            each.stack = traceback.StackSummary.from_list(kept)
        return "".join(first.format())
    except BaseException:  # noqa: BLE001  (the grader's error may do anything when it is looked at)
        return ""


def _chained(first: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    waiting = [first]
    while waiting:
        each = waiting.pop()
        yield each
        others = [each.__cause__, each.__context__, *(each.exceptions or ())]
        waiting.extend(other for other in others if other is not None)


def _error(code: str, message: str, shown: str | None = None) -> bytes:
    if shown is not None and len(shown) > _TRACEBACK_LIMIT:
        half = _TRACEBACK_LIMIT // 2
        shown = f"{shown[:half]}\n  […]\n{shown[-half:]}"
    fields = {"code": code, "message": message[:_MESSAGE_LIMIT], "traceback": shown}
    # Half a character, as a pair of surrogates has it, is no text that the server could keep.
    return json.dumps(fields, ensure_ascii=False).encode(errors="replace")


if __name__ == "__main__":
    main()
