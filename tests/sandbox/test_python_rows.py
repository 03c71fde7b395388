"""What one row can do and what comes of it, in a real sandbox."""

import asyncio
from textwrap import dedent

import pytest

from evald.contract.json_types import JsonObject
from evald.sandbox.backend import Limits
from evald.sandbox.bubblewrap import bubblewrap
from evald.sandbox.interface import Executed
from evald.sandbox.pool import SandboxPool
from evald.sandbox.visible import visible
from tests.sandbox.conftest import LIMITS

# One sandbox for all rows of a test: each row brings its own code.
RUNS_ITS_ITEM = """
def grade(sample, item):
    names = {}
    exec(item["code"], names)
    return names["result"]
"""


async def graded(
    pool: SandboxPool, source: str, item: JsonObject | None = None, sample: JsonObject | None = None
) -> Executed:
    return await pool.run("a", dedent(source), {"sample": sample or {}, "item": item or {}})


async def codes(pool: SandboxPool, *codes: str) -> list[Executed]:
    rows = (graded(pool, RUNS_ITS_ITEM, {"code": dedent(code)}) for code in codes)
    return await asyncio.gather(*rows)


async def test_a_source_gets_plain_dicts_and_its_score_comes_back(pool: SandboxPool) -> None:
    source = """
        def grade(sample, item):
            print(type(sample).__name__, type(item).__name__, __name__)
            return 1.0 if sample["output_text"] == item["answer"] else 0.25
    """

    equal = await graded(pool, source, {"answer": "ü"}, {"output_text": "ü"})
    other = await graded(pool, source, {"answer": "ü"}, {"output_text": "u"})

    assert (equal.score, equal.error_code, equal.output) == (1.0, None, "dict dict grader\n")
    assert other.score == 0.25


async def test_numbers_of_every_kind_are_scores(pool: SandboxPool) -> None:
    results = await codes(
        pool,
        "result = True",
        "result = 3",
        "result = -0.5",
        "result = 10**300",
        "class Own(float):\n    def __float__(self): return 7.0\nresult = Own(0.5)",
        "class Own(int):\n    def __float__(self): return 7.0\nresult = Own(2)",
    )

    assert [each.score for each in results] == [1.0, 3.0, -0.5, 1e300, 0.5, 2.0]


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("result = float('nan')", "grade returned nan; it must return a finite number."),
        ("result = float('-inf')", "grade returned -inf; it must return a finite number."),
        ("result = 10**400", "grade returned inf; it must return a finite number."),
        ("result = None", "grade returned None; it must return a number."),
        ("result = '0.5'", "grade returned a value of the type str; it must return a number."),
        ("result = [1]", "grade returned a value of the type list; it must return a number."),
        (
            "class Sly:\n    def __float__(self): return 1.0\nresult = Sly()",
            "grade returned a value of the type Sly; it must return a number.",
        ),
        ("result = 1j", "grade returned a value of the type complex; it must return a number."),
    ],
)
async def test_what_is_no_finite_number_is_an_error(
    pool: SandboxPool, code: str, told: str
) -> None:
    (result,) = await codes(pool, code)

    assert (result.score, result.error_code, result.message) == (None, "python_result", told)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("def grade(sample, item) return 1", "SyntaxError: expected ':' (grader.py, line 1)"),
        ("x = 1", "The source defines no function named grade."),
        ("grade = 1", "In the source, grade is no function, but of the type int."),
        (
            "def grade(sample): return 1",
            "grade must have exactly two parameters, sample and item, and has 1.",
        ),
        (
            "def grade(sample, item, *more): return 1",
            "grade must have exactly two parameters, sample and item, and has 3.",
        ),
        (
            "def grade(sample, item, *, more=1): return 1",
            "grade must have exactly two parameters, sample and item, and has 3.",
        ),
        ("x = '\0'", "source code string cannot contain null bytes"),
    ],
)
async def test_a_source_that_cannot_be_called_is_an_error_of_every_row(
    pool: SandboxPool, source: str, told: str
) -> None:
    results = await asyncio.gather(*(graded(pool, source) for _ in range(3)))

    (found,) = {(each.error_code, each.message) for each in results}
    assert found[0] == "python_source"
    assert str(found[1]).endswith(told)  # of which type the error is depends on Python's version


async def test_callables_of_all_kinds_may_be_grade(pool: SandboxPool) -> None:
    decorated = """
        import functools
        def twice(function):
            @functools.wraps(function)
            def wrapped(*args):
                return 2 * function(*args)
            return wrapped
        @twice
        def grade(sample, item):
            return 0.5
    """
    instance = """
        class Grade:
            def __call__(self, sample, item): return 0.75
        grade = Grade()
    """

    assert (await graded(pool, decorated)).score == 1.0
    assert (await graded(pool, instance)).score == 0.75
    assert (await graded(pool, "grade = lambda s, i: 0.1")).score == 0.1


async def test_an_exception_is_told_with_the_author_s_lines_and_what_was_printed(
    pool: SandboxPool,
) -> None:
    source = """
        import json, sys

        def grade(sample, item):
            print("begun")
            print("to the other", file=sys.stderr)
            return inner(item)

        def inner(item):
            return json.loads("{")
    """

    result = await graded(pool, source)

    assert result.error_code == "python_exception"
    assert result.message is not None
    assert result.message.startswith("JSONDecodeError: Expecting property name")
    assert result.output == "begun\nto the other\n"
    assert result.traceback is not None
    assert result.traceback.startswith(
        "Traceback (most recent call last):\n"
        '  File "grader.py", line 7, in grade\n'
        "    return inner(item)\n"
    )
    assert "    return json.loads" in result.traceback
    assert result.traceback.count("File ") == 2


@pytest.mark.parametrize(
    ("code", "code_of_error", "told"),
    [
        ("raise SystemExit(3)", "python_exception", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "python_exception", "KeyboardInterrupt"),
        ("exit()", "python_exception", "SystemExit"),
        (
            "def f(): f()\nf()",
            "python_exception",
            "RecursionError: maximum recursion depth exceeded",
        ),
        ("raise ExceptionGroup('all', [ValueError(1)])", "python_exception", "ExceptionGroup: all"),
        (
            "bytearray(4 << 30)",
            "python_memory_limit",
            "The grader may take 256 MB of memory. MemoryError",
        ),
        ("x = []\nwhile True: x.append(bytearray(64 << 20))", "python_memory_limit", "MemoryError"),
        ("import os\nos._exit(0)", "python_died", "ended with status 0"),
        ("import os\nos._exit(7)", "python_died", "ended with status 7"),
        ("import os\nos.abort()", "python_died", "ended by SIGABRT"),
        ("import ctypes\nctypes.string_at(0)", "python_died", "ended by SIGSEGV"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "python_died", "was killed"),
        (
            "open('large', 'wb').write(bytes(9 << 20))",
            "python_scratch_limit",
            "The grader may write 8 MB, in 200 files at most. OSError: [Errno",
        ),
        (
            "for n in range(1000): open(str(n), 'w').close()",
            "python_scratch_limit",
            "OSError: [Errno 28]",
        ),
        (
            "class Bad(Exception):\n    def __str__(self): raise self\nraise Bad",
            "python_exception",
            "Bad: its text cannot be had",
        ),
        ("raise ValueError('x' * 10_000_000)", "python_exception", "ValueError: xxx"),
        ("raise ValueError('\\ud800')", "python_exception", "ValueError: ?"),
    ],
)
async def test_a_row_that_goes_wrong_says_how_and_the_next_one_goes_on(
    pool: SandboxPool, code: str, code_of_error: str, told: str
) -> None:
    wrong, right = await codes(pool, code, "result = 1")

    assert wrong.error_code == code_of_error
    assert told in (wrong.message or "")
    assert len(wrong.message or "") <= 2_100
    assert (right.score, right.output) == (1.0, "")


async def test_a_row_that_takes_too_long_is_ended_and_the_next_one_goes_on(
    has_bubblewrap: None,
) -> None:
    limits = Limits(seconds=0.3)
    pool = SandboxPool(bubblewrap(visible(), (), limits), spare_places=0)
    try:
        results = await codes(
            pool,
            "print('before')\nwhile True: pass",
            "import time\ntime.sleep(1000)",
            "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)",
            "import os, time\nos.close(1), os.close(2), os.closerange(3, 64), time.sleep(1000)",
            "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n"
            "    except (OSError, ValueError): pass\nwhile True: pass",
            "result = 1",
        )
    finally:
        await pool.close()

    assert {each.error_code for each in results[:-1]} == {"python_time_limit"}
    assert (results[0].message or "").startswith(
        "The grader ran for more than 0.3 seconds, or took"
    )
    assert results[0].output == "before\n"
    assert results[-1].score == 1.0


async def test_threads_without_end_are_stopped_by_a_limit(pool: SandboxPool) -> None:
    bomb = """
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

    many, next_one = await codes(pool, bomb, "result = 1")

    assert many.score is not None
    assert 10 < many.score <= LIMITS.threads
    assert next_one.score == 1.0


async def test_output_of_any_size_is_kept_up_to_its_limit_and_holds_nothing_up(
    pool: SandboxPool,
) -> None:
    large, bytes_, none = await codes(
        pool,
        "print('x' * 20_000_000)\nresult = 1",
        "import os\nos.write(1, bytes(range(256)))\nresult = 1",
        "import sys\nsys.stdout = None\nresult = 1",
    )

    assert large.score == bytes_.score == none.score == 1.0
    assert large.output.endswith("x\n[20,000,001 bytes were printed; the first are kept]")
    assert len(large.output) < 66_000
    assert len(bytes_.output) == 256


async def test_what_a_row_writes_over_its_pipes_is_no_score_of_another_row(
    pool: SandboxPool,
) -> None:
    code = """
        import os
        for file in range(3, 256):
            try: os.write(file, b'{"score": 1}' * 10)
            except OSError: pass
        result = 0
    """

    wrong, right = await codes(pool, code, "result = 0.5")

    assert (wrong.score, wrong.error_code) == (None, "python_died")
    assert right.score == 0.5


async def test_a_row_finds_nothing_of_the_row_before(pool: SandboxPool) -> None:
    leave = """
        import builtins, json, os, sys, threading
        mark = "left" + "-behind"
        os.makedirs("a/b/c"); open("a/b/f", "w").write(mark)
        os.symlink("/usr", "link"); os.chmod("a/b", 0); os.chmod(".", 0)
        os.environ["MARK"] = mark; builtins.mark = mark; json.loads = None; sys.path.clear()
        os.chdir("/usr"); os.umask(0o777)
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        print(mark)
        result = 0
    """
    look = """
        import ctypes, json, os, re
        found = os.listdir("."), os.getcwd(), os.environ.get("MARK"), json.loads("1")
        found += hasattr(__builtins__, "mark"), oct(os.umask(0)), os.stat(".").st_mtime
        print(found, end="")
        result = 0
    """

    _, second, third = await codes(pool, leave, look, look)

    assert second.output == "([], '/scratch', None, 1, False, '0o22', 0.0)"
    assert third.output == second.output


async def test_memory_has_nothing_of_the_row_before(pool: SandboxPool) -> None:
    mark = "zq" * 40
    leave = "print('zq' * 40)\nresult = 0"
    look = """
        import ctypes, io
        # The heap lies where its objects lie; what cannot be read ends the row, so stay within it.
        libc = ctypes.CDLL(None)
        libc.sbrk.restype = ctypes.c_void_p
        libc.sbrk.argtypes = [ctypes.c_long]
        end = libc.sbrk(0)
        heap = ctypes.string_at(end - (128 << 10), 128 << 10)
        result = heap.count(b"zq" * 30)
    """

    _, second = await codes(pool, leave, look)

    assert mark not in second.output
    assert (second.score, second.error_code) == (0.0, None)


async def test_rows_do_not_share_their_chance(pool: SandboxPool) -> None:
    results = await codes(pool, *["import random\nresult = random.random()"] * 5)

    assert len({each.score for each in results}) == 5


async def test_dataclasses_with_names_of_types_and_threads_work(pool: SandboxPool) -> None:
    source = """
        from __future__ import annotations
        from concurrent.futures import ThreadPoolExecutor
        from dataclasses import dataclass
        from typing import ClassVar

        @dataclass
        class Graded:
            shared: ClassVar[int] = 1
            score: float = 0.5

        def grade(sample, item):
            with ThreadPoolExecutor(4) as threads:
                return sum(threads.map(lambda n: n * Graded().score, range(4)))
    """

    assert (await graded(pool, source)).score == 3.0


async def test_a_large_row_goes_in_whole(pool: SandboxPool) -> None:
    source = "def grade(sample, item): return len(item['text'])"
    rows = (graded(pool, source, {"text": "é" * 3_000_000}) for _ in range(4))

    assert {each.score for each in await asyncio.gather(*rows)} == {3_000_000.0}
