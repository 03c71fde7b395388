"""Isolation by bubblewrap: namespaces of its own for all there are, and a file system of its own."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from evald.sandbox.backend import (
    PYTHON_OPTIONS,
    UNNAMED_USER,
    ZYGOTE,
    Backend,
    CannotIsolate,
    Limits,
    environment,
    knows_user,
    zygote_settings,
)
from evald.sandbox.visible import Visible, closed_to_others, is_among, masks
from evald.sandbox.zygote import SCRATCH

NAME: Final = "bubblewrap"

_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
_ZYGOTE_INSIDE: Final = "/evald/zygote.py"
_CAP_SYS_ADMIN: Final = 21
_USUAL_SCRATCH: Final = Path("/tmp")  # noqa: S108  (inside)
_NLTK_INSIDE: Final = "/evald/nltk_data"


def bubblewrap(visible: Visible, hidden: Sequence[Path], limits: Limits) -> Backend:
    """Give the backend, with these files and folders hidden. Raises CannotIsolate."""
    program = shutil.which("bwrap")
    if program is None:
        raise CannotIsolate("The program bwrap is not installed.")
    # As root it makes the mounts with root's rights, since Python may lie where others cannot look, and
    # the zygote then becomes an ordinary user. Else the sandbox's user is the server's, without rights.
    is_root = os.geteuid() == 0 and knows_user(UNNAMED_USER)
    as_root = is_root and _may_mount()
    user = UNNAMED_USER if as_root else None
    nltk_data = {
        folder: Path(f"{_NLTK_INSIDE}/{place}") for place, folder in enumerate(visible.nltk_data)
    }
    # By where it lies: where it is seen.
    shown = {path: path for path in visible.paths} | nltk_data
    command = [
        *(_as_unnamed_user([*visible.paths, visible.python]) if is_root and not as_root else ()),
        program,
        *_namespaces(as_root=as_root),
        *_rights(as_root=as_root),
        *_environment([str(inside) for inside in nltk_data.values()]),
        *_files(shown, visible.python),
        *_masks(shown, hidden),
        *("--remount-ro", "/", "--chdir", "/", "--"),
        *(str(visible.python), *PYTHON_OPTIONS, _ZYGOTE_INSIDE),
    ]
    settings = zygote_settings(
        limits,
        user=user,
        scratch_owner=UNNAMED_USER,
        added={"packages": list(visible.packages), "devices": list(_DEVICES)},
    )
    return Backend(NAME, command, settings, limits)


def _may_mount() -> bool:
    """Say whether root has a right that containers take from it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    rights = next(line.split()[1] for line in lines if line.startswith("CapEff:"))
    return bool(int(rights, 16) >> _CAP_SYS_ADMIN & 1)


def _as_unnamed_user(paths: Sequence[Path]) -> tuple[str, ...]:
    """Give what has a command run as an ordinary user, who may make a user namespace."""
    program = shutil.which("setpriv")
    if program is None:
        raise CannotIsolate("The program setpriv is not installed, and root may not make mounts.")
    if closed := closed_to_others(paths):
        raise CannotIsolate(f"Python lies in {closed}, where only root can look.")
    user = str(UNNAMED_USER)
    return program, "--reuid", user, "--regid", user, "--clear-groups", "--"


def _namespaces(*, as_root: bool) -> Iterator[str]:
    yield from ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts")
    yield "--unshare-cgroup-try"
    if not as_root:
        yield from ("--unshare-user", "--uid", str(UNNAMED_USER), "--gid", str(UNNAMED_USER))
    yield from ("--hostname", "grader", "--new-session", "--die-with-parent")


def _rights(*, as_root: bool) -> Iterator[str]:
    """Leave what the zygote needs to mount its scratch space and then to give all rights up."""
    yield from ("--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN", "--cap-add", "CAP_SETPCAP")
    if as_root:
        yield from ("--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID")


def _environment(nltk_data: Sequence[str]) -> Iterator[str]:
    yield "--clearenv"
    for name, value in environment(nltk_data, home=SCRATCH).items():
        yield from ("--setenv", name, value)


def _files(shown: Mapping[Path, Path], python: Path) -> Iterator[str]:
    for path, inside in shown.items():
        if path.is_symlink() and is_among(path.resolve(), shown):
            yield from ("--symlink", os.readlink(path), str(inside))
        else:
            yield from _open_parent(inside)
            yield from ("--ro-bind", str(path), str(inside))
    # The file itself, for the links on the way to it are not there.
    yield from _open_parent(python)
    yield from ("--ro-bind", str(python.resolve()), str(python))
    yield from _open_parent(Path(_ZYGOTE_INSIDE))
    yield from ("--ro-bind", str(ZYGOTE), _ZYGOTE_INSIDE)
    yield from ("--dir", "/dev")
    for device in _DEVICES:
        yield from ("--dev-bind", device, device)
    yield from ("--dir", "/proc", "--dir", SCRATCH)
    if not _is_under(_USUAL_SCRATCH, [*shown.values(), python]):  # an environment may be made there
        yield from ("--symlink", SCRATCH, str(_USUAL_SCRATCH))


def _is_under(folder: Path, paths: Sequence[Path]) -> bool:
    return any(path.is_relative_to(folder) for path in paths)


def _open_parent(inside: Path) -> tuple[str, str]:
    """Make the folder of a mount by itself: one made along with it may be open to its owner alone."""
    return "--dir", str(inside.parent)


def _masks(shown: Mapping[Path, Path], hidden: Sequence[Path]) -> Iterator[str]:
    """Lay something empty over what must not be seen and lies in a folder that is."""
    for path, inside in masks(shown, hidden):
        if path.is_dir():
            yield from ("--tmpfs", str(inside), "--remount-ro", str(inside))
        else:
            yield from ("--ro-bind", "/dev/null", str(inside))
