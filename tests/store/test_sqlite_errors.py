"""What an error of the database says when it is logged."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from evald.store.database import Database


async def test_an_error_of_a_statement_does_not_show_its_values(database: Database) -> None:
    async def broken(connection: AsyncConnection) -> None:
        await connection.execute(
            text("INSERT INTO nowhere VALUES (:it)"), {"it": "a secret prompt"}
        )

    with pytest.raises(OperationalError) as caught:
        await database.write(broken)

    assert "a secret prompt" not in str(caught.value)
