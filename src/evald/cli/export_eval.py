"""`evald export eval`: write evals of a running server, with their runs, as an archive."""

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from evald import __version__
from evald.archive.folder import is_safe
from evald.archive.pull import Pull
from evald.archive.source import Address, Manners
from evald.cli.archiving import Archiving, CannotPull, archive
from evald.cli.pull import base_url


@dataclass(frozen=True)
class Options:
    """The options of the command, as `evald export eval --help` has them."""

    eval_ids: tuple[str, ...]
    out: Path
    run: tuple[str, ...]
    all: bool
    url: str
    project: str | None
    api_key: str | None


def export_evals(options: Options) -> int:
    """Write the archive, say what became of it, and give the exit status. Raises CannotPull."""
    _check(options)

    def wanted(pull: Pull, origin: str) -> Awaitable[None]:
        if options.all:
            return pull.everything(origin, with_completions=False)
        return pull.evals(origin, dict.fromkeys(options.eval_ids, options.run))

    return archive(Archiving(options.out, _address(options), Manners(), wanted))


def _check(options: Options) -> None:
    if options.all == bool(options.eval_ids):
        raise CannotPull("Name the evals, or say --all, and not both.")
    if options.run and len(options.eval_ids) != 1:
        raise CannotPull("--run is for the runs of one eval: name that eval alone.")
    for each in (*options.eval_ids, *options.run):
        if not is_safe(each):
            raise CannotPull(f"{each[:80]!r} is no id.")


def _address(options: Options) -> Address:
    url = base_url(options.url)
    url = url.with_path(f"{url.path.rstrip('/').removesuffix('/v1')}/v1")
    key = (options.api_key or "").strip() or None
    headers = {"accept": "application/json", "user-agent": f"evald/{__version__}"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    if options.project:
        headers["evald-project"] = options.project
    if not all(value.isascii() and value.isprintable() for value in headers.values()):
        raise CannotPull("Keys and names of projects are printable ASCII.")
    return Address(url, headers, key)
