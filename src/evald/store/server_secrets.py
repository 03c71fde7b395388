"""The statements on secrets that the server made for itself, and shows to nobody."""

from typing import Any

from sqlalchemy import Executable, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.store.tables import server_secrets


async def keep_secret(connection: AsyncConnection, name: str, fresh: str) -> str:
    """Give the secret of this name; where there is none yet, it is the fresh one from now on."""
    await connection.execute(_INSERT[connection.dialect.name], {"name": name, "secret": fresh})
    found = await get_secret(connection, name)
    assert found is not None, "it was inserted in this transaction, or before"
    return found


async def get_secret(connection: AsyncConnection, name: str) -> str | None:
    """Give the secret of this name, or None where none was ever needed."""
    found = await connection.execute(
        select(server_secrets.c.secret).where(server_secrets.c.name == name)
    )
    return found.scalar_one_or_none()


def _insert(dialect: Any) -> Executable:
    inserted: Executable = dialect.insert(server_secrets).on_conflict_do_nothing(
        index_elements=["name"]
    )
    return inserted


_INSERT = {"sqlite": _insert(sqlite), "postgresql": _insert(postgresql)}
