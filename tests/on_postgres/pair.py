"""Two servers on one database, as behind a load balancer."""

import asyncio
import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from evald.contract.projects import DEFAULT_PROJECT
from evald.contract.webhooks import Event
from evald.ids import new_id
from evald.store import webhook_deliveries as delivery_store
from evald.store.database import Work, open_database
from tests.server import EvaldServer, evald_ended

Result = TypeVar("Result")

SECRET = "whsec_RdvaYFYUXuIFuEbvZHwMfYFhUf7aMYjYcmM24+Aj40c="
PUBLIC_PORT = 8000
SETTINGS = {
    "EVALD_PUBLIC_URL": f"http://evald.example:{PUBLIC_PORT}",
    "EVALD_WEBHOOK_FIRST_RETRY": "0.05",
    "EVALD_WEBHOOK_TIMEOUT": "60",
    "HOOK": SECRET,
}
WEBHOOK = '[webhooks.{}]\nurl = "http://127.0.0.1:9/{}"\nsecret_env = "HOOK"\n'
SHARED, OF_THE_FIRST = WEBHOOK.format("shared", 1), WEBHOOK.format("mine", 2)


@dataclass
class Pair:
    """Two servers that a test may stop, if it starts them again."""

    url: str
    """That of the database."""
    key: str
    servers: tuple[EvaldServer, EvaldServer]

    @property
    def asked(self) -> list[EvaldServer]:
        """The two, as a program with a key asks them."""
        return [server.with_key(self.key) for server in self.servers]

    def evald(self, *arguments: str) -> str:
        """Run another command on the database, and give what it prints."""
        ended = evald_ended(*arguments, environment={"EVALD_DATABASE_URL": self.url})
        assert ended.returncode == 0, ended.stdout + ended.stderr
        return ended.stdout.strip()

    def write(self, work: Work[Result]) -> Result:
        """Write to the database beside the servers."""

        async def written() -> Result:
            database = open_database(self.url)
            try:
                return await database.write(work)
            finally:
                await database.close()

        return asyncio.run(written())

    def record_events(self, number: int) -> None:
        """Record that so many runs have ended, as a process does that serves nobody."""

        async def record(connection: Any) -> None:
            for _ in range(number):
                event = Event(new_id("evt"), "eval.run.succeeded", 1, new_id("evalrun"))
                now = 1_700_000_000.0
                await delivery_store.record_event(connection, DEFAULT_PROJECT, event, now)

        self.write(record)


@contextmanager
def running_pair(url: str, folder: Path) -> Iterator[Pair]:
    """Give two servers on an empty database. Their files have a webhook, and the first has one more."""
    key = evald_ended("keys", "create", environment={"EVALD_DATABASE_URL": url}).stdout.strip()
    environment = {**SETTINGS, "EVALD_DATABASE_URL": url}
    servers = []
    for name, config in (("first", SHARED + OF_THE_FIRST), ("second", SHARED)):
        (folder / name).mkdir()
        servers.append(EvaldServer(folder / name, environment=environment, config=config))
    with ExitStack() as running, ThreadPoolExecutor(2) as threads:
        for entered in [threads.submit(running.enter_context, each) for each in servers]:
            entered.result()
        yield Pair(url, key, (servers[0], servers[1]))
    for each in servers:
        assert "Traceback" not in each.log()


@contextmanager
def stopped(server: EvaldServer) -> Iterator[None]:
    """Have a process stand still for as long as the block lasts; its connections stay open."""
    os.kill(server.process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.process.pid, signal.SIGCONT)


def at_once(*calls: Any) -> list[Any]:
    """Make calls at the same time, and give what they give."""
    with ThreadPoolExecutor(len(calls)) as threads:
        return [each.result() for each in [threads.submit(call) for call in calls]]


def on_both(pair: Pair, *asked: Any, **also: Any) -> list[Any]:
    """Ask both servers the same at the same moment, and give their answers."""
    return at_once(*(partial(server.ask, *asked, **also) for server in pair.asked))
