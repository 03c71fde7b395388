"""Where the database is."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from evald.errors import CannotStart
from evald.settings import Settings

ONLY_OURS: Final = 0o077
"""The umask: what users send and models answer is for nobody else on this machine."""
SQLITE: Final = "sqlite+aiosqlite"
POSTGRES: Final = "postgresql+asyncpg"
SPELLINGS: Final = {"postgres": POSTGRES, "postgresql": POSTGRES}
"""How programs that know one driver write the URL."""
PARAMETERS: Final = frozenset(
    {
        "host",
        "port",
        "user",
        "password",
        "passfile",
        "ssl",
        "command_timeout",
        "target_session_attrs",
    }
)
"""What may follow in the URL of Postgres: what the driver takes as a text."""


@dataclass(frozen=True)
class Place:
    """A database that the settings name; whether it is there, nobody has seen yet."""

    url: str
    """The SQLAlchemy URL, with the password."""

    @property
    def file(self) -> Path | None:
        """The file of SQLite, None for Postgres."""
        url = make_url(self.url)
        return Path(url.database or "") if url.drivername == SQLITE else None

    @property
    def shown(self) -> str:
        """How people are told of it, without a password."""
        url = make_url(self.url)
        if url.drivername == SQLITE:
            return url.database or ""
        # A query may hold secrets, too.
        bare = URL.create("postgresql", None, None, url.host, url.port, url.database)
        return bare.render_as_string()


def place_of(settings: Settings, *, named: str = "EVALD_DATABASE_URL") -> Place:
    """Give the database that is set, or SQLite in the data directory.

    `named` is where it is set, for the message. Raises CannotStart.
    """
    if settings.database_url is None:
        path = settings.data_dir.absolute() / "evald.db"
        # A name may hold what means something in a URL.
        return Place(URL.create(SQLITE, database=str(path)).render_as_string(hide_password=False))
    given = settings.database_url.get_secret_value()
    try:
        url = make_url(given)
        url.get_backend_name()
    except (ArgumentError, ValueError):  # their messages may hold the password
        raise CannotStart(f"{named} is no URL of a database.") from None
    url = url.set(drivername=SPELLINGS.get(url.drivername, url.drivername))
    if url.drivername == POSTGRES and url.database:
        return Place(_as_the_driver_has_it(url, named).render_as_string(hide_password=False))
    if url.drivername == SQLITE and _names_a_file(url):
        return Place(given)
    raise CannotStart(
        f"evald keeps its data in Postgres or in a file of SQLite. Write {named} as "
        "postgresql://USER:PASSWORD@HOST/DATABASE or as sqlite+aiosqlite:////var/lib/evald/evald.db, "
        "or leave it unset."
    )


def _as_the_driver_has_it(url: URL, named: str) -> URL:
    """Give a URL of Postgres with the driver's parameters, `ssl` for `sslmode`. Raises CannotStart."""
    query = {"ssl" if name == "sslmode" else name: value for name, value in url.query.items()}
    if unknown := sorted(query.keys() - PARAMETERS):
        raise CannotStart(
            f"{named} has parameters that evald does not know: {', '.join(unknown)}. It knows "
            f"{', '.join(sorted(PARAMETERS))}, and sslmode as another name of ssl."
        )
    return url.set(query=query)


def _names_a_file(url: URL) -> bool:
    path = url.database or ":memory:"
    return path != ":memory:" and not (url.host or url.username or url.port or url.query)


def make_data_dir(data_dir: Path) -> None:
    """Make the folder of a database, if it is not there. Raises CannotStart."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (OSError, ValueError) as error:  # no path at all: it holds a NUL
        raise CannotStart(f"The data directory cannot be made: {error}.") from None
