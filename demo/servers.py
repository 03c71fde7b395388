"""The local model and evald as the demo runs them, with everything they write under `.demo/`."""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.request import urlopen

from demo.local_model import SLOTS
from demo.processes import (
    Child,
    DemoFailed,
    announced_url,
    answering_url,
    free_port,
    start,
    wait_until_ready,
)

HOME = Path(".demo")
DATA = HOME / "data"


@contextmanager
def own_folder() -> Iterator[None]:
    """Hold the demo's folder; two demos over one database would both carry out its runs."""
    DATA.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFailed("Another demo is running in this folder. Stop it first.") from None
        yield


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


def start_model(children: list[Child]) -> ModelServer:
    """Start the local model and give it once it answers. Raises DemoFailed."""
    log = HOME / "model.log"
    child = start("The local model", ["demo.local_model", "--port", "0"], log)
    children.append(child)
    return ModelServer(child, wait_until_ready(child, lambda: announced_url(log)))


def start_evald(children: list[Child], model: ModelServer) -> tuple[Child, str]:
    """Start evald with this model; give its process and URL once it answers. Raises DemoFailed."""
    config = HOME / "evald.toml"
    config.write_text(provider_table(model.base_url))
    port = free_port()
    options = ["--host", "127.0.0.1", "--port", str(port)]
    files = ["--data-dir", str(DATA), "--config", str(config)]
    child = start("evald", ["evald", "serve", *options, *files], HOME / "evald.log")
    children.append(child)
    url = f"http://127.0.0.1:{port}"
    return child, wait_until_ready(child, lambda: answering_url(url, "/healthz"))


def provider_table(base_url: str) -> str:
    """Give the config file: the model's endpoint, and as many calls at once as it has slots.

    More calls would only wait in the model server. llama.cpp sees that a client has left when it
    has a token for it, so a waiting call of a canceled run still has its prompt read first.
    """
    return f'[providers.local]\nbase_url = "{base_url}"\nmax_concurrency = {SLOTS}\n'
