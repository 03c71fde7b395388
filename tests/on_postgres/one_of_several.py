"""A process that asks the model server with others, within limits that they share on one Postgres.

It is ready when it says so, asks without end from the line `go` on, and leaves when its input ends.
The arguments are the URL of the database, that of the models, and the provider's settings as JSON;
every question is the name that comes last.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import asyncpg
from sqlalchemy import make_url

from evald.errors import ModelUnavailable
from evald.sampling.connections import open_connections
from evald.sampling.interface import ChatRequest
from evald.sampling.providers import Provider
from evald.sampling.sampler import ProviderSampler
from evald.sampling.shares import Shares, sharing
from evald.store.database import open_database
from evald.store.provider_shares import CHANNEL

ASKING = 24
"""Questions that it would ask at once."""


@asynccontextmanager
async def listening(url: str, shares: Shares) -> AsyncIterator[None]:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    connection = await asyncpg.connect(plain)
    await connection.add_listener(CHANNEL, lambda *notified: shares.look_again(notified[-1]))
    try:
        yield
    finally:
        await connection.close()


async def ask_without_end(sampler: ProviderSampler, name: str) -> None:
    request = ChatRequest("any", [{"role": "user", "content": name}], {})
    while True:
        with suppress(ModelUnavailable):
            await sampler.sample(request, name)


async def main(database_url: str, models_url: str, settings: str, name: str) -> None:
    provider = Provider("scripted", models_url, **json.loads(settings))
    database = open_database(database_url)
    async with open_connections() as connections:
        sampler = ProviderSampler([provider], connections)
        async with (
            sharing(database, [provider], sampler.limiters) as shares,
            listening(database_url, shares),
        ):
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            tasks = [asyncio.create_task(ask_without_end(sampler, name)) for _ in range(ASKING)]
            await asyncio.to_thread(sys.stdin.read)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
