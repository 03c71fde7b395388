"""Where the registry lies: a checkout, an installed package, or its wheel, which is not unpacked.

Nothing of it is imported, and all of it is taken for hostile: a path never leads out of the package's
folder, links are not followed, and only so much of a file is read.
"""

import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from errno import ELOOP
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import IO, Final, Protocol

PACKAGE: Final = "evals"
UNKNOWN_VERSION: Final = "unknown"
LARGEST_TEXT: Final = 1024 * 1024
"""Bytes of a file that is read at once; the largest of the package has 15,000."""
HOW_TO_GET: Final = (
    f"Install it with `pip install --no-deps {PACKAGE}`, or name a checkout of openai/evals, or the "
    "wheel of the package, with --from."
)

_VERSION = re.compile(r'^version\s*[:=]\s*"?([A-Za-z0-9.+!_-]{1,60})"?\s*$', re.MULTILINE | re.I)


class NoRegistry(Exception):
    """There is no registry where it was looked for. The message says what to do."""


class Unreadable(Exception):
    """One file of the registry cannot be read. The message says why, without its name."""


class RegistryFiles(Protocol):
    """The files of the package `evals`; paths are relative to its folder and have `/`."""

    version: str

    def names(self, folder: str) -> list[str]:
        """Give the names of the files in a folder, sorted; none where there is no such folder."""
        ...

    def opened(self, path: str) -> IO[bytes]:
        """Open a file. Raises Unreadable."""
        ...


def text_of(files: RegistryFiles, path: str) -> str:
    """Give a small file as text. Raises Unreadable."""
    with told(), closing(files.opened(path)) as file:
        content = file.read(LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        raise Unreadable(f"it is larger than {LARGEST_TEXT:,} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is no UTF-8: {error.reason} at byte {error.start:,}") from None


@contextmanager
def told() -> Iterator[None]:
    """Make of what a disk, or a broken zip, brings about an Unreadable with the reason."""
    try:
        yield
    except OSError as error:
        why = "it is a link" if error.errno == ELOOP else error.strerror or str(error)
        raise Unreadable(why) from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise Unreadable(f"the wheel is broken: {error}") from None


def open_registry(place: Path | None) -> RegistryFiles:
    """Give the registry at a place, or that of the installed package. Raises NoRegistry."""
    if place is None:
        return _installed()
    if place.is_dir():
        return _in_folder(place)
    if not place.is_file():
        raise NoRegistry(f"There is no {place}. {HOW_TO_GET}")
    try:
        wheel = Wheel(place)
    except (OSError, zipfile.BadZipFile) as error:
        raise NoRegistry(f"{place} is no wheel: {error}. {HOW_TO_GET}") from None
    if not wheel.names("registry/evals"):
        raise NoRegistry(f"{place} holds no registry of openai/evals. {HOW_TO_GET}")
    return wheel


def _installed() -> "Folder":
    spec = find_spec(PACKAGE)  # the package itself is not imported: what it needs is not installed
    for place in (spec and spec.submodule_search_locations) or []:
        if (Path(place) / "registry" / "evals").is_dir():
            try:
                return Folder(Path(place), metadata.version(PACKAGE))
            except metadata.PackageNotFoundError:
                return Folder(Path(place), UNKNOWN_VERSION)
    raise NoRegistry(f"The package {PACKAGE} is not installed. {HOW_TO_GET}")


def _in_folder(place: Path) -> "Folder":
    for package in (place / PACKAGE, place, *([place.parent] if place.name == "registry" else [])):
        if (package / "registry" / "evals").is_dir():
            return Folder(package, _version_beside(package.parent))
    raise NoRegistry(f"{place} holds no registry of openai/evals. {HOW_TO_GET}")


def _version_beside(folder: Path) -> str:
    """Give the version that a checkout, or an installation, says of itself."""
    found = sorted(folder.glob(f"{PACKAGE}-*.dist-info/METADATA"))
    for file in (*found, folder / "pyproject.toml"):
        try:
            with file.open("rb") as opened:
                head = opened.read(16 * 1024).decode(errors="replace")
        except OSError:
            continue
        if version := _VERSION.search(head):
            return version.group(1)
    return UNKNOWN_VERSION


def _parts(path: str) -> list[str]:
    parts = path.split("/")
    if any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in parts):
        raise Unreadable("its path leads out of the registry")
    return parts


class Folder:
    """A registry whose files lie in a folder."""

    def __init__(self, package: Path, version: str) -> None:
        """Take the folder of the package, of this version."""
        self.version = version
        self._package = package

    def names(self, folder: str) -> list[str]:
        """Give the names of the files in a folder, sorted; none where there is no such folder."""
        try:
            with self._at(folder, os.O_DIRECTORY) as opened, os.scandir(opened) as entries:
                return sorted(each.name for each in entries if each.is_file(follow_symlinks=False))
        except OSError:
            return []

    def opened(self, path: str) -> IO[bytes]:
        """Open a file. Raises Unreadable; for a link, too."""
        with told(), self._at(path, os.O_NONBLOCK) as opened:  # a pipe would wait for ever
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise Unreadable("it is no file")
            return os.fdopen(os.dup(opened), "rb")

    @contextmanager
    def _at(self, path: str, flags: int) -> Iterator[int]:
        opened = os.open(self._package, os.O_RDONLY | os.O_DIRECTORY)
        try:
            parts = _parts(path)
            for number, part in enumerate(parts, start=1):
                kind = flags if number == len(parts) else os.O_DIRECTORY
                inner = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | kind, dir_fd=opened)
                os.close(opened)
                opened = inner
            yield opened
        finally:
            os.close(opened)


class Wheel:
    """A registry in the wheel of its package, of which only what is asked for is unpacked."""

    def __init__(self, file: Path) -> None:
        """Read its list of members. Raises OSError, BadZipFile."""
        self._zip = zipfile.ZipFile(file)
        self.version = self._version()

    def names(self, folder: str) -> list[str]:
        """Give the names of the files in a folder, sorted; none where there is no such folder."""
        start = f"{PACKAGE}/{folder}/"
        inside = (name[len(start) :] for name in self._zip.namelist() if name.startswith(start))
        return sorted(name for name in set(inside) if name and "/" not in name)

    def opened(self, path: str) -> IO[bytes]:
        """Open a file. Raises Unreadable."""
        with told():
            try:
                return self._zip.open("/".join([PACKAGE, *_parts(path)]))
            except KeyError:
                raise Unreadable("No such file or directory") from None

    def _version(self) -> str:
        for name in self._zip.namelist():
            folder, _, rest = name.partition("/")
            if PurePosixPath(folder).suffix == ".dist-info" and rest == "METADATA":
                try:
                    with told(), self._zip.open(name) as file:
                        head = file.read(16 * 1024).decode(errors="replace")
                except Unreadable:
                    return UNKNOWN_VERSION
                found = _VERSION.search(head)
                return found.group(1) if found else UNKNOWN_VERSION
        return UNKNOWN_VERSION
