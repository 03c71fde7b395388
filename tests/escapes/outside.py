"""What lies and listens outside the sandboxes, and must not be reached, read or changed."""

import os
import secrets
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEVICES = [Path("/dev", name) for name in ("null", "zero", "full", "random", "urandom")]
FOLDERS = [Path("/tmp"), Path("/var/tmp"), Path("/dev/shm"), Path("/dev/mqueue")]


@dataclass(frozen=True)
class Outside:
    """Files that anybody may read or write, and services that anybody may reach."""

    mark: str
    """Is in every name and every text."""
    files: Sequence[Path]
    watched: Sequence[Path]
    """Files whose owner, mode, size and time must stay as they are."""
    streams: Sequence[socket.socket]
    datagrams: socket.socket
    path: Path

    @property
    def row(self) -> dict[str, Any]:
        """What an attempt is told of all this."""
        version4, version6 = self.streams[:2]
        return {
            "mark": self.mark,
            "outside": [str(path) for path in self.files],
            "port": version4.getsockname()[1],
            "port6": version6.getsockname()[1],
            "datagrams": self.datagrams.getsockname()[1],
            "path": str(self.path),
            "name": f"{self.mark}-listener",
        }

    def state(self) -> dict[str, object]:
        """Give all that an attempt could have changed; equal to the one before when none did."""
        files: dict[str, object] = {str(path): state_of(path) for path in self.watched}
        texts: dict[str, object] = {
            str(path): path.read_bytes() for path in self.files if path.is_file()
        }
        made: dict[str, object] = {
            str(folder): [name for name in os.listdir(folder) if "escape" in name]
            for folder in FOLDERS
            if folder.is_dir()
        }
        return files | texts | made

    def heard(self) -> list[str]:
        """Give what came to the services."""
        return [str(each.getsockname()) for each in self.streams if has_caller(each)] + (
            ["datagrams"] if has_datagram(self.datagrams) else []
        )


def state_of(path: Path) -> tuple[int, ...]:
    found = path.lstat()
    size = 0 if path.is_dir() else found.st_size
    # Folders and devices are also those of everybody else on this machine.
    changed = found.st_mtime_ns if path.is_file() else 0
    return found.st_mode, found.st_uid, found.st_gid, size, changed, found.st_nlink


@contextmanager
def outside(folder: Path, watched: Sequence[Path]) -> Iterator[Outside]:
    """Set it all up in a folder that everybody can pass."""
    mark = f"outside-{secrets.token_hex(8)}"
    files = list(files_in(folder, mark))
    with ExitStack() as opened:
        streams = [
            opened.enter_context(socket.create_server(("127.0.0.1", 0))),
            opened.enter_context(socket.create_server(("::1", 0), family=socket.AF_INET6)),
        ]
        path = folder / f"{mark}.socket"
        for address in (str(path), f"\0{mark}-listener"):
            listener = opened.enter_context(socket.socket(socket.AF_UNIX))
            listener.bind(address)
            listener.listen()
            streams.append(listener)
        path.chmod(0o777)
        datagrams = opened.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        datagrams.bind(("127.0.0.1", 0))
        yield Outside(mark, files, [*files, *watched, *DEVICES], streams, datagrams, path)


def files_in(folder: Path, mark: str) -> Iterator[Path]:
    for name, mode in {"read": 0o644, "written": 0o666, "executed": 0o755, "closed": 0o600}.items():
        path = folder / f"{mark}-{name}"
        path.write_text(mark)
        path.chmod(mode)
        yield path
    anybody = folder / f"{mark}-anybody"
    anybody.mkdir()
    anybody.chmod(0o1777)
    yield anybody


def has_caller(listener: socket.socket) -> bool:
    listener.setblocking(False)
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def has_datagram(receiver: socket.socket) -> bool:
    receiver.setblocking(False)
    try:
        receiver.recv(64)
    except BlockingIOError:
        return False
    return True
