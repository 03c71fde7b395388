"""Rows whose results and ends are odd: each says what to do in its `does`."""

import ctypes
import gc
import math
import os
import signal
import sys
import threading
import time
from typing import Any

from tests.escapes.inside.trying import Row

libc = ctypes.CDLL(None)


def grade(sample: Row, item: Row) -> Any:
    """Give what the expression of the row gives."""
    return eval(item["does"])


class Lies(float):
    """A float that says something else whenever it is asked."""

    def __float__(self) -> float:
        return 1.0

    def __repr__(self) -> str:
        return "1.0}, {"

    def __str__(self) -> str:
        return '1.0, "code": "python_result"'

    def __format__(self, _: str) -> str:
        return "1.0"

    def __eq__(self, _: object) -> bool:
        return True

    def __lt__(self, _: object) -> bool:
        return False

    def __hash__(self) -> int:
        return 0


class LyingInt(int):
    """An int that does so."""

    def __float__(self) -> float:
        return 1.0

    def __index__(self) -> int:
        return 1


class Floats:
    """No number, and can be made one."""

    def __float__(self) -> float:
        return 1.0


class Indexes:
    """No number, and counts as one."""

    def __index__(self) -> int:
        return 1


class Claims:
    """It says that it is a float."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        return float


class Boils(float):
    """A float that fails whenever it is asked."""

    def __float__(self) -> float:
        raise RuntimeError

    def __repr__(self) -> str:
        raise RuntimeError


class Named(type):
    """A type whose name cannot be had."""

    @property
    def __name__(cls) -> str:  # type: ignore[override]
        raise RuntimeError


class Nameless(metaclass=Named):
    """What is of such a type."""


class NamelessError(Exception, metaclass=Named):
    """What is raised with such a type."""


class Mute(Exception):
    """Its text cannot be had."""

    def __str__(self) -> str:
        raise RuntimeError


class Dies(Exception):
    """Asking for its text ends the process."""

    def __str__(self) -> str:
        os._exit(0)


class Endless(Exception):
    """Its text has no end in memory."""

    def __str__(self) -> str:
        return "x" * (1 << 34)


class Long(Exception):
    """Its text is long, with what ends a JSON text in it."""

    def __str__(self) -> str:
        return '"}\n\x00\ud800' * 1_000_000


class Other(BaseException):
    """What is no Exception."""


def raises(error: BaseException) -> Any:
    raise error


def chain(length: int) -> Any:
    error: BaseException = ValueError(0)
    for number in range(length):
        following = ValueError(number)
        following.__context__ = error
        error = following
    raise error


def ring() -> Any:
    first, second = ValueError(1), ValueError(2)
    first.__cause__, second.__cause__ = second, first
    raise first


def group(depth: int, width: int) -> Any:
    error: Exception = ValueError("leaf")
    for _ in range(depth):
        error = ExceptionGroup("group", [error] * width)
    raise error


def group_in_a_ring() -> Any:
    inner = ValueError("inner")
    outer = ExceptionGroup("outer", [inner])
    inner.__context__ = outer
    raise outer


def deep(number: int) -> Any:
    return deep(number + 1)


def deep_without_limit() -> Any:
    sys.setrecursionlimit(1 << 30)
    return deep(0)


def deep_in_c() -> Any:
    nested: Any = []
    for _ in range(60_000):
        nested = [nested]
    sys.setrecursionlimit(1 << 30)
    return len(repr(nested))


def nested(depth: int) -> Any:
    value: Any = 1.0
    for _ in range(depth):
        value = [value]
    return value


def prints(text: str, times: int) -> float:
    for _ in range(times):
        sys.stdout.write(text)
    return 0.25


def to_both(count: int) -> float:
    os.write(2, b"e" * count)
    os.write(1, b"o" * count)
    return 0.25


def goes_on() -> float:
    """A thread that goes on, and would print and end the process."""

    def later() -> None:
        while True:
            time.sleep(0.001)

    threading.Thread(target=later).start()
    return 0.25


def finalizer(status: int) -> float:
    class Last:
        def __del__(self) -> None:
            os._exit(status)

    sys.modules["kept"] = Last()  # type: ignore[assignment]
    return 0.25


def collected() -> float:
    """Garbage that ends the process when it is collected, at whatever moment."""

    class Last:
        def __del__(self) -> None:
            os._exit(0)

    one = Last()
    one.me = one  # type: ignore[attr-defined]
    del one
    gc.set_threshold(1)
    return 0.25


def alarmed() -> float:
    """A handler that raises while the answer is written."""

    def later(*_: object) -> None:
        raise RuntimeError("late")

    signal.signal(signal.SIGALRM, later)
    signal.setitimer(signal.ITIMER_REAL, 0.000_01, 0.000_01)
    return 0.25


def patched(name: str) -> float:
    """The functions that make the answer are of this row alone: it only fools itself."""
    main = sys.modules["__main__"]
    setattr(main, name, lambda *_: b'{"score":1.0}')
    return 0.25


def outcome_end() -> int:
    """Give the descriptor of the answer: the pipe that is neither stdout nor can be read."""
    import fcntl
    import stat

    printed = os.fstat(1).st_ino
    for number in range(3, 64):
        try:
            found = os.fstat(number)
            writable = fcntl.fcntl(number, fcntl.F_GETFL) & os.O_ACCMODE == os.O_WRONLY
        except OSError:
            continue
        if stat.S_ISFIFO(found.st_mode) and found.st_ino != printed and writable:
            return number
    raise LookupError


def answers(text: bytes, status: int = 0) -> None:
    """Write an answer itself, and end."""
    end = outcome_end()
    while text:
        text = text[os.write(end, text) :]
    os._exit(status)


def machine_code(code: str) -> int:
    import mmap

    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex(code))
    function = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    return int(function())


def numpy_number(kind: str, text: str) -> Any:
    import numpy  # type: ignore[import-not-found,unused-ignore]

    return getattr(numpy, kind)(float(text))


assert math
