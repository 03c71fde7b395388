"""Embeddings of texts: one call to the provider of the embedding model, in the ways of sampling."""

import asyncio
import base64
import binascii
import math
import random
import re
import struct
import time
from collections.abc import Mapping, Sequence
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.limiter import FairLimiter
from evald.rules.retry import wait_before
from evald.sampling.call import json_call
from evald.sampling.connections import Connections
from evald.sampling.failures import CallFailed
from evald.sampling.interface import Embeddings
from evald.sampling.providers import Provider
from evald.sampling.sampler import is_worth_retrying, unavailable
from evald.sampling.stream import BrokenStream, StreamError

PATH: Final = "/embeddings"
FORM_WORDS: Final = re.compile(r"encoding_?\s?format", re.IGNORECASE)
"""What a refusal of the form has in it."""
REFUSING: Final = frozenset({400, 404, 415, 422, 501})


class ProviderEmbedder:
    """Asks one model at one provider, within the limit that the provider's sampling has, too."""

    def __init__(
        self,
        model: str,
        provider: Provider,
        connections: Connections,
        limiters: Mapping[str, FairLimiter],
    ) -> None:
        """Use this model of this provider, and the limiter under the provider's name."""
        self._model = model
        self._provider = provider
        self._connections = connections
        self._limiter = limiters[provider.name]
        self._names_the_form = True

    async def __call__(self, texts: Sequence[str], owner: str) -> Embeddings:
        """Give the embeddings of these texts. Raises ModelUnavailable when the call failed for good."""
        policy, attempt = self._provider.retries, 1
        while True:
            try:
                async with self._limiter.place(owner):
                    began = time.monotonic()
                    return await self._call(texts)
            except CallFailed as failure:
                if not is_worth_retrying(failure, attempt, policy):
                    raise unavailable(failure, time.monotonic() - began, attempt) from None
                pause = wait_before(attempt, random.random(), policy, failure.pause)
            # The place is given back while waiting, so that other rows go on.
            await asyncio.sleep(pause)
            attempt += 1

    async def _call(self, texts: Sequence[str]) -> Embeddings:
        """Call for plain numbers, and without a word on the form where the endpoint knows none."""
        body: JsonObject = {"model": self._model, "input": list(texts)}
        if self._names_the_form:
            try:
                return await self._one_call({**body, "encoding_format": "float"}, len(texts))
            except CallFailed as failure:
                if not _refuses_the_form(failure):
                    raise
                self._limiter.count_another()
        found = await self._one_call(body, len(texts))
        # Only a way that led to an answer is kept: the refusal may have had other reasons.
        self._names_the_form = False
        return found

    async def _one_call(self, body: JsonObject, number: int) -> Embeddings:
        """Call, at once again on a fresh connection where a kept one was dead."""

        def read(answer: JsonValue) -> Embeddings:
            return read_embeddings(answer, number)

        kept, fresh = self._connections.prompt, self._connections.fresh
        try:
            return await json_call(kept, self._provider, path=PATH, body=body, read=read)
        except CallFailed as failure:
            if not failure.dead_connection:
                raise
        return await json_call(fresh, self._provider, path=PATH, body=body, read=read)


def _refuses_the_form(failure: CallFailed) -> bool:
    return failure.status in REFUSING and FORM_WORDS.search(failure.said) is not None


def read_embeddings(answer: JsonValue, number: int) -> Embeddings:
    """Give so many embeddings out of an answer, in the order of the texts.

    Raises StreamError for an answer that tells of an error, BrokenStream for any other without just
    so many embeddings.
    """
    if not isinstance(answer, dict):
        raise BrokenStream("an answer that is no JSON object")
    entries = answer.get("data")
    if not isinstance(entries, list):
        raise StreamError(answer) if "error" in answer else BrokenStream("an answer without `data`")
    vectors = tuple(_vector(entry) for entry in _in_order(entries))
    if len(vectors) != number:
        raise BrokenStream(f"{len(vectors)} embeddings of {number} texts")
    head = {key: value for key, value in answer.items() if key in ("model", "usage")}
    return Embeddings(vectors, head)


def _in_order(entries: Sequence[JsonValue]) -> list[JsonObject]:
    """Give the entries in the order of their texts; without numbers it is the order they came in."""
    found = [entry for entry in entries if isinstance(entry, dict)]
    if len(found) != len(entries):
        raise BrokenStream("an embedding that is no object")
    if all("index" not in entry for entry in found):
        return found
    by_index = {index: entry for entry in found if isinstance(index := entry.get("index"), int)}
    if sorted(by_index) != list(range(len(found))):
        raise BrokenStream("embeddings whose numbers do not tell their texts")
    return [by_index[index] for index in sorted(by_index)]


def _vector(entry: JsonObject) -> tuple[float, ...]:
    match entry.get("embedding"):
        case list(numbers):
            return tuple(_number(each) for each in numbers)
        case str(text):  # what some endpoints send whatever they are asked for
            return _decoded(text)
    raise BrokenStream("an entry without an embedding")


def _number(value: JsonValue) -> float:
    if value is None:  # how JSON writers spell what is not a number
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise BrokenStream("an embedding that holds something else than numbers")
    return float(value)


def _decoded(text: str) -> tuple[float, ...]:
    """Read base64 of 32-bit floats, the low byte first."""
    try:
        octets = base64.b64decode(text, validate=True)
        return struct.unpack(f"<{len(octets) // 4}f", octets)
    except (binascii.Error, ValueError, struct.error):
        raise BrokenStream("an embedding that is no base64 of floats") from None
