"""A folder for the time of the server, which is removed also when the server was killed."""

import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

_WHOLE: Final = "is-whole"


class ServerFolder:
    """A folder in the system's folder for temporary files, for the server's user alone.

    It is removed with the server's end. If the server is killed, the next one that makes such a folder
    removes it: the kernel gives its lock free with the process.
    """

    def __init__(self, prefix: str) -> None:
        """Make one, and remove those of dead servers."""
        for dead in _unlocked(prefix):
            shutil.rmtree(dead, ignore_errors=True)
        self.path = Path(tempfile.mkdtemp(prefix=prefix))
        lock = os.open(self.path, os.O_RDONLY)
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Only now, for a server that is starting could hold the one without a lock for a dead one's.
        (self.path / _WHOLE).touch()
        weakref.finalize(self, _remove, self.path, lock, os.getpid())

    def remove(self, name: str) -> None:
        """Remove a folder in it, if it is there."""
        shutil.rmtree(self.path / name, ignore_errors=True)


def _remove(path: Path, lock: int, owner: int) -> None:
    if os.getpid() == owner:  # and not a fork of it
        shutil.rmtree(path, ignore_errors=True)
        os.close(lock)


def _unlocked(prefix: str) -> Iterator[Path]:
    for path in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with suppress(OSError):
            if path.lstat().st_uid == os.geteuid() and _is_unlocked(path):
                yield path


def _is_unlocked(path: Path) -> bool:
    folder = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return (path / _WHOLE).exists()
    finally:
        os.close(folder)
