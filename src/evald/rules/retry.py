"""When a failed model call is tried again, and after how long.

Full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015): a random
wait between nothing and a ceiling that doubles, so that many rows do not come back in step. An
upstream that names a time is obeyed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime

RETRIED_STATUSES = frozenset({408, 409, 429})
"""Worth another try, as is every status from 500 on (contract section 1.4) but the next."""
NOT_IMPLEMENTED = 501
"""What an endpoint cannot do at all, such as embeddings, it cannot do a second later either."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a call is tried. Times in seconds."""

    attempts: int = 6
    base: float = 0.5
    ceiling: float = 30.0
    longest_named: float = 120.0
    """An upstream that asks for a longer pause than this is not waited for."""


def is_retried(status: int) -> bool:
    """Say whether an answer of this HTTP status is worth another try."""
    return status in RETRIED_STATUSES or (status >= 500 and status != NOT_IMPLEMENTED)


def wait_before(attempt: int, chance: float, policy: RetryPolicy, named: float | None) -> float:
    """Give the seconds to wait before try number `attempt` + 1.

    `attempt` counts the tries made so far, from 1; `chance` is a random number from 0 to 1; `named`
    is the pause that the upstream asked for, to which up to a tenth is added to spread the rows.
    """
    if named is not None:
        return named * (1 + chance / 10)
    return chance * min(policy.ceiling, policy.base * 2.0 ** (attempt - 1))


def named_pause(headers: Mapping[str, str], now: float) -> float | None:
    """Give the pause in seconds that `retry-after-ms` or `retry-after` asks for, or None.

    `retry-after` may be seconds, with a fraction, or an HTTP date. Nonsense counts as absent.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None or text is None:
        return seconds
    try:
        date = parsedate_to_datetime(text)
        # The oldest form of an HTTP date names no zone and means GMT.
        date = date if date.tzinfo else date.replace(tzinfo=UTC)
        return max(0.0, date.timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else -1.0
    except ValueError:
        return None
    return value if 0 <= value < 10**9 else None
