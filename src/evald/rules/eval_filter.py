"""What a list of evals can be narrowed to: words in the name or the id, and pairs of metadata."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

from evald.contract.metadata import MAX_KEY_LENGTH, MAX_VALUE_LENGTH

LONGEST_WORDS: Final = 200
MOST_PAIRS: Final = 4


@dataclass(frozen=True, slots=True)
class MetadataPair:
    """A key that the metadata of an eval must have. With an empty value any will do."""

    key: str
    value: str = ""

    def as_text(self) -> str:
        """Give the pair as addresses have it: `key:value`, with what means something escaped."""
        return f"{_escaped(self.key)}:{_escaped(self.value)}"


@dataclass(frozen=True, slots=True)
class EvalFilter:
    """Which evals are wanted: those with all of this. Empty it is all of them."""

    words: str = ""
    metadata: tuple[MetadataPair, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Say whether all evals are wanted."""
        return not (self.words or self.metadata)


def eval_filter(words: str, pairs: Sequence[str], key: str, value: str) -> EvalFilter:
    """Read a filter: `pairs` as `MetadataPair.as_text` gives them, and one more as a form sends it.

    What is too long is cut, and what is too much is left out.
    """
    given = [*map(_pair, pairs[:MOST_PAIRS]), MetadataPair(key.strip(), value.strip())]
    known = dict.fromkeys(_cut(pair) for pair in given if pair.key)
    return EvalFilter(words.strip()[:LONGEST_WORDS], tuple(known)[:MOST_PAIRS])


def _pair(text: str) -> MetadataPair:
    key, _, value = text.partition(":")
    return MetadataPair(unquote(key), unquote(value))


def _cut(pair: MetadataPair) -> MetadataPair:
    return MetadataPair(pair.key[:MAX_KEY_LENGTH], pair.value[:MAX_VALUE_LENGTH])


def _escaped(text: str) -> str:
    return quote(text, safe=" /=@,;!?&+()[]{}'\"*#$^~|<>", errors="replace")
