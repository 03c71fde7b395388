"""Isolation by Landlock and seccomp, for machines that let nobody make namespaces, as Docker does.

A row reads Python and its packages, and can open no other file; it writes nothing at all, so there is no
scratch space. Other processes, sockets and signals are closed to it by the filter of system calls alone.
What it can still find out is which files exist, their sizes and times: Landlock does not guard those.
"""

import ctypes
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from evald.contract.json_types import JsonValue
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
from evald.sandbox.visible import Visible, closed_to_others

NAME: Final = "landlock"

_CREATE_RULESET: Final = 444
_WHICH_VERSION: Final = 1

_WRITE_FILE: Final = 1 << 1
_READ_FILE: Final = 1 << 2
_READ_DIR: Final = 1 << 3
_DEVICES: Final = {
    "/dev/null": _READ_FILE | _WRITE_FILE,
    "/dev/zero": _READ_FILE,
    "/dev/random": _READ_FILE,
    "/dev/urandom": _READ_FILE,
}

# What each version of Landlock can forbid: all of it is forbidden.
_FIRST_FILES: Final = (1 << 13) - 1
_LATER_FILES: Final = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_FIRST_THAT_KEEPS_FILES: Final = 3
"""Before this version (Linux 6.2) a file that may be read can be emptied by opening it."""
_TCP: Final = (4, 0b11)
_SIGNALS_AND_ABSTRACT_SOCKETS: Final = (6, 0b11)


def landlock(visible: Visible, hidden: Sequence[Path], limits: Limits) -> Backend:
    """Give the backend. Raises CannotIsolate, also when what is to be hidden lies in what is seen."""
    version = _version()
    shown = (*visible.paths, *visible.nltk_data)
    for path in hidden:
        if path.exists() and any(path.resolve().is_relative_to(each.resolve()) for each in shown):
            raise CannotIsolate(f"Landlock cannot hide {path}, which lies in a folder of Python's.")
    as_root = os.geteuid() == 0 and knows_user(UNNAMED_USER)
    if as_root and (closed := closed_to_others(shown)):
        raise CannotIsolate(f"Python lies in {closed}, where only root can look.")
    settings = zygote_settings(
        limits,
        user=UNNAMED_USER if as_root else None,
        scratch_owner=None,
        added={
            "packages": list(visible.packages),
            "landlock": {"forbidden": _forbidden(version), "allowed": list(_allowed(shown))},
        },
    )
    return Backend(
        NAME,
        (str(visible.python), *PYTHON_OPTIONS, str(ZYGOTE)),
        settings,
        limits,
        environment([str(folder) for folder in visible.nltk_data], home="/"),
    )


def _version() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    version: int = libc.syscall(
        _CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_WHICH_VERSION)
    )
    if version < 1:
        raise CannotIsolate("This kernel has no Landlock, or it is switched off.")
    if version < _FIRST_THAT_KEEPS_FILES:
        raise CannotIsolate(
            "This kernel's Landlock keeps no file from being emptied: Linux 6.2 does."
        )
    return version


def _forbidden(version: int) -> list[JsonValue]:
    """Give the three sets of what is forbidden, as many as this version knows."""
    files = _FIRST_FILES | sum(right for since, right in _LATER_FILES if version >= since)
    others = [rights for since, rights in (_TCP, _SIGNALS_AND_ABSTRACT_SOCKETS) if version >= since]
    return [files, *others]


def _allowed(shown: Sequence[Path]) -> Iterator[JsonValue]:
    for path in shown:
        yield [str(path), _READ_FILE | _READ_DIR if path.is_dir() else _READ_FILE]
    for device, rights in _DEVICES.items():
        yield [device, rights]
