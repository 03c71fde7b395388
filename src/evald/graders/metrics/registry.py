"""Which metric is which function, and for which lengths it is computed where."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from operator import add, mul
from types import MappingProxyType
from typing import Final, Literal

from evald.graders.metrics.meteor import meteor
from evald.graders.metrics.ngrams import bleu, gleu, rouge_n
from evald.graders.metrics.subsequence import rouge_l
from evald.graders.metrics.wordnet import installed_wordnet
from evald.rules.similarity import fuzzy_match


@dataclass(frozen=True, slots=True)
class Metric:
    """How alike two texts are by one metric, and what it takes to say so.

    The limits are in terms of `work`: up to `inline_work` a comparison is made at once, up to
    `most_work` in another process (decision 0004), and beyond that not at all.
    """

    score: Callable[[str, str], float]
    """Gives 0 to 1 for a text and its reference; can be pickled."""
    inline_work: int
    most_work: int
    work_name: Literal["sum", "product"] = "sum"
    """What of both lengths, in characters, the time grows with."""
    open: Callable[[], object] | None = None
    """Opens the data that the metric reads, which takes a while the first time, or None.

    Raises GraderFailed when it is not there.
    """

    @property
    def work(self) -> Callable[[int, int], int]:
        """Give the work of a comparison from the lengths of both texts in characters."""
        return mul if self.work_name == "product" else add


# Measured on a busy core for two texts with as many characters together; the worse time is for a text
# that is all quotation marks, or for words that no row had before. See docs/metrics.md.
_NGRAM_INLINE: Final = 5_000  # 0.3 ms, at worst 5 ms
_METEOR_INLINE: Final = 2_000  # 0.5 ms, at worst 8 ms
_ROUGE_INLINE: Final = 20_000  # 0.5 ms, at worst 2 ms
_MOST: Final = 1_000_000  # 0.2 s, at worst 2 s
# WRatio took 0.1 ms for texts of 200 and 100 characters, 4 ms for 1,000 and 600, 0.1 s for 3,000 and
# 1,900, and 3.4 s for 10,000 and 6,000.
_FUZZY_INLINE: Final = 100_000
_FUZZY_MOST: Final = 60_000_000

METRICS: Final[Mapping[str, Metric]] = MappingProxyType(
    {
        "fuzzy_match": Metric(fuzzy_match, _FUZZY_INLINE, _FUZZY_MOST, "product"),
        "bleu": Metric(bleu, _NGRAM_INLINE, _MOST),
        "gleu": Metric(gleu, _NGRAM_INLINE, _MOST),
        "meteor": Metric(meteor, _METEOR_INLINE, _MOST, open=installed_wordnet),
        **{
            f"rouge_{order}": Metric(partial(rouge_n, order), _ROUGE_INLINE, _MOST)
            for order in range(1, 6)
        },
        "rouge_l": Metric(rouge_l, _ROUGE_INLINE, _MOST),
    }
)
"""The metrics that need only the two texts, under their names in `evaluation_metric`."""
