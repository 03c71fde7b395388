"""What comes of running a user's Python in isolation, and what this machine can isolate with."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

PythonError: TypeAlias = Literal[
    "python_source",
    "python_exception",
    "python_result",
    "python_time_limit",
    "python_memory_limit",
    "python_scratch_limit",
    "python_died",
    "python_server_error",
    "python_unavailable",
]
"""Why a call of `grade` gave no score.

python_source         it does not compile, defines no `grade`, or one that takes other parameters
python_exception      it raised; SystemExit and KeyboardInterrupt too
python_result         it returned what is no finite number
python_time_limit     it took more than two minutes, or what is set, or all of two cores for so long
python_memory_limit   it asked for more than 2 GB
python_scratch_limit  it wrote more than 1 GB of files, or more than 100,000 files
python_died           its process ended before it answered: `os._exit`, a crash of native code
python_server_error   the sandbox could not be started, or died before it had begun with the row
python_unavailable    this machine has nothing to isolate it with; nothing was run
"""


@dataclass(frozen=True, slots=True)
class Executed:
    """What one call of `grade(sample, item)` came to: a score, or an error with its message."""

    score: float | None
    """Finite; None with an error."""
    error_code: PythonError | None = None
    message: str | None = None
    """For the grader's author: one sentence; with an exception, its type and text (capped)."""
    output: str = ""
    """What it printed to stdout and stderr, as it came; no more than `OUTPUT_LIMIT` bytes of it."""
    traceback: str | None = None
    """With an exception: the author's own lines, without those of libraries; capped."""
    seconds: float = 0.0
    """How long it ran, without waiting for its turn."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What the self-test found out about one way to isolate."""

    backend: str
    """`bubblewrap`, `landlock` or `gvisor`."""
    held: Sequence[str]
    """The escapes that were really tried and did not succeed, one phrase each."""
    refused: str | None
    """Why it is not used: it could not be started, or an escape succeeded. None when all held."""


@dataclass(frozen=True, slots=True)
class Isolation:
    """The result of the self-test: what python graders run in, or why they are refused."""

    backend: str | None
    """The first that passed; None when python graders are refused."""
    trials: Sequence[Trial]
    """In the order in which they were made; none is made after one that passed."""
    advice: str | None
    """What to install or allow, in whole sentences; None when there is a backend."""
