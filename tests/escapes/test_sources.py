"""Sources that are odd in themselves: for the compiler, and by what they import while nobody looks."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.escapes.place import HONEST, Place

GRADE = "def grade(sample, item): return 0.5\n"
REFUSED = "400"


def nested_finally(depth: int, lines: int) -> str:
    """The compiler writes what is in a `finally` twice, so each level doubles all that is within."""
    return "\n".join(lines_of_finally(depth, lines))


def lines_of_finally(depth: int, lines: int) -> Iterator[str]:
    yield "def other():"
    for level in range(1, depth + 1):
        yield " " * level + "try: pass"
        yield " " * level + "finally:"
    yield from [" " * (depth + 1) + "x = 1"] * lines
    yield GRADE


SOURCES: dict[str, tuple[str, set[str]]] = {
    "nothing": ("", {REFUSED}),
    "a null byte": (f"{GRADE}# \x00", {REFUSED}),
    "a null byte in a text": (f"x = '\x00'\n{GRADE}", {REFUSED}),
    "a mark of byte order": (f"\ufeff{GRADE}", {REFUSED, "0.5"}),
    "half a surrogate pair": (f"x = '\ud800'\n{GRADE}", {REFUSED}),
    "another encoding": (f"# -*- coding: utf-16 -*-\n{GRADE}", {"0.5", REFUSED}),
    "an encoding that is none": (f"# coding: no-such-thing\n{GRADE}", {"0.5", REFUSED}),
    "an encoding that changes the code": (f"# coding: rot13\n{GRADE}", {"0.5"}),
    "carriage returns alone": (GRADE.replace("\n", "\r") + "\r", {"0.5"}),
    "form feeds": (f"\f{GRADE}", {"0.5"}),
    "letters that look alike": ("def gr\u0430de(sample, item): return 1\n", {REFUSED}),
    "letters that are made alike": ("def \uff47rade(sample, item): return 0.5\n", {"0.5"}),
    "text that is turned round": (f"# \u202e\u2066\n{GRADE}", {"0.5"}),
    "nearly 256 kB": (GRADE + "#" * (262_143 - len(GRADE)), {"0.5"}),
    "256 kB": (GRADE + "#" * (262_144 - len(GRADE)), {REFUSED}),
    "one large text": (f"x = '{'y' * 250_000}'\n{GRADE}", {"0.5"}),
    "many names": ("".join(f"a{n}={n}\n" for n in range(18_000)) + GRADE, {"0.5"}),
    "many imports": ("".join(f"import nothing{n}\n" for n in range(9_000)) + GRADE,
                     {"python_exception"}),
    "deep parentheses": (f"x = {'(' * 5000}1{')' * 5000}\n{GRADE}", {REFUSED}),
    "deep operators": (f"x = {'-' * 100_000}1\n{GRADE}", {REFUSED}),
    "deep attributes": (f"x = a{'.b' * 100_000}\n{GRADE}", {REFUSED}),
    "deep lambdas": (f"x = {'lambda: ' * 20_000}1\n{GRADE}", {REFUSED}),
    "deep comprehensions": (f"x = {'[' * 90}1{' for a in b]' * 90}\n{GRADE}",
                            {"0.5", REFUSED, "python_exception"}),
    "a large number": (f"x = {'9' * 5_000}\n{GRADE}", {REFUSED}),
    "a large number by its bits": (f"x = 0x{'f' * 200_000}\n{GRADE}", {"0.5"}),
    "a power that is folded": (f"x = 9 ** 9 ** 9 if 0 else 1\n{GRADE}", {"0.5"}),
    "a text that is folded": (f"x = ('a' * 4096) * 4096 * 4096 if 0 else 1\n{GRADE}", {"0.5"}),
    "grade at its end alone": (f"import sys\nsys.exit()\n{GRADE}", {"python_exception"}),
    "ends while it is loaded": (f"import os\nos._exit(0)\n{GRADE}", {"python_died"}),
    "hangs while it is loaded": (f"while True: pass\n{GRADE}", {"python_time_limit"}),
    "grade is replaced": (f"{GRADE}grade = 7\n", {"python_source"}),
    "grade has another number": (f"{GRADE}grade = lambda a: 1\n", {REFUSED, "python_source"}),
    "grade is removed": (f"{GRADE}del grade\n", {"python_source"}),
    "a signature that lies": (f"{GRADE}grade.__signature__ = 7\n", {"0.5", "python_source"}),
    "a signature that ends it": (
        "import os\nclass S:\n def __get__(s, *a): os._exit(0)\n"
        f"class G:\n __signature__ = S()\n def __call__(s, a, b): return 1\n{GRADE}grade = G()\n",
        {"python_died"},
    ),
    "a module of its own name": (f"import grader\n{GRADE}", {"0.5"}),
    "the zygote itself": (f"import __main__\n{GRADE}__main__.main()\n", {"python_died"}),
    "relative imports": (f"from . import x\n{GRADE}", {"python_exception"}),
    "everything of a module": (f"from os import *\n{GRADE}", {"0.5"}),
}  # fmt: skip


# Importing these opens browsers, prints, reads arguments, runs tests, begins loops, or ends the process.
IMPORTED = (
    "antigravity", "this", "__hello__", "__phello__", "__phello__.spam", "idlelib", "idlelib.idle",
    "turtle", "turtledemo.__main__", "tkinter.__main__", "lib2to3.__main__", "ensurepip.__main__",
    "venv.__main__", "unittest.__main__", "zipfile", "pip", "pip.__main__", "setuptools",
    "distutils.core", "pkg_resources", "json.tool", "tabnanny", "pydoc", "pdb", "cProfile", "site",
    "pty", "webbrowser", "asyncio.__main__", "multiprocessing.forkserver",
    "multiprocessing.resource_tracker", "multiprocessing.spawn", "concurrent.futures.process",
    "xmlrpc.server", "http.server", "nntplib", "ctypes.test", "sqlite3.dump", "curses", "readline",
    "rlcompleter", "faulthandler", "tracemalloc", "zipimport", "runpy", "code", "crypt", "spwd",
    "ossaudiodev", "msilib", "winreg", "xxlimited", "_testcapi", "_xxsubinterpreters",
    "_posixsubprocess", "test.support", "evald", "evald.__main__", "evald.assembly", "pytest",
    "pytest.__main__", "playwright.__main__", "uvicorn.__main__", "click",
    "rich.__main__", "nltk", "psutil", "uvloop",
)  # fmt: skip


TOGETHER = 8


def importing(names: Sequence[str]) -> str:
    lines = (
        f"try: import {name}\nexcept BaseException as error: print(repr(error))" for name in names
    )
    return "\n".join((*lines, GRADE))


def test_an_odd_source_is_refused_or_runs_as_any_other(place: Place) -> None:
    tried: dict[str, Any] = {name: (source, {}) for name, (source, _) in SOURCES.items()}

    answers = place.try_all(tried | {"honest": (HONEST, {"answer": "yes"})})

    assert answers.pop("honest").json["reward"] == 1.0
    found = {name: outcome(answer) for name, answer in answers.items()}
    assert {name: each for name, each in found.items() if each not in SOURCES[name][1]} == {}
    place.check()


def test_a_source_that_grows_when_it_is_compiled_breaks_nothing(place: Place) -> None:
    answer = place.try_one(nested_finally(12, 200), {})

    assert outcome(answer) == "0.5"
    place.check()


def test_what_is_imported_holds_up_and_changes_nothing(place: Place) -> None:
    groups = [IMPORTED[first : first + TOGETHER] for first in range(0, len(IMPORTED), TOGETHER)]
    answers = place.try_all({str(names): (importing(names), {}) for names in groups})

    found = {name: outcome(answer) for name, answer in answers.items()}
    assert {name: each for name, each in found.items() if each != "0.5"} == {}
    place.check()


def outcome(answer: Any) -> str:
    """Give that it was refused, the code of the error, or the reward as a text."""
    if answer.status != 200:
        return str(answer.status)
    error = answer.json["evald"]["error"]
    return str(answer.json["reward"]) if error is None else str(error["code"])
