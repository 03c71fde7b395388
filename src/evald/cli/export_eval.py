"""`evald export eval`: write evals of a running server, with their runs, as an archive."""

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path

from yarl import URL

from evald.archive.folder import is_safe
from evald.archive.pull import Pull
from evald.archive.source import Address, Manners
from evald.cli.archiving import Archiving, CannotArchive, archive
from evald.cli.running_server import RunningServer, ServerFailed


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
    """Write the archive, say what became of it, and give the exit status. Raises CannotArchive."""
    _check(options)

    def wanted(pull: Pull, origin: str) -> Awaitable[None]:
        if options.all:
            return pull.everything(origin, with_completions=False)
        return pull.evals(origin, dict.fromkeys(options.eval_ids, options.run))

    return archive(Archiving(options.out, _address(options), Manners(), wanted))


def _check(options: Options) -> None:
    if options.all == bool(options.eval_ids):
        raise CannotArchive("Name the evals, or say --all, and not both.")
    if options.run and len(options.eval_ids) != 1:
        raise CannotArchive("--run is for the runs of one eval: name that eval alone.")
    for each in (*options.eval_ids, *options.run):
        if not is_safe(each):
            raise CannotArchive(f"{each[:80]!r} is no id.")


def _address(options: Options) -> Address:
    try:
        server = RunningServer.at(options.url, options.api_key, options.project)
    except ServerFailed as error:
        raise CannotArchive(str(error)) from None
    headers = {"accept": "application/json", **server.headers}
    return Address(URL(f"{server.url.geturl()}/v1"), headers, server.key)
