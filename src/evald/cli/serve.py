"""`evald serve`: bind the port, start everything, serve until a signal comes."""

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import click
import uvicorn
import uvloop

from evald.api.hosts import is_loopback
from evald.assembly import running_app
from evald.cli.process import cancel_on_signal, on_signal, spare_the_collector
from evald.errors import CannotStart
from evald.logs import set_up_logs
from evald.settings import Settings
from evald.store.place import ONLY_OURS, place_of

GRACE = 5
"""Seconds that requests under way get when the server stops."""


def serve_until_stopped(settings: Settings) -> None:
    """Serve until SIGINT or SIGTERM. Raises CannotStart with what to change."""
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
    cancel_on_signal()
    leaving, hurry = asyncio.Event(), asyncio.Event()
    async with running_app(settings, port, leaving, hurry) as app:
        spare_the_collector()
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

        def stop(number: int, frame: FrameType | None) -> None:
            if server.should_exit:
                hurry.set()
            leaving.set()
            server.handle_exit(number, frame)

        on_signal(stop)
        await server.serve(sockets=[listener])


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
        place = place_of(self._settings)
        folder = self._settings.data_dir.absolute()
        click.echo(
            f"Its data is in {place.shown if place.file is None else folder}. Ctrl-C stops it."
        )
        if not is_loopback(self._settings.host) and not self._settings.public_url:
            click.echo(
                "Set EVALD_PUBLIC_URL to the URL under which others reach it, for report_url."
            )
        if not self._settings.providers and not self._settings.upstream_base_url:
            click.echo("No model endpoint is set, so runs can only grade the samples they bring.")
            click.echo("Set EVALD_UPSTREAM_BASE_URL, or providers in a config file, to sample.")
