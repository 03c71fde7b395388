"""The program of `make demo`: one eval on a small real model, from its creation to a canceled run.

    python -m demo.demo [--folder DIR] [--port PORT]

It starts the local model and evald, and is from then on an ordinary user of the API, by way of the
official `openai` SDK. In a terminal it goes on serving until Ctrl-C; without one it ends with 0.
"""

import argparse
import sys
from pathlib import Path

from demo.ending import DemoFailed, take_signals, undisturbed, was_asked_to_end


def main() -> int:
    """Run the demo and give its exit code: 0, 1 if something failed, 130 if it was stopped."""
    options = read_options()
    take_signals()
    try:
        return show(options)
    except BaseException as error:
        if was_asked_to_end():
            return stopped()
        if isinstance(error, DemoFailed):
            print(f"\nThe demo failed. {error}", file=sys.stderr)
            return 1
        raise


def read_options() -> argparse.Namespace:
    """Give the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m demo.demo", description="Show what evald does."
    )
    parser.add_argument(
        "--folder", type=Path, default=Path(".demo"), help="for data and logs (.demo)"
    )
    parser.add_argument("--port", type=int, default=8484, help="of evald; if taken, another (8484)")
    return parser.parse_args()


def show(options: argparse.Namespace) -> int:
    """Tell the whole story. Raises DemoFailed; a KeyboardInterrupt passes, with all stopped."""
    # Here, where Ctrl-C is already looked after: these imports take a second.
    from demo.story import tell

    tell(options.folder, options.port)
    return 0


def stopped() -> int:
    """Say that a signal has ended the demo, and give its exit code."""
    with undisturbed():
        print("\nStopped.")
    return 130


if __name__ == "__main__":
    sys.exit(main())
