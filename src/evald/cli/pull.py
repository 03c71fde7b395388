"""`evald pull openai`: read what OpenAI, Azure or another evald holds into an archive on disk."""

from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from yarl import URL

from evald import __version__
from evald.archive.pull import Pull
from evald.archive.source import Address, Manners
from evald.cli.archiving import Archiving, CannotArchive, archive
from evald.cli.running_server import can_be_sent, key_in

AZURE: Final = (".azure.com", ".azure.us", ".azure.cn")


@dataclass(frozen=True)
class Options:
    """The options of the command, as `evald pull openai --help` has them."""

    out: Path
    base_url: str
    stored_completions: bool
    azure: bool
    concurrency: int
    timeout: float
    tries: int
    api_key: str | None
    azure_api_key: str | None
    organization: str | None
    project: str | None


def pull_into(options: Options) -> int:
    """Read everything, say what became of it, and give the exit status. Raises CannotArchive."""
    address = address_of(options)
    manners = Manners(options.concurrency, options.timeout, options.tries)

    def everything(pull: Pull, origin: str) -> Awaitable[None]:
        return pull.everything(origin, with_completions=options.stored_completions)

    return archive(Archiving(options.out, address, manners, everything))


def address_of(options: Options) -> Address:
    """Give where to ask, with the one key that belongs there. Raises CannotArchive."""
    url = _base_url(options.base_url)
    is_azure = options.azure or str(url.host).endswith(AZURE)
    if is_azure and url.path in ("", "/"):
        url = url.with_path("/openai/v1", keep_query=True)
    key = key_in(options.azure_api_key if is_azure else options.api_key)
    if key is None and (is_azure or url.host == "api.openai.com"):
        name = "AZURE_OPENAI_API_KEY" if is_azure else "OPENAI_API_KEY"
        raise CannotArchive(f"It needs a key: set {name} in the environment.")
    headers = {"accept": "application/json", "user-agent": f"evald/{__version__}"}
    if key is not None:
        headers |= {"api-key": key} if is_azure else {"authorization": f"Bearer {key}"}
    if not is_azure:
        named = {"openai-organization": options.organization, "openai-project": options.project}
        headers |= {name: value for name, value in named.items() if value}
    if not can_be_sent(headers):
        raise CannotArchive("Keys and names of organizations and projects are printable ASCII.")
    return Address(url, headers, key)


def _base_url(text: str) -> URL:
    try:
        url = URL(text)
        is_good = url.scheme in ("http", "https") and bool(url.host)
    except ValueError:
        is_good = False
    if not is_good:
        raise CannotArchive("The base URL is none; write it as https://api.openai.com/v1.")
    if url.user is not None or url.password is not None:
        raise CannotArchive("The base URL holds a password; keys come from the environment.")
    return url
