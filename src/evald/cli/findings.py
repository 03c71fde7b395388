"""What `evald doctor` looks at: each function gives what it found of one thing, and changes nothing."""

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Final, Literal

import aiohttp
import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.errors import CannotStart, GraderFailed
from evald.graders.metrics.wordnet import installed_wordnet
from evald.sampling.models import LARGEST_LIST
from evald.sampling.providers import Provider, route_of
from evald.sandbox.interface import Isolation, Trial
from evald.settings import Settings
from evald.store.database import open_database
from evald.store.lock import number_of_users
from evald.store.migrate import check_file, refusing_broken
from evald.store.place import Place, place_of

Mark = Literal["ok", "-", "wrong"]
"""`-` is something that is not there, and need not be."""

ANSWERED_WITHIN: Final = 10
"""Seconds that a model endpoint has to say that it is there."""
LITTLE_ROOM: Final = 1_000_000_000
"""Bytes of a disk on which a server soon has to wait for room."""
EXTRA: Final = "grader-packages"


@dataclass(frozen=True)
class Finding:
    """What was found of one thing, in paragraphs; what to do comes last."""

    mark: Mark
    name: str
    told: Sequence[str]


def of_settings(settings: Settings) -> Finding:
    """Say where the settings come from; that they can be read is known."""
    file = "no config file" if settings.config is None else str(settings.config.absolute())
    return Finding("ok", "settings", [f"{file}, and the environment"])


async def of_data(settings: Settings) -> Finding:
    """Look at the place of the database."""
    try:
        place = place_of(settings)
        if place.file is None:
            return Finding("ok", "data", [await _of_postgres(place)])
        return _of_file(place.file.absolute())
    except CannotStart as error:
        return Finding("wrong", "data", [str(error)])


async def _of_postgres(place: Place) -> str:
    database = open_database(place.url)
    try:
        with refusing_broken():
            version, size = await database.read(_version_and_size)
            users = await database.read(number_of_users)
    finally:
        await database.close()
    used = f"used by {users} evald process{'' if users == 1 else 'es'} now"
    return f"{place.shown}, Postgres {version}; {size / 1e6:,.1f} MB; {used}"


async def _version_and_size(connection: AsyncConnection) -> tuple[str, int]:
    found = await connection.execute(
        text("SELECT current_setting('server_version'), pg_database_size(current_database())")
    )
    version, size = found.one()
    return version, size


def _of_file(file: Path) -> Finding:
    if not _can_be_written(file):
        raise CannotStart(f"{file} cannot be written. Choose another place with --data-dir.")
    if file.exists():
        check_file(file)
    room = shutil.disk_usage(_nearest_folder(file)).free
    size = f"{file.stat().st_size / 1e6:,.1f} MB" if file.exists() else "not made yet"
    told = f"{file}, {size}; {room / 1e9:,.1f} GB of room"
    if room < LITTLE_ROOM:
        return Finding("wrong", "data", [told, "Make room: runs wait while there is none."])
    return Finding("ok", "data", [told])


def _can_be_written(file: Path) -> bool:
    folder = _nearest_folder(file)
    is_writable = folder.is_dir() and os.access(folder, os.W_OK | os.X_OK)
    return is_writable and (not file.exists() or os.access(file, os.R_OK | os.W_OK))


def _nearest_folder(file: Path) -> Path:
    return next(each for each in file.parents if each.exists())


async def of_provider(provider: Provider, session: aiohttp.ClientSession) -> Finding:
    """Ask a model endpoint for its list of models, with its key, as a server does."""
    try:
        async with session.get(
            f"{provider.base_url}/models",
            headers=provider.headers(),
            timeout=aiohttp.ClientTimeout(total=ANSWERED_WITHIN),
            allow_redirects=False,
        ) as answer:
            mark, told = _answered(answer.status, await answer.content.read(LARGEST_LIST))
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        reason = provider.without_key(str(error)) or f"no answer in {ANSWERED_WITHIN} s"
        mark, told = "wrong", f"cannot be reached: {reason}"
    return Finding(mark, f"provider {provider.name}", [f"{provider.base_url} {told}"])


def _answered(status: int, body: bytes) -> tuple[Mark, str]:
    if status in (401, 403):
        return "wrong", f"answered {status}: it does not take the key"
    if status >= 500 or 300 <= status < 400:
        return "wrong", f"answered {status}"
    try:
        number = len(orjson.loads(body)["data"])
    except (ValueError, TypeError, LookupError):
        return "-", f"answered {status}; it does not list its models"
    return "ok", f"lists {number:,} {'model' if number == 1 else 'models'}"


def of_aliases(settings: Settings, providers: Sequence[Provider]) -> Finding:
    """Say which names stand for other models, and where those are asked."""
    routes = {name: route_of(name, providers, settings.aliases) for name in settings.aliases}
    lost = [name for name, route in routes.items() if route is None]
    if lost:
        told = [f"'{name}': no provider serves '{settings.aliases[name]}'." for name in lost]
        return Finding("wrong", "aliases", [*told, "Add the name to the models of one."])
    told = [
        f"'{name}' is '{route.model}' at the provider {route.provider.name}"
        for name, route in routes.items()
        if route is not None
    ]
    return Finding("ok" if told else "-", "aliases", told or ["none is set."])


def of_embeddings(settings: Settings, providers: Sequence[Provider]) -> Finding:
    """Say which model makes embeddings; that it is there at its endpoint is not asked."""
    model = settings.embeddings_model
    if model is None:
        says = "no model is set, so there is no metric cosine. EVALD_EMBEDDINGS_MODEL names one."
        return Finding("-", "embeddings", [says])
    route = route_of(model, providers, settings.aliases)
    if route is None:
        says = f"no provider serves '{model}'. Add the name to the models of one."
        return Finding("wrong", "embeddings", [says])
    return Finding("ok", "embeddings", [f"'{model}' at the provider {route.provider.name}"])


def of_wordnet() -> Finding:
    """Look for the data of the metric meteor."""
    try:
        installed_wordnet()
    except GraderFailed as error:
        return Finding("-" if error.code == "wordnet_missing" else "wrong", "wordnet", [str(error)])
    return Finding("ok", "wordnet", ["found, for the metric meteor"])


def of_isolation(isolation: Isolation, *, lists_escapes: bool) -> Finding:
    """Say what the self-test of the sandboxes found, and what to install where nothing holds."""
    tried = [line for trial in isolation.trials for line in _tried(trial, lists_escapes)]
    if isolation.backend is not None:
        return Finding("ok", "python graders", [f"isolated by {isolation.backend}", *tried])
    refused = "refused, since nothing here isolates their code"
    return Finding("-", "python graders", [refused, *tried, isolation.advice or ""])


def _tried(trial: Trial, lists_escapes: bool) -> Iterator[str]:
    number = len(trial.held)
    if trial.refused is not None:
        yield f"{trial.backend} is not used: {trial.refused}"
    if number:
        which = "each" if trial.refused is None else "these"
        yield f"{number:,} escapes were tried there, and {which} failed."
    if lists_escapes:
        yield from (f"  {escape}" for escape in trial.held)


def of_packages() -> Finding:
    """Say which packages of the extra the programs of python graders can import."""
    names = [
        match.group()
        for line in requires("evald") or []
        if EXTRA in line and (match := re.match(r"[A-Za-z0-9_.-]+", line))
    ]
    found = {name: _version(name) for name in dict.fromkeys(names)}
    there = [f"{name} {number}" for name, number in found.items() if number]
    missing = [name for name, number in found.items() if not number]
    told = [f"{len(there)} of {len(found)} for python graders: {', '.join(there)}"]
    if missing:
        told.append(f"Missing: {', '.join(missing)}.")
        told.append(f"In evald's checkout: .venv/bin/python -m pip install -e '.[{EXTRA}]'")
    return Finding("-" if missing else "ok", "packages", told)


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
