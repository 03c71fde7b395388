"""The tokens of share links: signed, so that nobody makes one who has not the server's secret.

A token is the link's id, the time of its end, and an HMAC-SHA256 over both: 54 bytes that make 72
characters, each of which counts.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final

_ID_BYTES: Final = 16
_TIME_BYTES: Final = 6
_SIGNED: Final = _ID_BYTES + _TIME_BYTES
LENGTH: Final = 72
"""Characters of a token."""


@dataclass(frozen=True, slots=True)
class SignedLink:
    """What a token says, and the server has signed."""

    id: str
    """32 hexadecimal digits."""
    expires_at: int


def new_link_id() -> str:
    """Give a fresh id of a share link."""
    return secrets.token_hex(_ID_BYTES)


def new_signing_secret() -> str:
    """Give a fresh secret to sign with: 256 random bits in hexadecimal."""
    return secrets.token_hex(32)


def token_of(link: SignedLink, secret: str) -> str:
    """Give the token of a link."""
    signed = bytes.fromhex(link.id) + link.expires_at.to_bytes(_TIME_BYTES, "big")
    return base64.urlsafe_b64encode(signed + _mac(signed, secret)).decode()


def link_of(token: str, secret: str) -> SignedLink | None:
    """Give the link that a token stands for, or None where this server has not signed it.

    The comparison takes as long for a signature that is almost right as for any other.
    """
    if len(token) != LENGTH or not token.isascii():
        return None
    try:
        whole = base64.b64decode(token, altchars=b"-_", validate=True)
    except binascii.Error:
        return None
    signed, mac = whole[:_SIGNED], whole[_SIGNED:]
    if not hmac.compare_digest(mac, _mac(signed, secret)):
        return None
    return SignedLink(signed[:_ID_BYTES].hex(), int.from_bytes(signed[_ID_BYTES:], "big"))


def _mac(signed: bytes, secret: str) -> bytes:
    return hmac.digest(bytes.fromhex(secret), b"evald share link\0" + signed, hashlib.sha256)
