"""How webhooks are signed, when they are sent again, and where they may go.

Signatures are those of Standard Webhooks, so that `client.webhooks.unwrap()` of the official SDKs
checks them: HMAC-SHA256 over the id, the time and the body (contract section 7).
"""

import binascii
import hashlib
import hmac
import ipaddress
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

PREFIX: Final = "whsec_"
SHORTEST_KEY: Final = 24
LONGEST_KEY: Final = 64
"""Bytes of a key, as Standard Webhooks has them."""
NEW_KEY: Final = 32
"""Bytes of a key that evald makes."""


class BadSecret(ValueError):
    """The text is no signing secret. The message does not repeat it."""


def new_secret(key: bytes) -> str:
    """Give the text of a secret, from random bytes."""
    return PREFIX + b64encode(key).decode()


def key_of(secret: str) -> bytes:
    """Give the bytes that a secret stands for. Raises BadSecret."""
    try:
        key = b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not (secret.startswith(PREFIX) and SHORTEST_KEY <= len(key) <= LONGEST_KEY):
        raise BadSecret(
            f"A signing secret is {PREFIX} and the base64 of {SHORTEST_KEY} to {LONGEST_KEY} bytes"
        )
    return key


def hint_of(secret: str) -> str:
    """Give a secret with all but its last four characters masked."""
    return f"{PREFIX}...{secret[-4:]}"


def signed_headers(
    webhook_id: str, body: str, secrets: Sequence[str], now: float
) -> dict[str, str]:
    """Give the headers of a webhook that is sent now, with a signature of each secret.

    The time is that of the attempt: receivers refuse one that is minutes old.
    """
    timestamp = str(int(now))
    content = f"{webhook_id}.{timestamp}.{body}".encode()
    signatures = [hmac.digest(key_of(secret), content, hashlib.sha256) for secret in secrets]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{b64encode(each).decode()}" for each in signatures),
    }


@dataclass(frozen=True, slots=True)
class Patience:
    """How long and how often a webhook is sent again. Times in seconds."""

    first: float = 5.0
    """The pause behind the first attempt, at most; each further one is twice as long."""
    ceiling: float = 4 * 60 * 60.0
    """The longest pause."""
    give_up_after: float = 3 * 24 * 60 * 60.0
    """The age of an event beyond which it is not sent again."""


def next_attempt(
    attempts: int, age: float, chance: float, named: float | None, patience: Patience
) -> float | None:
    """Give the pause before the next attempt, or None when there is to be none.

    `attempts` were made so far, from 1; the event is `age` seconds old; `chance` is a random number
    from 0 to 1. Half of each pause is left to chance, so that what failed together does not come back
    together. A longer pause that the endpoint named is kept, up to the ceiling.
    """
    doubled = patience.first * 2.0 ** min(attempts - 1, 60)
    pause = min(patience.ceiling, doubled) * (1 + chance) / 2
    if named is not None:
        pause = max(pause, min(named, patience.ceiling))
    return None if age + pause > patience.give_up_after else pause


def is_delivered(status: int) -> bool:
    """Say whether an answer of this HTTP status means that the webhook has arrived."""
    return 200 <= status < 300


GONE: Final = 410
"""The status by which an endpoint says that it wants nothing any more."""


def may_be_reached(address: str, *, private: bool) -> bool:
    """Say whether webhooks may go to an IP address; `private` allows loopback and inner networks.

    Link-local addresses are never allowed: clouds keep the credentials of a machine there, and some
    at other addresses that are as well known.
    """
    found = _address(address)
    if found is None or _is_barred(found):
        return False
    return private or (found.is_global and not any(found in inner for inner in INNER))


def is_never_reached(host: str) -> bool:
    """Say whether a host is written as an address to which no webhook ever goes."""
    found = _address(host)
    return found is not None and _is_barred(found)


METADATA: Final = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "192.0.0.192", "100.100.100.200"))
)
"""Where Amazon, Oracle and Alibaba keep credentials, beside 169.254.169.254."""
INNER: Final = (
    ipaddress.ip_network("fec0::/10"),  # site-local, RFC 3879
    ipaddress.ip_network("64:ff9b:1::/48"),  # a translator of the own network, RFC 8215
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890
)
"""Networks that Python calls global, or did."""
TRANSLATED: Final = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("::/96"))
"""IPv6 addresses that end with the IPv4 address they stand for (RFC 6052, RFC 4291)."""


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Give the address that a text is, as IPv4 where it stands for one of those."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and int(address) > 1 and any(address in each for each in TRANSLATED):
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return embedded or address


def _is_barred(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    return address.is_link_local or address.is_multicast or address in METADATA
