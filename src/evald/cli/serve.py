"""`evald serve`: bind the port, start everything, serve until a signal comes."""

import asyncio
import gc
import os
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import click
import uvicorn
import uvloop

from evald.assembly import is_loopback, running_app
from evald.errors import CannotStart
from evald.logs import set_up_logs
from evald.settings import Settings, read_settings
from evald.store.place import ONLY_OURS

GRACE = 5
"""Seconds that requests under way get when the server stops."""


def serve_until_stopped(
    *, host: str | None, port: int | None, data_dir: Path | None, config: Path | None
) -> None:
    """Serve until SIGINT or SIGTERM. Raises CannotStart with what to change."""
    settings = read_settings(host=host, port=port, data_dir=data_dir, config=config)
    set_up_logs(settings.log_level, settings.log_format)
    os.umask(ONLY_OURS)
    with (
        _bound(settings.host, settings.port) as listener,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        suppress(asyncio.CancelledError),  # a signal came before the server was ready
    ):
        runner.run(_serve(settings, listener))
    click.echo("evald has stopped.")


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # The protocol is named: without it asyncio leaves Nagle's algorithm on, and every answer on a kept
    # connection waits 40 ms.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host.strip("[]"), port))
    except OSError as error:
        listener.close()
        raise CannotStart(
            f"The address {host}:{port} cannot be used: {error.strerror}. "
            "Choose another with --port; 0 takes a free one."
        ) from None
    return listener


async def _serve(settings: Settings, listener: socket.socket) -> None:
    port: int = listener.getsockname()[1]
    _cancel_on_signal()
    async with running_app(settings, port) as app:
        _spare_the_collector()
        config = uvicorn.Config(
            app,
            http="httptools",
            lifespan="off",
            access_log=False,
            server_header=False,
            log_config=None,
            log_level="warning",
            timeout_graceful_shutdown=GRACE,
        )
        server = _AnnouncingServer(config, settings)
        _on_signal(server.handle_exit)
        await server.serve(sockets=[listener])


def _spare_the_collector() -> None:
    """Keep the garbage collector away from what lives as long as the process, and call it less often.

    With Python's own settings it took 15 % of a run's time (benchmarks/throughput.py): each of its
    full passes goes over all modules, routes and statements, some 80 ms in which nothing is served.
    The command has kept it off since its start, of whose time it took a fifth.
    """
    gc.freeze()
    gc.set_threshold(50_000, 10, 10)
    gc.enable()


def _cancel_on_signal() -> None:
    """Have a signal end the start; what has been opened is closed on the way out."""
    starting = asyncio.current_task()
    assert starting is not None

    def cancel(number: int, frame: FrameType | None) -> None:
        _on_signal(_ignore)  # a second signal does not cut the closing short
        starting.cancel()

    _on_signal(cancel)


def _ignore(number: int, frame: FrameType | None) -> None:
    pass


def _on_signal(act: Callable[[int, FrameType | None], None]) -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, act, number, None)


class _AnnouncingServer(uvicorn.Server):
    """Says where it is reached as soon as it is, and leaves the signals to us."""

    def __init__(self, config: uvicorn.Config, settings: Settings) -> None:
        super().__init__(config)
        self._settings = settings

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal: uvicorn would send it again at its end, while there is work to close."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, and say so."""
        await super().startup(sockets)
        host, port = (sockets or self.servers[0].sockets)[0].getsockname()[:2]
        url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        click.echo(f"evald is ready at {url}, for SDKs as base_url {url}/v1")
        click.echo(f"Its data is in {self._settings.data_dir.absolute()}. Ctrl-C stops it.")
        if not is_loopback(self._settings.host) and not self._settings.public_url:
            click.echo(
                "Set EVALD_PUBLIC_URL to the URL under which others reach it, for report_url."
            )
        if not self._settings.providers and not self._settings.upstream_base_url:
            click.echo("No model endpoint is set, so runs can only grade the samples they bring.")
            click.echo("Set EVALD_UPSTREAM_BASE_URL, or providers in a config file, to sample.")
