"""What a process finds when it starts: `python -m tests.forking.seen ARGUMENTS`."""

import json
import os
import signal
import sys
from typing import Any

from evald.ids import new_id

SIGNALS = ("SIGINT", "SIGTERM", "SIGCHLD", "SIGPIPE", "SIGHUP")


def seen() -> dict[str, Any]:
    return {
        "arguments": sys.argv,
        "folder": os.getcwd(),
        "path": sys.path,
        "variables": dict(os.environ),
        "umask": os.umask(0),
        "signals": {each: str(signal.getsignal(getattr(signal, each))) for each in SIGNALS},
        "files": sorted(os.listdir("/proc/self/fd")),
        "texts": [(each.encoding, each.errors, each.line_buffering) for each in TEXTS],
        "main": sys.modules["__main__"].__file__,
        "chance": new_id("eval"),
    }


TEXTS: Any = (sys.stdin, sys.stdout, sys.stderr)

if __name__ == "__main__":
    print(json.dumps(seen()))
