"""What can go wrong with a call, told apart, in words that say what to do about it."""

import time
from urllib.parse import urljoin, urlsplit, urlunsplit

import aiohttp
import orjson

from evald.contract.json_types import JsonObject
from evald.rules.response import ResponseFault
from evald.rules.retry import is_retried, named_pause
from evald.sampling.providers import Provider
from evald.sampling.stream import StreamError

LARGEST_REFUSAL = 64 * 1024
"""Bytes of an endpoint's error answer that are read."""
LONGEST_MESSAGE = 1000
"""Characters of an endpoint's error message that are kept."""
LONGEST_NAME = 200
"""Characters of an address or a content type that are kept."""


class CallFailed(Exception):
    """A call gave no completion."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        retried: bool,
        pause: float | None = None,
        status: int | None = None,
        said: str = "",
        dead_connection: bool = False,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retried = retried
        """Whether another try is worth it."""
        self.pause = pause
        """Seconds that the endpoint asked to wait."""
        self.status = status
        self.said = said
        """The endpoint's own words, where it refused the request."""
        self.dead_connection = dead_connection
        """A kept connection turned out to be closed, so the endpoint never saw the call."""


async def refusal(response: aiohttp.ClientResponse, provider: Provider) -> CallFailed:
    """Give what an answer of another status than 200 means, in the endpoint's own words."""
    text = (await _read_start(response)).decode(errors="replace")
    reason = _shown(response.reason or "", provider, LONGEST_NAME)
    said = _message_in(text, provider) or reason or "no message"
    status = response.status
    return CallFailed(
        CODES.get(status, "upstream_error" if status >= 500 else "invalid_request"),
        f"{status} from {provider.name}: {_redirection(response, provider) or said}",
        retried=is_retried(status),
        pause=named_pause(response.headers, time.time()),
        status=status,
        said=said,
    )


async def _read_start(response: aiohttp.ClientResponse) -> bytes:
    received = bytearray()
    while part := await response.content.readany():
        received += part
        if len(received) >= LARGEST_REFUSAL:
            break
    return bytes(received)


CODES = {
    401: "authentication_failed",
    403: "authentication_failed",
    404: "not_found",
    408: "timeout",
    429: "rate_limit_exceeded",
}


def _message_in(text: str, provider: Provider) -> str:
    """Give the message of an error body, whichever of the usual forms it has, without the key."""
    try:
        body = orjson.loads(text)
    except orjson.JSONDecodeError:
        body = None
    match body:
        case {"error": {"message": str(message)}} | {"error": str(message)}:
            text = message
        case {"message": str(message)} | {"detail": str(message)}:
            text = message
    return _shown(text, provider, LONGEST_MESSAGE).strip()


def _shown(text: str, provider: Provider, longest: int) -> str:
    """Give words of an endpoint without the key, and headers without what is no text."""
    # First the key, then the cut: half a key is no longer found.
    return provider.without_key(text.encode(errors="replace").decode())[:longest]


def _redirection(response: aiohttp.ClientResponse, provider: Provider) -> str:
    """Say where a redirect leads, or nothing of an answer that is none.

    It is not followed: the key would go to an address that nobody configured.
    """
    location = response.headers.get("location")
    if not 300 <= response.status < 400 or not location:
        return ""
    target = _shown(_address(provider.without_key(location), response), provider, LONGEST_NAME)
    path = str(response.url).removeprefix(provider.base_url)
    return (
        f"it redirects to {target}, which is not followed; "
        f"set the provider's base_url to that address without {path}"
    )


def _address(location: str, response: aiohttp.ClientResponse) -> str:
    """Give the whole address, without what no base_url has and what may be secret."""
    try:
        scheme, host, path, _, _ = urlsplit(urljoin(str(response.url), location))
    except ValueError:  # it is no address
        return location
    return urlunsplit((scheme, host.rpartition("@")[2], path, "", ""))


def no_api(response: aiohttp.ClientResponse, provider: Provider) -> CallFailed:
    """Give what an answer of status 200 means that says to be something else than JSON, and is."""
    kind = _shown(response.headers["content-type"], provider, LONGEST_NAME).partition(";")[0]
    return CallFailed(
        "invalid_response",
        f"{response.status} from {provider.name}: an answer of type {kind}, which is no JSON; "
        "check the provider's base_url, which may lack /v1",
        retried=False,
    )


def reported_failure(error: StreamError, provider: Provider) -> CallFailed:
    """Give what an error means that came with status 200, in the endpoint's own words."""
    message = _message_in(orjson.dumps(error.body).decode(), provider) or "no message"
    status = _named_status(error.body)
    return CallFailed(
        "upstream_error",
        f"Error from {provider.name}: {message}",
        retried=status is None or is_retried(status),
        status=status,
    )


def failed_response(fault: ResponseFault, provider: Provider) -> CallFailed:
    """Give what a response means that came and says that it failed."""
    said = _shown(fault.message, provider, LONGEST_MESSAGE)
    return CallFailed(
        fault.code, f"Error from {provider.name}: {said}", retried=fault.is_passing, said=said
    )


def _named_status(body: JsonObject) -> int | None:
    """Give the status that an error inside an answer names: vLLM refuses a request so, too."""
    match body:
        case {"error": {"code": int(code)}} if 400 <= code < 600:
            return code
    return None
