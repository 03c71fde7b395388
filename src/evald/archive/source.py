"""The API that is read: one request at a time, as fast as it likes, with the patience it asks for."""

import asyncio
import json
import random
import re
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from itertools import count

import aiohttp
from yarl import URL

from evald.rules.retry import RetryPolicy, is_retried, named_pause, wait_before
from evald.rules.terminal import one_line

_POLICY = RetryPolicy(ceiling=30)
_THROTTLED_TRIES = 30
_LONGEST_PAUSE_S = 600.0
_FIRST_TRIES = 3
"""How often an API is asked that has never answered: it may not be there at all."""
_IN_VAIN = 200
"""Requests in a row without one that succeeds, after which the API counts as down."""
_ERROR_BYTES = 64 * 1024
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Broken(Exception):
    """A request failed in a way that another one may not."""


class Refused(Exception):
    """A request was refused, and would be again."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class SourceGone(Exception):
    """Nothing more can be read now. The message says why and what to do."""


class _Throttled(Exception):
    def __init__(self, named: float | None) -> None:
        self.named = named


@dataclass(frozen=True)
class Address:
    """Where the API is, and who asks."""

    base_url: URL
    headers: Mapping[str, str]
    key: str | None
    """What must never be told; None when the API is asked without one."""


@dataclass(frozen=True)
class Manners:
    """How the API is asked."""

    concurrency: int = 4
    """Requests at once."""
    timeout: float = 60.0
    """Seconds in which a page has to come, and a piece of a file."""
    tries: int = 5
    """How often the smallest page is asked for before it is given up."""


class Source:
    """The API, with one pause for all when it asks for one."""

    def __init__(self, session: aiohttp.ClientSession, address: Address, manners: Manners) -> None:
        self._session = session
        self._address = address
        self._timeout = manners.timeout
        self.tries = manners.tries
        self._slots = asyncio.Semaphore(manners.concurrency)
        self._not_before = 0.0
        self._in_vain = 0
        self._has_answered = False

    async def read(self, path: str, query: Mapping[str, str], largest: int) -> bytes:
        """Give the body of an answer of at most `largest` bytes.

        Raises Broken, Refused, SourceGone.
        """
        patience = aiohttp.ClientTimeout(total=self._timeout)
        body = bytearray()
        async with aclosing(self._pieces(path, query, patience)) as pieces:
            async for piece in pieces:
                body += piece
                if len(body) > largest:
                    raise Broken(f"the answer is larger than {largest:,} bytes")
        return bytes(body)

    def stream(self, path: str) -> AsyncGenerator[bytes, None]:
        """Give the body of an answer piece by piece. Raises Broken, Refused, SourceGone."""
        patience = aiohttp.ClientTimeout(
            total=None, sock_connect=self._timeout, sock_read=self._timeout
        )
        return self._pieces(path, {}, patience)

    async def rest(self, failures: int) -> None:
        """Wait after so many failures of one request."""
        await asyncio.sleep(wait_before(failures, random.random(), _POLICY, None))

    async def _pieces(
        self, path: str, query: Mapping[str, str], patience: aiohttp.ClientTimeout
    ) -> AsyncGenerator[bytes, None]:
        for attempt in count(1):
            try:
                async with self._slots, self._answer(path, query, patience) as answer:
                    async for piece in answer.content.iter_chunked(1 << 16):
                        yield piece
                self._in_vain = 0
                return
            except _Throttled as throttled:
                if attempt >= _THROTTLED_TRIES:
                    raise SourceGone(
                        f"It answered 429 to {attempt} requests in a row: try again later."
                    ) from None
                self._pause(wait_before(attempt, random.random(), _POLICY, throttled.named))
            except aiohttp.ClientConnectorError as error:
                if attempt >= (2 * self.tries if self._has_answered else _FIRST_TRIES):
                    raise SourceGone(f"It cannot be reached: {self._unreached(error)}.") from None
                await self.rest(attempt)
            except TimeoutError:
                raise self._failed(f"no answer within {self._timeout:g} s") from None
            except (aiohttp.ClientError, ConnectionError) as error:
                raise self._failed(f"the connection broke: {self.safe(error)}") from None

    @asynccontextmanager
    async def _answer(
        self, path: str, query: Mapping[str, str], patience: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        # The pause may grow while it lasts.
        while (pause := self._not_before - time.monotonic()) > 0:
            await asyncio.sleep(pause)
        base = self._address.base_url
        url = base.with_path(f"{base.path.rstrip('/')}/{path}", keep_query=True).update_query(query)
        async with self._session.get(
            url, headers=self._address.headers, timeout=patience, allow_redirects=False
        ) as answer:
            self._has_answered = True
            self._heed(answer.headers)
            if answer.status != 200:
                await self._refuse(answer)
            yield answer

    def _heed(self, headers: Mapping[str, str]) -> None:
        if headers.get("x-ratelimit-remaining-requests") == "0":
            reset = _duration(headers.get("x-ratelimit-reset-requests", ""))
            self._pause(min(reset, _POLICY.ceiling))

    def _pause(self, seconds: float) -> None:
        if seconds > _LONGEST_PAUSE_S:
            raise SourceGone(f"It asks for a pause of {seconds:,.0f} s: try again then.")
        self._not_before = max(self._not_before, time.monotonic() + seconds)

    async def _refuse(self, answer: aiohttp.ClientResponse) -> None:
        text = await answer.content.read(_ERROR_BYTES)
        message = f"{answer.status} {self.safe(_message(text))[:300]}".strip()
        if answer.status == 429:
            raise _Throttled(named_pause(answer.headers, time.time()))
        if answer.status == 401:
            raise SourceGone(f"It does not take the key: {message}")
        if is_retried(answer.status):
            raise self._failed(message)
        raise Refused(answer.status, message)

    def _failed(self, message: str) -> Broken:
        self._in_vain += 1
        if self._in_vain >= _IN_VAIN:
            raise SourceGone(f"{_IN_VAIN} requests in a row failed, the last one with: {message}")
        return Broken(message)

    def _unreached(self, error: aiohttp.ClientConnectorError) -> str:
        return self.safe(error).replace(" ssl:default", "")  # it says nothing, and of http, too

    def safe(self, error: object) -> str:
        """Give a text from outside without the key and without what a terminal would obey."""
        return one_line(error, self._address.key)


@asynccontextmanager
async def open_source(address: Address, manners: Manners) -> AsyncIterator[Source]:
    """Give the API at an address, and close its connections afterwards."""
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=True,  # the proxy of the environment
    ) as session:
        yield Source(session, address, manners)


def _message(text: bytes) -> str:
    """Give what an error says: the message of OpenAI's form, else all of it."""
    try:
        return str(json.loads(text)["error"]["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return text.decode(errors="replace")


def _duration(text: str) -> float:
    """Give the seconds of a text like `6m0s` or `120ms`."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    return sum(float(number) * _UNITS[unit] for number, unit in parts)
