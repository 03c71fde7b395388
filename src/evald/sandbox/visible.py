"""What of the machine's files a sandbox sees: Python, its packages, their libraries and data."""

import os
import site
import stat
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_LIBRARIES: Final = ("/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/libx32", "/usr/local/lib")
_LINKS: Final = ("/lib", "/lib32", "/lib64", "/libx32")
"""Links into /usr on most systems, folders on older ones."""
_DATA: Final = ("/etc/ld.so.cache", "/etc/alternatives", "/usr/share/zoneinfo")
_NLTK_DATA: Final = tuple(
    Path(under, "nltk_data")
    for under in ("/usr/share", "/usr/local/share", "/usr/lib", "/usr/local/lib")
)


@dataclass(frozen=True, slots=True)
class Visible:
    """Files and folders that exist, to be seen read-only where they are. The rest is not there."""

    python: Path
    """The interpreter of the virtual environment, or of the system."""
    paths: Sequence[Path]
    nltk_data: Sequence[Path]
    packages: Sequence[str]
    """Folders of packages that Python would not look into by itself."""


def visible() -> Visible:
    """Find out what Python graders need on this machine."""
    user_packages = _user_packages()
    paths = [*_system(), *_python(), *user_packages]
    return Visible(
        python=Path(sys.executable),
        paths=[path for path in without_inner(paths) if path.exists()],
        nltk_data=[folder for folder in _nltk_data() if folder.is_dir()],
        packages=[str(path) for path in user_packages],
    )


def closed_to_others(paths: Sequence[Path]) -> Path | None:
    """Give a folder on the way to these that an ordinary user cannot pass, or None."""
    above = (folder for path in paths for folder in path.resolve().parents)
    return next((each for each in above if not each.stat().st_mode & stat.S_IXOTH), None)


def _system() -> Iterator[Path]:
    for name in (*_LIBRARIES, *_LINKS, *_DATA):
        yield Path(name)


def _python() -> Iterator[Path]:
    """Give the folders of libraries and packages: not all of the prefix, which may be anything."""
    for prefix in (sys.prefix, sys.base_prefix, sys.base_exec_prefix):
        yield Path(prefix, "lib")
        yield Path(prefix, "lib64")
    yield Path(sys.prefix, "pyvenv.cfg")
    for name in ("stdlib", "platstdlib", "purelib", "platlib"):
        yield Path(sysconfig.get_path(name))
    if library := sysconfig.get_config_var("LIBDIR"):
        yield Path(library)


def _user_packages() -> list[Path]:
    """Give where `pip install --user` puts packages, if this server itself looks there."""
    folder = site.getusersitepackages()
    return [Path(folder)] if folder in sys.path else []


def _nltk_data() -> Iterator[Path]:
    # NLTK_DATA is nltk's variable, not a setting of evald.
    for folder in os.environ.get("NLTK_DATA", "").split(os.pathsep):
        if folder:
            yield Path(folder)
    yield Path("~/nltk_data").expanduser()
    yield Path(sys.prefix, "nltk_data")
    yield Path(sys.prefix, "share/nltk_data")
    yield from _NLTK_DATA


def without_inner(paths: Sequence[Path]) -> list[Path]:
    """Leave out what is twice there, or lies in a folder that is there anyway."""
    unique = list(dict.fromkeys(paths))
    return [path for path in unique if not any(other in path.parents for other in unique)]


def is_among(path: Path, shown: Mapping[Path, Path]) -> bool:
    """Say whether a path lies in what is shown."""
    return any(path == other or other in path.parents for other in shown)


def masks(shown: Mapping[Path, Path], hidden: Sequence[Path]) -> Iterator[tuple[Path, Path]]:
    """Give what must not be seen and lies in a folder that is, with where it would be seen.

    `shown` has where it is seen for each path.
    """
    there = [path.resolve() for path in hidden if path.exists()]
    for folder, inside in shown.items():
        within = [path for path in there if path.is_relative_to(folder.resolve())]
        # What lies in a folder that is masked is gone with it: nothing can be laid over it.
        for path in without_inner(within):
            yield path, inside / path.relative_to(folder.resolve())
