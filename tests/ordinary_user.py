"""Run a command as an ordinary user, while the tests run as root.

``python tests/ordinary_user.py USER FOLDER... -- COMMAND...`` as root: the folders are made reachable
for that user, whatever stands above them (Python may lie under /root), in a mount namespace of the
command's own. Nothing else changes: the user has no rights, and the command is the
process that was begun.
"""

import ctypes
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
ORDINARY_USER = 1234
"""A user that no system gives a name."""

CLONE_NEWNS = 0x0002_0000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
MNT_DETACH = 2
OTHERS_PASS = 0o001

libc = ctypes.CDLL(None, use_errno=True)


def as_ordinary_user(command: Sequence[str]) -> list[str]:
    """Give the command that runs this one as the ordinary user; itself when the tests are not root's."""
    return as_user(ORDINARY_USER, command) if os.geteuid() == 0 else list(command)


def as_root_of_a_container(command: Sequence[str]) -> list[str]:
    """Give the command that runs this one as root without the rights that containers take from it."""
    bare = ("setpriv", "--bounding-set=-sys_admin,-sys_ptrace,-net_admin", "--no-new-privs")
    return as_user(0, [*bare, *command])


def as_user(user: int, command: Sequence[str]) -> list[str]:
    """Give the command that runs this one as a user of this number; only root may."""
    folders = dict.fromkeys([str(CHECKOUT), sys.prefix, sys.base_prefix])
    return [sys.executable, __file__, str(user), *folders, "--", *command]


@contextmanager
def ordinary_folder() -> Iterator[Path]:
    """Make a folder that belongs to the ordinary user, for as long as it is needed."""
    with tempfile.TemporaryDirectory() as name:
        if os.geteuid() == 0:
            os.chown(name, ORDINARY_USER, ORDINARY_USER)
        yield Path(name)


def main() -> None:
    split = sys.argv.index("--")
    user, folders, command = int(sys.argv[1]), sys.argv[2:split], sys.argv[split + 1 :]
    call(libc.unshare, CLONE_NEWNS)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    open_the_way([Path(folder).resolve() for folder in folders])
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    os.execvp(command[0], command)


def open_the_way(folders: Sequence[Path]) -> None:
    """Lay an empty folder over each one that only its owner can pass, and the folders into it."""
    closed = {folder: above for folder in folders if (above := first_closed(folder)) is not None}
    held = {folder: Path(tempfile.mkdtemp()) for folder in closed}
    for folder, place in held.items():
        mount(str(folder), str(place), "", MS_BIND | MS_REC)
    for above in set(closed.values()):
        mount("none", str(above), "tmpfs", 0, "mode=755")
    for folder, place in held.items():
        folder.mkdir(parents=True, exist_ok=True)
        mount(str(place), str(folder), "", MS_BIND | MS_REC)
        call(libc.umount2, str(place).encode(), MNT_DETACH)
        place.rmdir()


def first_closed(folder: Path) -> Path | None:
    above = [*reversed(folder.parents)]
    return next((each for each in above if not each.stat().st_mode & OTHERS_PASS), None)


def mount(source: str, target: str, kind: str, flags: int, options: str = "") -> None:
    texts = [text.encode() or None for text in (source, target, kind)]
    call(libc.mount, *texts, ctypes.c_ulong(flags), options.encode() or None)


def call(function: object, *arguments: object) -> None:
    assert callable(function)
    if function(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), str(arguments))


if __name__ == "__main__":
    main()
