"""The local model and evald as the demo runs them, with everything they write in one folder."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from shutil import disk_usage
from urllib.request import urlopen

from demo.ending import DemoFailed
from demo.local_model import SLOTS
from demo.processes import Child, is_free, start, wait_until_ready

MB = 1_000_000
SPACE_WANTED = 20 * MB
"""Bytes that must be free on the disk; a demo writes 2 MB."""


@dataclass(frozen=True)
class Home:
    """The demo's folder."""

    folder: Path

    @property
    def data(self) -> Path:
        """The folder of evald's database."""
        return self.folder / "data"


@contextmanager
def own_folder(home: Home) -> Iterator[None]:
    """Hold the demo's folder. Raises DemoFailed if another demo does, or nothing can be written."""
    with ExitStack() as held:
        try:
            home.data.mkdir(parents=True, exist_ok=True)
            hold(held.enter_context((home.folder / "lock").open("a+b", buffering=0)), home)
        except OSError as error:
            raise DemoFailed(
                f"Nothing can be written in {home.folder}/: {error.strerror}."
            ) from None
        yield


def hold(lock: RawIOBase, home: Home) -> None:
    """Lock this file and write our process into it. Raises DemoFailed or OSError."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.seek(0)
        process = (lock.read() or b"").decode()
        raise DemoFailed(
            f"Another demo is running in {home.folder}/, as process {process}. "
            "Stop it first, by Ctrl-C in its terminal."
        ) from None
    lock.truncate(0)
    lock.write(str(os.getpid()).encode())
    if (free := disk_usage(home.folder).free) < SPACE_WANTED:
        raise DemoFailed(
            f"The disk of {home.folder}/ is full: {free // MB} MB are free, "
            f"and the demo wants {SPACE_WANTED // MB} MB."
        )


@dataclass(frozen=True)
class ModelServer:
    """The local model's server."""

    child: Child
    base_url: str
    """With `/v1` at its end."""

    def busy_slots(self) -> int:
        """Give how many of its slots are generating now, as it says itself. Raises DemoFailed."""
        try:
            with urlopen(self.base_url.removesuffix("/v1") + "/slots", timeout=10) as answer:
                return sum(slot["is_processing"] for slot in json.load(answer))
        except OSError as error:
            raise DemoFailed(f"The local model: {error}. {self.child.end_of_log()}") from error


def start_model(children: list[Child], home: Home) -> ModelServer:
    """Start the local model and give it once it answers. Raises DemoFailed."""
    command = ["demo.local_model", "--port", "0"]
    child = start("The local model", command, home.folder / "model.log")
    children.append(child)
    return ModelServer(child, wait_until_ready(child, "ready: "))


def start_evald(
    children: list[Child], home: Home, model: ModelServer, port: int
) -> tuple[Child, str]:
    """Start evald with this model, on this port if it is free; give its process and its URL.

    Raises DemoFailed.
    """
    config = home.folder / "evald.toml"
    config.write_text(provider_table(model.base_url))
    options = ["--host", "127.0.0.1", "--port", str(port if is_free(port) else 0)]
    files = ["--data-dir", str(home.data), "--config", str(config)]
    child = start("evald", ["evald", "serve", *options, *files], home.folder / "evald.log")
    children.append(child)
    return child, wait_until_ready(child, "evald is ready at ")


def provider_table(base_url: str) -> str:
    """Give the config file: the model's endpoint, and as many calls at once as it has slots.

    More calls would only wait in the model server. llama.cpp sees that a client has left when it
    has a token for it, so a waiting call of a canceled run still has its prompt read first.
    """
    return f'[providers.local]\nbase_url = "{base_url}"\nmax_concurrency = {SLOTS}\n'
