"""Endpoints that close a connection after an answer and do not say so, as llama.cpp does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from evald.rules.retry import RetryPolicy
from evald.sampling.connections import Connections
from evald.sampling.interface import ChatRequest
from evald.sampling.providers import Provider
from evald.sampling.sampler import ProviderSampler

ANSWER = b'{"choices":[{"index":0,"message":{"role":"assistant","content":"yes"}}]}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"
REQUEST = ChatRequest("model", [{"role": "user", "content": "Well?"}], {})


class ForgetfulEndpoint:
    """Answers the first call of each connection, and closes it when the second has come."""

    def __init__(self) -> None:
        self.connections = 0
        self.answered = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await _call(reader)
        writer.write(HEAD % len(ANSWER) + ANSWER)
        self.answered += 1
        await _call(reader)
        writer.close()


async def _call(reader: asyncio.StreamReader) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return
    length = next(
        line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    await reader.readexactly(int(length.split(b":")[1]))


@pytest.fixture
async def endpoint() -> AsyncIterator[tuple[ForgetfulEndpoint, str]]:
    forgetful = ForgetfulEndpoint()
    server = await asyncio.start_server(forgetful.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield forgetful, f"http://127.0.0.1:{port}/v1"


async def test_a_call_on_a_dead_connection_is_made_again_at_once_and_is_no_try(
    endpoint: tuple[ForgetfulEndpoint, str], connections: Connections
) -> None:
    forgetful, url = endpoint
    # One try and no pause: a retry would fail this test, a pause would make it take an hour.
    policy = RetryPolicy(attempts=1, base=3600, ceiling=3600)
    sampler = ProviderSampler([Provider("forgetful", url, retries=policy)], connections)

    attempts = [(await sampler.sample(REQUEST, "run")).attempts for _ in range(3)]

    assert attempts == [1, 1, 1]
    assert (forgetful.answered, forgetful.connections) == (3, 3)
