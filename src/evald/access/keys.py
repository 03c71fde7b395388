"""Keys and session tokens: how they are made, and what is kept of them.

Both are random, with more chance in them than can be searched through. So a plain SHA-256 hides them
as well as a slow hash would: those are for passwords, which can be guessed.
"""

import hashlib
import secrets
from typing import Final

PREFIX: Final = "sk-evald-"
"""So that a key is recognised where it should not be."""
HINT: Final = 4
"""Characters of a key that may be shown."""


def new_key() -> str:
    """Give a fresh key: 192 random bits behind the prefix."""
    return PREFIX + secrets.token_hex(24)


def new_session_token() -> str:
    """Give a fresh token for the cookie of a session: 256 random bits."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> str:
    """Give what is kept of a key or a token.

    It is looked up as any text is: how long that takes tells of the hash, and nothing of the key.
    """
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def hint_of(key: str) -> str:
    """Give the end of a key, by which its owner knows it again."""
    return key[-HINT:]


def masked(given: str) -> str:
    """Give what a message may repeat of a text that was given as a key."""
    shown = given.isascii() and given.isprintable() and len(given) >= 5 * HINT
    return f"***{hint_of(given)}" if shown else "***"
