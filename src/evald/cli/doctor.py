"""`evald doctor`: look at everything that a server on this machine needs, and say what is wrong."""

import asyncio
import platform
import shutil
import textwrap
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import click

from evald import __version__
from evald.assembly import hidden_from_programs
from evald.cli.findings import (
    Finding,
    Mark,
    of_aliases,
    of_data,
    of_embeddings,
    of_isolation,
    of_packages,
    of_provider,
    of_settings,
    of_wordnet,
)
from evald.errors import CannotStart
from evald.logs import set_up_logs
from evald.sampling.configured import providers_of
from evald.sampling.connections import open_connections
from evald.sandbox.python_sandboxes import PythonSandboxes
from evald.settings import Settings, read_settings

COLORS: Final[dict[Mark, str]] = {"ok": "green", "-": "yellow", "wrong": "red"}
NAMES_WIDTH: Final = 20
NARROWEST: Final = 60
WIDEST: Final = 100


def examine(data_dir: Path | None, config: Path | None, *, lists_escapes: bool) -> bool:
    """Print what is found of each thing as soon as it is known, and give whether all is well."""
    set_up_logs("error", "console")  # what else would be logged is told
    click.echo(f"evald {__version__}, Python {platform.python_version()}, {platform.platform()}\n")
    wrong = asyncio.run(_examine(data_dir, config, lists_escapes=lists_escapes))
    click.echo()
    things = "1 thing is" if wrong == 1 else f"{wrong} things are"
    click.echo(f"{things} wrong." if wrong else "Nothing is wrong.")
    return not wrong


async def _examine(data_dir: Path | None, config: Path | None, *, lists_escapes: bool) -> int:
    wrong = 0
    async for finding in _findings(data_dir, config, lists_escapes=lists_escapes):
        _print(finding)
        wrong += finding.mark == "wrong"
    return wrong


async def _findings(
    data_dir: Path | None, config: Path | None, *, lists_escapes: bool
) -> AsyncIterator[Finding]:
    settings: Settings | None = None
    try:
        settings = read_settings(data_dir=data_dir, config=config)
        yield of_settings(settings)
        yield await of_data(settings)
        async for finding in _of_models(settings):
            yield finding
    except CannotStart as error:  # what needs no settings is looked at all the same
        yield Finding("wrong", "settings", str(error).splitlines())
    yield of_wordnet()
    yield await _of_sandboxes(settings, lists_escapes=lists_escapes)
    yield of_packages()


async def _of_models(settings: Settings) -> AsyncIterator[Finding]:
    providers = providers_of(settings)
    async with open_connections() as connections:
        asking = [of_provider(each, connections.kept) for each in providers]
        for finding in await asyncio.gather(*asking):
            yield finding
    if not providers:
        says = "none is set, so runs can only grade the samples they bring."
        yield Finding("-", "providers", [f"{says} EVALD_UPSTREAM_BASE_URL names one."])
    yield of_aliases(settings, providers)
    yield of_embeddings(settings, providers)


async def _of_sandboxes(settings: Settings | None, *, lists_escapes: bool) -> Finding:
    sandboxes = PythonSandboxes(hidden=hidden_from_programs(settings) if settings else ())
    try:
        return of_isolation(await sandboxes.isolation(), lists_escapes=lists_escapes)
    finally:
        await sandboxes.close()


def _print(finding: Finding) -> None:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    mark = click.style(f"{finding.mark:<6}", fg=COLORS[finding.mark], bold=True)
    indent = " " * (6 + NAMES_WIDTH)
    wrapping = textwrap.TextWrapper(
        max(width, NARROWEST),
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,  # paths and addresses are to be copied
        break_on_hyphens=False,
    )
    lines = [line for paragraph in finding.told for line in wrapping.wrap(paragraph)]
    first, *others = lines or [indent]
    click.echo(f"{mark}{finding.name:<{NAMES_WIDTH}}{first[len(indent) :]}")
    for line in others:
        click.echo(line)
