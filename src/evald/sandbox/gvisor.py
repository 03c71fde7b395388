"""Isolation by gVisor: a kernel of its own that runs as an ordinary process, and its own file system.

The zygote meets gVisor's kernel, and Linux meets gVisor's alone, with the few calls that gVisor makes.
Only root's server can use it. What gVisor adds by itself (/proc, /sys, /tmp) is covered by empty
folders, so the self-test needs no exception for it; its /dev is made up, and root's inside. It
counts no files in the scratch space, and cores and priority are those of the whole process outside.
"""

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.sandbox import runsc_start
from evald.sandbox.backend import (
    NICE,
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
from evald.sandbox.server_folder import ServerFolder
from evald.sandbox.visible import Visible, is_among, masks
from evald.sandbox.zygote import SCRATCH

NAME: Final = "gvisor"

_ZYGOTE_INSIDE: Final = "/evald/zygote.py"
_NLTK_INSIDE: Final = "/evald/nltk_data"
_RIGHTS: Final = ("CAP_SYS_ADMIN", "CAP_SETPCAP", "CAP_SETUID", "CAP_SETGID")
"""Of the zygote, which mounts its scratch space and then gives all rights up."""
_NAMESPACES: Final = ("pid", "network", "ipc", "uts", "mount")
_ADDED: Final = ("proc", "sys", "tmp")
_NOT_PLAYED: Final = "RLIMIT_MSGQUEUE"  # there are no message queues in gVisor


def gvisor(visible: Visible, hidden: Sequence[Path], limits: Limits) -> Backend:
    """Give the backend, with these files and folders hidden. Raises CannotIsolate."""
    program = shutil.which("runsc")
    if program is None:
        raise CannotIsolate("The program runsc is not installed.")
    if os.geteuid() != 0 or not knows_user(UNNAMED_USER):
        raise CannotIsolate("Only root can start runsc, and this server is an ordinary user.")
    try:
        folder = ServerFolder("evald-gvisor-")
        _fill(folder.path, visible, hidden)
    except OSError as error:
        raise CannotIsolate(f"The container cannot be described: {error}.") from None
    settings = zygote_settings(
        limits,
        user=UNNAMED_USER,
        scratch_owner=UNNAMED_USER,
        added={"packages": list(visible.packages)},
    )
    return Backend(
        NAME,
        _command(program, folder.path, visible.python, limits),
        _played(settings),
        limits,
        {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
        folder,
    )


def _fill(folder: Path, visible: Visible, hidden: Sequence[Path]) -> None:
    bundle = _Bundle(folder)
    nltk_data = {
        each: Path(f"{_NLTK_INSIDE}/{place}") for place, each in enumerate(visible.nltk_data)
    }
    bundle.show({path: path for path in visible.paths} | nltk_data, hidden)
    bundle.show_one(visible.python.resolve(), visible.python)
    bundle.show_one(ZYGOTE, Path(_ZYGOTE_INSIDE))
    command = [str(visible.python), *PYTHON_OPTIONS, _ZYGOTE_INSIDE]
    bundle.write(command, environment([str(each) for each in nltk_data.values()], home=SCRATCH))


def _command(program: str, folder: Path, python: Path, limits: Limits) -> Sequence[str]:
    starter = [str(python), "-I", "-S", "-B", runsc_start.__file__]
    runsc = [program, "--root", "{state}", "--network=none", "--ignore-cgroups"]
    return [
        *(*starter, str(folder), str(limits.cores), str(NICE)),
        *(*runsc, "run", "-bundle", str(folder), "{id}"),
    ]


def _played(settings: JsonObject) -> JsonObject:
    """Leave out what gVisor's kernel does not know."""
    scratch, of_rows = settings["scratch"], settings["limits"]
    assert isinstance(scratch, dict)
    assert isinstance(of_rows, dict)
    limits = {name: value for name, value in of_rows.items() if name != _NOT_PLAYED}
    return {**settings, "scratch": {**scratch, "files": None}, "limits": limits}


class _Bundle:
    """What runsc reads: config.json, and a folder that becomes the root, with a place for each mount."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._root = folder / "rootfs"
        self._empty_folder, self._empty_file = folder / "empty", folder / "nothing"
        self._root.mkdir()
        self._empty_folder.mkdir()
        self._empty_file.touch()
        self._mounts: list[JsonValue] = []
        self._place_folder(Path(SCRATCH))

    def show(self, shown: Mapping[Path, Path], hidden: Sequence[Path]) -> None:
        """Show the paths where they are to be seen, and lay something empty over what is hidden."""
        for path, inside in shown.items():
            if path.is_symlink() and is_among(path.resolve(), shown):
                place = self._root / inside.relative_to("/")
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(path.readlink())
            else:
                self.show_one(path, inside)
        for path, inside in masks(shown, hidden):
            self._mount(self._empty_folder if path.is_dir() else self._empty_file, inside)

    def show_one(self, path: Path, inside: Path) -> None:
        """Show a file or a folder."""
        if path.is_dir():
            self._place_folder(inside)
        else:
            self._place_folder(inside.parent)
            (self._root / inside.relative_to("/")).touch()
        self._mount(path, inside)

    def _place_folder(self, inside: Path) -> None:
        (self._root / inside.relative_to("/")).mkdir(parents=True, exist_ok=True)

    def _mount(self, path: Path, inside: Path) -> None:
        options: list[JsonValue] = ["rbind", "ro", "nosuid", "nodev"]
        mount: JsonObject = {"type": "bind", "source": str(path), "destination": str(inside)}
        self._mounts.append({**mount, "options": options})

    def write(self, command: Sequence[str], variables: Mapping[str, str]) -> None:
        """Cover what gVisor would add, and write the description of the container."""
        for name in _ADDED:
            # What lies in /tmp is shown, and so nothing is added there.
            if not any((self._root / name).glob("*")):
                self._place_folder(Path("/", name))
                self._mount(self._empty_folder, Path("/", name))
        # Whatever the server's umask leaves to others: inside, the zygote is one of them.
        for path in (self._empty_folder, self._empty_file, self._root, *self._root.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755)
        config = _config(command, variables, self._mounts)
        (self._folder / "config.json").write_text(json.dumps(config))


def _config(
    command: Sequence[str], variables: Mapping[str, str], mounts: Sequence[JsonValue]
) -> JsonObject:
    rights: JsonObject = {
        name: list(_RIGHTS) for name in ("bounding", "effective", "permitted", "inheritable")
    }
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": list(command),
            "env": [f"{name}={value}" for name, value in variables.items()],
            "cwd": "/",
            "capabilities": rights,
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "hostname": "grader",
        "mounts": list(mounts),
        "linux": {"namespaces": [{"type": kind} for kind in _NAMESPACES]},
    }
