"""Judges and embeddings at the endpoint that the environment names, as OpenAI's clients read it.

OPENAI_BASE_URL and OPENAI_API_KEY say where and with what key, EVALD_EMBEDDINGS_MODEL which model makes
the embeddings.
"""

import asyncio
import json
import os
import time
from collections.abc import Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from evald.contract.json_types import JsonObject, JsonValue
from evald.errors import ModelUnavailable
from evald.rules.retry import is_retried
from evald.rules.sample import TOKEN_LIMIT_NAMES, token_limit
from evald.sampling.interface import ChatRequest, Completion, Embeddings

TRIES: Final = 4
TIMEOUT_S: Final = 600
RESERVED: Final = frozenset({"model", "messages", "stream", "stream_options", "n"})
"""Keys of a request that sampling params do not set."""


def call_params(params: JsonObject) -> JsonObject:
    """Give sampling params as the body of a chat call has them, the limit of tokens by its one name."""
    body: JsonObject = {
        key: value
        for key, value in params.items()
        if value is not None and key not in RESERVED and key not in TOKEN_LIMIT_NAMES
    }
    limit = token_limit(params)
    if limit is not None:
        body["max_completion_tokens"] = limit
    return body


async def ask(request: ChatRequest) -> Completion:
    """Ask a judge. Raises ModelUnavailable."""
    began = time.monotonic()
    messages: list[JsonValue] = [*request.messages]
    body = {"model": request.model, "messages": messages, **call_params(request.params)}
    answer = await _answered("chat/completions", body)
    return Completion(answer, time.monotonic() - began, 1)


async def embed(texts: Sequence[str]) -> Embeddings:
    """Ask for embeddings. Raises ModelUnavailable."""
    model = os.environ.get("EVALD_EMBEDDINGS_MODEL", "text-embedding-3-small")
    answer = await _answered("embeddings", {"model": model, "input": list(texts)})
    try:
        vectors = tuple(tuple(each["embedding"]) for each in answer.pop("data"))
    except (KeyError, TypeError):
        raise ModelUnavailable("invalid_response", "The answer holds no embeddings.") from None
    return Embeddings(vectors, answer)


async def _answered(path: str, body: JsonObject) -> Any:
    for attempt in range(1, TRIES + 1):
        status, text = await asyncio.to_thread(_post, path, json.dumps(body).encode())
        if status == 200:
            break
        if attempt == TRIES or not is_retried(status):
            message = text.decode(errors="replace")[:2000]
            raise ModelUnavailable("upstream_error", f"{status} {message}", status=status)
        await asyncio.sleep(2**attempt)
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        raise ModelUnavailable("invalid_response", "The endpoint answered no JSON object.")
    return answer


def _post(path: str, body: bytes) -> tuple[int, bytes]:
    address = urlsplit(os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1")
    kind = HTTPSConnection if address.scheme == "https" else HTTPConnection
    headers = {"content-type": "application/json"}
    if key := os.environ.get("OPENAI_API_KEY"):
        headers["authorization"] = f"Bearer {key}"
    connection = kind(address.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{address.path.rstrip('/')}/{path}", body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, HTTPException) as error:
        return 503, f"The endpoint does not answer: {error}".encode()
    finally:
        connection.close()
