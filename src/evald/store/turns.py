"""Turns on Postgres, by its advisory locks: SQLite has one writer and one server anyway."""

import hashlib
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

CONFIGURING: Final = 0x6576616C67
"""Making the endpoints of a config file those of the store."""
EXPIRING: Final = 0x6576616C68
"""Deleting what is older than it may become."""

_IN_TURN = text("SELECT pg_advisory_xact_lock(:number)")
_IF_FREE = text("SELECT pg_try_advisory_xact_lock(:number)")


async def take_turns(connection: AsyncConnection, number: int) -> None:
    """Keep others of the same number waiting until this transaction ends."""
    if connection.dialect.name == "postgresql":
        await connection.execute(_IN_TURN, {"number": number})


async def is_free(connection: AsyncConnection, number: int) -> bool:
    """Say whether nobody else has this number; then nobody gets it before this transaction ends."""
    if connection.dialect.name != "postgresql":
        return True
    return bool((await connection.execute(_IF_FREE, {"number": number})).scalar_one())


def number_of_webhook(config_name: str) -> int:
    """Give the number of an endpoint of the config file: the servers whose file has it share it."""
    digest = hashlib.sha256(f"webhooks.{config_name}".encode()).digest()
    return int.from_bytes(digest[:8], signed=True)
