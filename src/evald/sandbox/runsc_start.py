"""What becomes runsc: it ties itself to the server, takes its cores, and has a container of its own.

    python runsc_start.py FOLDER CORES NICE COMMAND...

Every `{state}` in the command is a new folder in FOLDER, with the number of the process for its name,
and every `{id}` a name that no other container has. It stands on the standard library alone.
"""

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main(folder: str, cores: str, nice: str, *command: str) -> None:
    """Become the command."""
    # If the server has ended before, the zygote finds that its pipe is closed, and the container ends.
    if ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.exit("It cannot be tied to the server.")
    # Inside, gVisor only plays what is said of cores and of priority.
    own = sorted(os.sched_getaffinity(0))
    first = int.from_bytes(os.urandom(4)) % len(own)
    os.sched_setaffinity(0, (own + own)[first : first + int(cores)])
    os.nice(int(nice))
    state = os.path.join(folder, str(os.getpid()))
    os.mkdir(state, 0o700)
    name = f"evald-{os.urandom(8).hex()}"
    words = [each.replace("{state}", state).replace("{id}", name) for each in command]
    os.execv(words[0], words)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
