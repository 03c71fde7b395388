"""Any JSON that is kept exactly, for the properties of the rules."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from hypothesis import strategies as st

from evald.contract.json_types import JsonObject, JsonValue

TEXTS = st.text(max_size=20)
LEAVES: st.SearchStrategy[JsonValue] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    TEXTS,
)


def _containers(values: st.SearchStrategy[JsonValue]) -> st.SearchStrategy[JsonValue]:
    lists: st.SearchStrategy[JsonValue] = st.lists(values, max_size=4)
    objects: st.SearchStrategy[JsonValue] = st.dictionaries(TEXTS, values, max_size=4)
    return lists | objects


JSON_VALUES: st.SearchStrategy[JsonValue] = st.recursive(LEAVES, _containers, max_leaves=12)
JSON_OBJECTS: st.SearchStrategy[JsonObject] = st.dictionaries(TEXTS, JSON_VALUES, max_size=4)


def nested(levels: int) -> JsonValue:
    """Give a list in a list in a list, so many levels deep."""
    value: JsonValue = []
    for _ in range(levels - 1):
        value = [value]
    return value


@contextmanager
def ends_within(seconds: int) -> Iterator[None]:
    """Break off what takes longer; the limit is far beyond what any machine needs."""

    def too_slow(_: int, __: FrameType | None) -> None:
        raise AssertionError(f"not done within {seconds} seconds")

    before = signal.signal(signal.SIGALRM, too_slow)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
