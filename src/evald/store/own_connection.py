"""A connection to Postgres that answers within a given time, or is given up."""

import asyncio
from contextlib import suppress
from typing import Final

from sqlalchemy import NullPool
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from evald.store.database import Database, Result, Work
from evald.store.postgres import connect_arguments

CONNECTED_WITHIN: Final = 3.0


class OwnConnection:
    """Writes over a connection of its own, so that it waits for nobody else's work.

    An answer that does not come in time cuts the connection. Cancelling what waits for it would not do:
    the driver then asks Postgres to stop, and waits for that.
    """

    def __init__(self, database: Database, seconds: float) -> None:
        """Connect to this Postgres when it is needed; a write has so many seconds."""
        self._engine = create_async_engine(
            database.writer.url,
            poolclass=NullPool,
            connect_args={**connect_arguments(), "timeout": CONNECTED_WITHIN},
            hide_parameters=True,
        )
        self._seconds = seconds
        self._connection: AsyncConnection | None = None

    async def write(self, work: Work[Result]) -> Result:
        """Give what `work` gives, in one transaction.

        Raises SQLAlchemyError or OSError when it did not go well, or nobody knows; the next write
        connects again.
        """
        if self._connection is None:
            self._connection = await self._engine.connect()
        raw = await self._connection.get_raw_connection()
        assert raw.driver_connection is not None
        cut = asyncio.get_running_loop().call_later(self._seconds, raw.driver_connection.terminate)
        try:
            async with self._connection.begin():
                return await work(self._connection)
        except BaseException:
            await self.close()
            raise
        finally:
            cut.cancel()

    async def close(self) -> None:
        """Leave Postgres."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(SQLAlchemyError, OSError):
                await connection.close()
