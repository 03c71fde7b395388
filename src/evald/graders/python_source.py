"""Whether a source can be a python grader: it is compiled and looked at, and nothing of it is run.

The compiler of Python may take long over a hostile text, or break over it, and holds the interpreter's
lock meanwhile; so this is called in a process beside the server, and imports next to nothing.
"""

import ast
import resource
import signal
import warnings
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

MOST_SECONDS: Final = 5
"""Of the clock, for one source; an honest one of 256 kB takes a fifth of that."""
MOST_MEMORY: Final = 512 << 20
"""Bytes for one source: a short one may need gigabytes, since each `finally` is compiled twice."""

MISSING: Final = "it defines no function `grade(sample, item)` at its top level"


def source_fault(source: str) -> str | None:
    """Give what is wrong with a source, or None where it defines `grade` with two parameters.

    A text over which the compiler takes too long ends the process.
    """
    signal.alarm(MOST_SECONDS)
    try:
        with _little_memory():
            return _fault(source)
    finally:
        signal.alarm(0)


@contextmanager
def _little_memory() -> Iterator[None]:
    """Have this process get MOST_MEMORY more at the most, where Linux says how much it has."""
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    sizes = Path("/proc/self/statm")
    if sizes.exists():
        now = int(sizes.read_text().split()[0]) * resource.getpagesize()
        most = now + MOST_MEMORY
        resource.setrlimit(
            resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _fault(source: str) -> str | None:
    try:
        with warnings.catch_warnings(action="ignore"):
            tree = ast.parse(source)
            compile(tree, "grader", "exec", dont_inherit=True)
    except SyntaxError as error:
        at = "" if error.lineno is None else f"line {error.lineno}: "
        return f"it is no Python: {at}{error.msg}"
    except (RecursionError, MemoryError):
        return "it is nested too deeply to be compiled"  # or needs too much memory for it
    except (ValueError, OverflowError) as error:  # a NUL, half of a pair of surrogates
        return f"it cannot be compiled: {error}"
    faults = list(_faults_of_grade(tree))
    return next((fault for fault in faults if fault), None) if faults else MISSING


def _faults_of_grade(tree: ast.Module) -> Iterator[str | None]:
    """Give for each definition of `grade` what is wrong with it, or None."""
    for statement in _at_top_level(tree):
        match statement:
            case ast.FunctionDef(name="grade", args=parameters):
                yield _fault_of_parameters(parameters)
            case (
                ast.Assign(targets=[ast.Name(id="grade")], value=ast.Lambda(args=parameters))
                | ast.AnnAssign(target=ast.Name(id="grade"), value=ast.Lambda(args=parameters))
            ):
                yield _fault_of_parameters(parameters)
            case ast.AsyncFunctionDef(name="grade", lineno=line):
                yield f"line {line}: `grade` is async, and it must be a plain function"


def _at_top_level(tree: ast.Module) -> Iterator[ast.AST]:
    """Give all statements but those inside functions and classes."""
    waiting = deque[ast.AST](tree.body)
    while waiting:
        statement = waiting.popleft()
        yield statement
        if not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            waiting.extend(
                inner
                for inner in ast.iter_child_nodes(statement)
                if isinstance(inner, ast.stmt | ast.excepthandler | ast.match_case)
            )


def _fault_of_parameters(parameters: ast.arguments) -> str | None:
    positional = [*parameters.posonlyargs, *parameters.args]
    is_exact = not (parameters.vararg or parameters.kwonlyargs or parameters.kwarg)
    if len(positional) == 2 and is_exact:
        return None
    given = ast.unparse(parameters)[:80]
    return f"`grade` takes exactly two parameters, the sample and the item, not `({given})`"
