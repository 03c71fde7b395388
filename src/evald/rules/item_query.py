"""Which output items of a run are asked for, and in which order."""

from dataclasses import dataclass, field
from typing import Literal

from evald.rules.verdict import ItemStatus, Outcome

SortKey = Literal["row", "latency", "tokens", "score"]


@dataclass(frozen=True, slots=True)
class Range:
    """Numbers from `low` to `high`, both included; None where there is no such limit."""

    low: float | None = None
    high: float | None = None

    @property
    def is_all(self) -> bool:
        """Say whether every number lies in it."""
        return self.low is None and self.high is None


@dataclass(frozen=True, slots=True)
class Sort:
    """An order of items. Ties are in the order of the rows.

    Items that have no such number, say no score because its criterion errored, are not in a list that is
    sorted by it.
    """

    key: SortKey = "row"
    criterion: int = 0
    """The position of the criterion whose scores are meant, for `score`."""
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class ItemQuery:
    """What an item has to be to be listed: all of this together."""

    status: ItemStatus | None = None
    text: str = ""
    """Words that its input, its row or its output have, each at least in its beginning."""
    verdicts: tuple[tuple[int, Outcome], ...] = ()
    """By the position of a criterion, how its result counts."""
    scores: tuple[tuple[int, Range], ...] = ()
    """By the position of a criterion, between which limits its score is."""
    latency_ms: Range = field(default_factory=Range)
    tokens: Range = field(default_factory=Range)
    fields: tuple[tuple[str, str], ...] = ()
    """Fields of the row at its top level, and their values as text: `("country", "DE")`."""
    reason: str | None = None
    """The key of the reason for which it failed or errored."""
    sort: Sort = field(default_factory=Sort)

    @property
    def is_plain(self) -> bool:
        """Say whether the items themselves answer it, without the index behind them."""
        by_row = Sort(is_descending=self.sort.is_descending)
        return self == ItemQuery(status=self.status, sort=by_row)
