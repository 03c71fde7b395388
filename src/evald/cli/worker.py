"""`evald worker`: carry out chunks for the servers of a Postgres until a signal comes."""

import asyncio
import os
from contextlib import suppress
from types import FrameType

import click
import uvloop

from evald.assembly import running_worker
from evald.cli.process import cancel_on_signal, on_signal, spare_the_collector
from evald.logs import set_up_logs
from evald.settings import Settings
from evald.store.place import ONLY_OURS, place_of


def work_until_stopped(settings: Settings) -> None:
    """Take chunks until SIGINT or SIGTERM. Raises CannotStart with what to change."""
    set_up_logs(settings.log_level, settings.log_format)
    os.umask(ONLY_OURS)
    with (
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
        suppress(asyncio.CancelledError),  # a signal came before the worker was ready
    ):
        runner.run(_work(settings))
    click.echo("The evald worker has stopped.")


async def _work(settings: Settings) -> None:
    cancel_on_signal()
    stopped, hurry = asyncio.Event(), asyncio.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        if stopped.is_set():
            hurry.set()
        stopped.set()

    async with running_worker(settings, hurry):
        spare_the_collector()
        on_signal(stop)
        click.echo(
            f"evald worker is ready: it takes chunks from {place_of(settings).shown}, "
            f"{settings.worker_concurrency} at once. Ctrl-C stops it."
        )
        if not settings.providers and not settings.upstream_base_url:
            click.echo("No model endpoint is set, so runs that ask a model are left to others.")
            click.echo(
                "Set EVALD_UPSTREAM_BASE_URL, or providers in a config file, as the servers have."
            )
        await stopped.wait()
