"""Texts for properties: any at all, and those that share words."""

from hypothesis import strategies as st

from tests.graders.metrics.pairs import PAIRS
from tests.graders.metrics.small_wordnet import SYNSETS

ANY = st.text(max_size=60)
_MARKS = [
    ".",
    ",",
    "!",
    "'",
    '"',
    "``",
    "''",
    "(",
    ")",
    "...",
    "--",
    "'s",
    "n't",
    "é",
    "中",
    "\n",
    "cannot",
]
_WORDS = sorted({word for pair in PAIRS for text in pair for word in text.split()})
_SYNONYMS = sorted({word for part in SYNSETS.values() for names in part for word in names})
_PIECES = st.one_of(
    st.sampled_from(_WORDS),
    st.sampled_from(_SYNONYMS),
    st.sampled_from(_MARKS),
    st.sampled_from("abc"),
)
SENTENCES = st.builds(
    lambda pieces, between: between.join(pieces),
    st.lists(_PIECES, max_size=14),
    st.sampled_from([" ", " ", " ", "", "\n"]),
)
"""Texts with words that often are in another one, too."""
