"""What the commands share that run until they are stopped: signals, and the garbage collector."""

import asyncio
import gc
import signal
from collections.abc import Callable
from types import FrameType


def spare_the_collector() -> None:
    """Keep the garbage collector away from what lives as long as the process, and call it less often.

    With Python's own settings it took 15 % of a run's time (benchmarks/throughput.py): each of its
    full passes goes over all modules, routes and statements, some 80 ms in which nothing is served.
    The command has kept it off since its start, of whose time it took a fifth.
    """
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


def cancel_on_signal() -> None:
    """Have a signal end the start; what has been opened is closed on the way out."""
    starting = asyncio.current_task()
    assert starting is not None

    def cancel(number: int, frame: FrameType | None) -> None:
        on_signal(_ignore)  # a second signal does not cut the closing short
        starting.cancel()

    on_signal(cancel)


def on_signal(act: Callable[[int, FrameType | None], None]) -> None:
    """Have this done, and nothing else, when SIGINT or SIGTERM comes."""
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, act, number, None)


def _ignore(number: int, frame: FrameType | None) -> None:
    pass
