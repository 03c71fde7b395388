"""The program of `make demo`: one eval on a small real model, from its creation to a canceled run.

    python -m demo.demo

It starts the local model and evald, and is from then on an ordinary user of the API, by way of the
official `openai` SDK. In a terminal it goes on serving until Ctrl-C; without one it ends with 0.
"""

import signal
import sys
from types import FrameType


def main() -> int:
    """Run the demo and give its exit code: 0, 1 if something failed, 130 if it was stopped."""
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, interrupt)
    try:
        # Inside the try: these imports take a second, in which somebody may press Ctrl-C.
        from demo.story import tell

        return tell()
    except KeyboardInterrupt:
        print("\nStopped.")
        return 130


def interrupt(_number: int, _frame: FrameType | None) -> None:
    """Take any request to end as Ctrl-C is taken."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
