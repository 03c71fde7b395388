"""The statements on leases: what one holds for some seconds, by the clock of the database.

Who dies, is stopped or loses its connection does not renew what it holds, and others take it.
"""

from typing import Any, Final

from sqlalchemy import (
    ColumnElement,
    Executable,
    Float,
    bindparam,
    delete,
    exists,
    literal,
    literal_column,
    or_,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from evald.store.tables import leases

FORGOTTEN_AFTER: Final = 60 * 60.0
"""Seconds for which a lease that is over may lie about."""


class database_time(FunctionElement[float]):  # noqa: N801  as functions of SQL are written
    """The Unix time in seconds that the database has at this moment, also within a transaction."""

    type = Float()
    inherit_cache = True


@compiles(database_time, "postgresql")
def _of_postgres(_: database_time, __: SQLCompiler, **___: Any) -> str:
    return "extract(epoch FROM clock_timestamp())::float8"


@compiles(database_time, "sqlite")
def _of_sqlite(_: database_time, __: SQLCompiler, **___: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


async def hold(connection: AsyncConnection, name: str, holder: str, seconds: float) -> bool:
    """Take a lease that nobody else has, or renew it; say whether it is the holder's now."""
    values = {"name": name, "holder": holder, "seconds": seconds}
    taken = await connection.execute(_HOLD[connection.dialect.name], values)
    return taken.rowcount == 1


def _hold(dialect: Any) -> Executable:
    new = dialect.insert(leases).values(
        name=bindparam("name"),
        holder=bindparam("holder"),
        until=database_time() + bindparam("seconds", type_=Float()),
    )
    held: Executable = new.on_conflict_do_update(
        index_elements=["name"],
        set_={"holder": new.excluded.holder, "until": new.excluded.until},
        where=or_(leases.c.holder == new.excluded.holder, leases.c.until <= database_time()),
    )
    return held


_HOLD = {"sqlite": _hold(sqlite), "postgresql": _hold(postgresql)}


async def renew(connection: AsyncConnection, name: str, holder: str, seconds: float) -> bool:
    """Renew a lease that nobody else has taken, even if it is over; say whether that is so."""
    renewed = await connection.execute(
        update(leases)
        .where(leases.c.name == name, leases.c.holder == holder)
        .values(until=database_time() + literal(seconds))
    )
    return renewed.rowcount == 1


async def let_go(connection: AsyncConnection, name: str, holder: str) -> None:
    """End a lease, if it is still the holder's."""
    await connection.execute(delete(leases).where(leases.c.name == name, leases.c.holder == holder))


async def let_go_of_all(connection: AsyncConnection, holder: str) -> None:
    """End all leases of a holder that comes to its end."""
    await connection.execute(delete(leases).where(leases.c.holder == holder))


def is_held(name: ColumnElement[str]) -> ColumnElement[bool]:
    """Give what holds of the name of a lease that somebody has now."""
    return exists(literal_column("1")).where(
        leases.c.name == name, leases.c.until > database_time()
    )


async def forget_old(connection: AsyncConnection) -> None:
    """Remove what those left behind who did not come to an end."""
    await connection.execute(
        delete(leases).where(leases.c.until <= database_time() - FORGOTTEN_AFTER)
    )


async def forget_all(connection: AsyncConnection) -> None:
    """Remove all leases. For the start of the only server that uses a database."""
    await connection.execute(delete(leases))
