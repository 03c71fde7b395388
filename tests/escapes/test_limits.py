"""Programs that take more than a row may, many at the same time: each is ended with its limit's name."""

from typing import Any

import pytest

from tests.escapes.conftest import WITH_NAMESPACES
from tests.escapes.place import HONEST, Place

TIME = "python_time_limit"
MEMORY = "python_memory_limit"
SCRATCH = "python_scratch_limit"
DIED = "python_died"
RAISED = "python_exception"

BODIES: dict[str, tuple[str, set[str]]] = {
    "sleeps": ("import time; time.sleep(1000)", {TIME}),
    "sleeps without signals": (
        "import signal, time; signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65)); time.sleep(1000)",
        {TIME},
    ),
    "ignores every signal": (
        "import signal, time\n"
        " for n in (1, 2, 3, 10, 12, 14, 15, 24): signal.signal(n, signal.SIG_IGN)\n"
        " time.sleep(1000)",
        {TIME},
    ),
    "stops itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)", {TIME}),
    "waits for itself": ("import threading; l = threading.Lock(); l.acquire(); l.acquire()", {TIME}),
    "waits for a pipe": ("import os; os.read(os.pipe()[0], 1)", {TIME}),
    "pauses": ("import signal; signal.pause()", {TIME}),
    "catches what ends it": (
        "import time\n while True:\n  try: time.sleep(1000)\n  except BaseException: pass",
        {TIME},
    ),
    "a thread sleeps for it": (
        "import threading as t, time\n t = t.Thread(target=time.sleep, args=[9])\n t.start(), t.join()",
        {TIME},
    ),
    "computes": ("while True: pass", {TIME}),
    "computes a power": ("9 ** 9 ** 9", {TIME, MEMORY}),
    "matches": ("import re; re.match('(a+)+$', 'a' * 64 + 'b')", {TIME}),
    "recurses for ever": (
        "import sys; sys.setrecursionlimit(1 << 30)\n f = lambda n: f(n + 1)\n f(0)",
        {TIME, MEMORY, DIED},
    ),
    "its text never ends": (
        "class E(Exception):\n  def __str__(self):\n   while True: pass\n raise E",
        {TIME},
    ),
    "prints for ever": ("while True: print('x' * 100_000)", {TIME}),
    "asks for much": ("bytearray(3 << 30)", {MEMORY}),
    "asks for more and more": ("a = []\n while True: a.append(bytes(1 << 26))", {MEMORY}),
    "a list of itself": ("a = [0]\n while True: a *= 2", {MEMORY, TIME}),
    "maps memory": (
        "import mmap\n a = []\n while True: a.append(mmap.mmap(-1, 1 << 28))",
        {MEMORY, RAISED},
    ),
    "catches the lack of memory": (
        "a = []\n try:\n  while True: a.append(bytes(1 << 28))\n except MemoryError: return 1.0",
        {"1.0"},
    ),
    "raises its limit of memory": (
        "import resource as r\n"
        " for n in (r.RLIMIT_AS, r.RLIMIT_DATA): r.setrlimit(n, (r.getrlimit(n)[1],) * 2)\n"
        " bytearray(3 << 30)",
        {MEMORY},
    ),
    "fills the scratch space": (
        "import os\n f = open('/scratch/f', 'wb', 0)\n f.truncate((1 << 30) + 1)",
        {SCRATCH},
    ),
    "a file that claims to be large": ("open('/scratch/f', 'wb').truncate(1 << 62)", {SCRATCH}),
    "many files": ("for n in range(200_000): open(f'/scratch/{n}', 'x').close()", {SCRATCH, TIME}),
    "many links": (
        "import os\n for n in range(200_000): os.symlink('x' * 4000, f'/scratch/{n}')",
        {SCRATCH, TIME, MEMORY},
    ),
    "many open files": ("a = [open('/dev/null') for _ in range(100_000)]", {RAISED}),
    "many processes": ("import os\n while True: os.fork()", {RAISED}),
    "many processes, in spite of errors": (
        "import os, time\n e = time.monotonic() + 0.2\n"
        " while time.monotonic() < e:\n  try: os.fork()\n  except OSError: pass\n return 1.0",
        {"1.0"},
    ),
    "a large answer": ("raise ValueError('x' * 100_000_000)", {RAISED}),
}  # fmt: skip


def program(body: str) -> tuple[str, Any]:
    return f"def grade(sample, item):\n {body}\n", {}


def test_a_row_that_takes_too_much_is_ended_with_the_name_of_its_limit(place: Place) -> None:
    tried = {name: program(body) for name, (body, _) in BODIES.items()}

    answers = place.try_all(tried | {"honest": (HONEST, {"answer": "yes"})})

    assert answers.pop("honest").json["reward"] == 1.0
    found = {name: outcome(answer) for name, answer in answers.items()}
    assert {name: each for name, each in found.items() if each not in allowed(name, place)} == {}
    place.check()


def allowed(name: str, place: Place) -> set[str]:
    """Give what may come of a program; where there is no scratch space, no file can be made."""
    codes = BODIES[name][1]
    return codes | {RAISED} if SCRATCH in codes and not place.has_namespaces else codes


def outcome(answer: Any) -> str:
    """Give the code of the error, or the reward as a text."""
    error = answer.json["evald"]["error"]
    return str(answer.json["reward"]) if error is None else error["code"]


HOLDS_THREADS = """
import threading, time
threading.stack_size(65536)

def grade(sample, item):
    try:
        while True:
            threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    except RuntimeError:
        time.sleep(1000)
"""
TAKES_THREADS = """
import threading, time

def grade(sample, item):
    end, begun = time.monotonic() + 2, 0
    while time.monotonic() < end:
        threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(8)]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    return 1.0
"""


@pytest.mark.parametrize("place", WITH_NAMESPACES, indirect=True)
def test_the_threads_of_one_program_are_not_taken_from_another(place: Place) -> None:
    holding = {f"holds {number}": (HOLDS_THREADS, {"n": number}) for number in range(3)}

    answers = place.try_all(holding | {"takes": (TAKES_THREADS, {})})

    assert outcome(answers.pop("takes")) == "1.0"
    assert {outcome(answer) for answer in answers.values()} == {TIME}
    place.check()
