"""Cosine: how alike the directions of two embeddings are."""

import math
from collections.abc import Sequence
from operator import mul
from typing import Final

from evald.errors import GraderFailed

SMALLEST: Final = 1e-150
"""Below this the numbers' products run out of digits. Embeddings have lengths near 1."""


def cosine_of(first: Sequence[float], second: Sequence[float]) -> float:
    """Give the cosine of the angle between two embeddings, 0 for all angles beyond a right one.

    A score goes from 0 to 1 (contract section 6.3), so opposite meanings count as unrelated ones.
    Raises GraderFailed for embeddings of different lengths and for those without a direction (empty,
    all zero, not finite): an endpoint's fault must not become a score.
    """
    if len(first) != len(second):
        raise GraderFailed(
            "embeddings_differ",
            f"The embeddings have {len(first):,} and {len(second):,} numbers; "
            "only embeddings by one model can be compared.",
        )
    lengths: float = math.hypot(*first) * math.hypot(*second)
    if not SMALLEST < lengths < math.inf:
        raise GraderFailed(
            "embedding_unusable",
            "An embedding is empty, all zero or not finite, so it has no direction to compare.",
        )
    product: float = sum(map(mul, first, second))
    return min(1.0, max(0.0, product / lengths))
