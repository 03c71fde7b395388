"""Run a Python module in a process that ends with its parent, however the parent ends.

    python -m demo.tied PARENT_PID MODULE [ARGUMENT...]

The kernel is asked to send SIGTERM when the parent is gone, which holds even after a SIGKILL. Linux
alone can do that; elsewhere the children of a demo that gets a SIGKILL live on.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent, then become the module."""
    parent, *command = sys.argv[1:]
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        sys.exit("The parent is gone already.")  # it went before the kernel was asked
    os.execv(sys.executable, [sys.executable, "-m", *command])


if __name__ == "__main__":
    main()
