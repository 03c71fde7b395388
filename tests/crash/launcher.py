"""evald with a mine in it: `python -m tests.crash.launcher POINTS serve --port 0 …`.

POINTS is a JSON list of points (`points.Point`). Each names a function; at its n-th call the process
kills itself, or stops there until the test lets it go on. Nothing in evald knows of it.
"""

import asyncio
import functools
import gc
import importlib
import inspect
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from itertools import count
from types import ModuleType
from typing import Any

from tests.crash.points import Point

ENTRIES = ("evald.cli.main", "evald.cli.serve")
"""What `evald serve` imports; everything else comes with it."""


def main() -> None:
    """Lay the mines, then be `evald`."""
    gc.disable()  # as `evald serve` does before it imports anything
    points = [Point(**each) for each in json.loads(sys.argv.pop(1))]
    for name in ENTRIES:
        importlib.import_module(name)
    for point in points:
        lay(point)
    importlib.import_module("evald.cli.main").main()


def lay(point: Point) -> None:
    """Put a wrapper into the place of a function, wherever it was imported to."""
    module_name, _, path = point.target.partition(":")
    owner: Any = importlib.import_module(module_name)
    *outer, name = path.split(".")
    for step in outer:
        owner = getattr(owner, step)
    original = getattr(owner, name)
    wrapped = async_mine(original, point) if is_async(original) else mine(original, point)
    setattr(owner, name, wrapped)
    if isinstance(owner, ModuleType):
        for module, alias in importers(original):
            setattr(module, alias, wrapped)


def is_async(function: Callable[..., Any]) -> bool:
    """Say whether a call of this function has to be awaited."""
    return inspect.iscoroutinefunction(function)


def importers(original: object) -> Iterator[tuple[ModuleType, str]]:
    """Give the modules of evald that have this very object under a name, with the name."""
    for module_name, module in list(sys.modules.items()):
        if module_name.partition(".")[0] == "evald":
            yield from (
                (module, alias) for alias, value in list(vars(module).items()) if value is original
            )


def mine(original: Callable[..., Any], point: Point) -> Callable[..., Any]:
    """Give the function with the process's end in its n-th call."""
    calls = count(1)

    @functools.wraps(original)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        here = next(calls) == point.call
        if here and point.when == "before":
            die()
        result = original(*arguments, **named)
        if here:
            die()
        return result

    return wrapped


def async_mine(original: Callable[..., Any], point: Point) -> Callable[..., Any]:
    """Give the async function with the process's end, or a stop, in its n-th call."""
    calls = count(1)

    @functools.wraps(original)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        here = next(calls) == point.call
        if here and point.when == "before":
            await act(point)
        result = await original(*arguments, **named)
        if here and point.when == "after":
            await act(point)
        return result

    return wrapped


async def act(point: Point) -> None:
    """Die, or tell the test that this point is reached and wait for its word."""
    if point.stop_at is None:
        die()
    reader, writer = await asyncio.open_unix_connection(point.stop_at)
    try:
        writer.write(b"here\n")
        await reader.readline()
    finally:
        writer.close()


def die() -> None:
    """End as a power cut would have it."""
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
