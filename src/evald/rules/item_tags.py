"""What an output item has or has not, as words that no text has.

The index of words finds items by these too, so that a filter and a search together are one question.
"""

import hashlib
from functools import lru_cache
from typing import Final

import orjson

from evald.contract.json_types import JsonValue
from evald.rules.verdict import ItemStatus, Outcome

MARK: Final = "\ue000"
"""What each tag begins with: neither a letter nor a digit, it is in no word."""
LONGEST_VALUE: Final = 200
"""Characters of a field's name, and of its value, by which an item is found at most."""


def run_tag(run_seq: int) -> str:
    """Give the tag of all items of a run."""
    return _tag(run_seq, "run")


def status_tag(run_seq: int, status: ItemStatus) -> str:
    """Give the tag of the items of a run with a status."""
    return _tag(run_seq, "status", status)


def verdict_tag(run_seq: int, criterion: int, outcome: Outcome) -> str:
    """Give the tag of the items for which the criterion at a position came out so."""
    return _tag(run_seq, "verdict", str(criterion), outcome)


def reason_tag(run_seq: int, key: str) -> str:
    """Give the tag of the items that failed or errored for a reason."""
    return _tag(run_seq, "reason", key)


def field_tag(run_seq: int, name: str, value: str) -> str:
    """Give the tag of the items whose row has this value at its top level."""
    return _tag(run_seq, "field", name, value)


def field_text(value: JsonValue) -> str | None:
    """Give a field's value as a filter names it, or None where items are not found by it."""
    if isinstance(value, dict | list):
        return None
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    return text if len(text) <= LONGEST_VALUE else None


@lru_cache(maxsize=10_000)
def _tag(run_seq: int, *parts: str) -> str:
    whole = "\x00".join((str(run_seq), *(f"{len(part)}:{part}" for part in parts)))
    digest = hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=8)
    return MARK + digest.hexdigest()
