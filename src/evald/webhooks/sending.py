"""Send one webhook: a signed POST, of whose answer the status is all that counts."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from evald.rules.retry import named_pause
from evald.rules.webhooks import is_delivered, signed_headers
from evald.store.webhook_deliveries import Due
from evald.webhooks.connecting import AddressRefused, WebhookConnections


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an endpoint did with a webhook."""

    status_code: int | None
    """Its answer, or None when there was none."""
    error: str | None
    """Why the webhook did not arrive, or None when it did."""
    named_pause: float | None = None
    """Seconds for which it asked to be left alone, or None."""


@dataclass(frozen=True)
class Sender:
    """Sends webhooks."""

    connections: WebhookConnections
    configured: Mapping[str, str] = field(repr=False)
    """The secrets of the endpoints in the config file, by the names of their tables."""
    timeout: float
    """Seconds for a whole attempt."""

    async def send(self, due: Due, now: float) -> Outcome:
        """Send a webhook and give what became of it. No redirect is followed."""
        if due.config_name is not None and due.config_name not in self.configured:
            return Outcome(
                None, "It stands in the config file of another server, which has its secret."
            )
        try:
            async with self._session(due).post(
                due.url,
                data=due.body.encode(),
                headers=signed_headers(due.id, due.body, self._secrets(due), now),
                timeout=aiohttp.ClientTimeout(total=self.timeout),
                allow_redirects=False,
            ) as response:
                # The rest of the answer is not read: leaving closes the connection.
                return _answered(response, now)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return Outcome(None, self._reason(error))

    def _session(self, due: Due) -> aiohttp.ClientSession:
        connections = self.connections
        return connections.checked if due.config_name is None else connections.anywhere

    def _secrets(self, due: Due) -> tuple[str, ...]:
        return due.secrets if due.config_name is None else (self.configured[due.config_name],)

    def _reason(self, error: Exception) -> str:
        """Say what was wrong in words of ours: what is at an address is for nobody to learn here."""
        match error:
            case TimeoutError():
                return f"The endpoint did not answer within {self.timeout:g} s."
            case aiohttp.ClientConnectorDNSError():
                return "The host name of the endpoint is not known."
            case aiohttp.ClientSSLError():
                return "The endpoint's certificate is not valid, or it speaks no TLS."
            case aiohttp.ClientConnectorError(os_error=AddressRefused()):
                return "Webhooks may not go to the address of this endpoint."
            case aiohttp.ClientConnectorError():
                return "The endpoint takes no connections."
        return "The endpoint broke the connection off, or what it answered is no HTTP."


def _answered(response: aiohttp.ClientResponse, now: float) -> Outcome:
    status = response.status
    if is_delivered(status):
        return Outcome(status, None)
    asked_for = named_pause(response.headers, now)
    if 300 <= status < 400:
        return Outcome(status, "The endpoint redirects, and redirects are not followed.", asked_for)
    return Outcome(status, f"The endpoint answered {status}.", asked_for)
