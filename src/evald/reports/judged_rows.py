"""The rows of one run as a comparison needs them: what each was about and how it went, without texts.

A row takes some 20 bytes and 9 more for each testing criterion, so that a million fit in memory.
"""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from math import nan
from typing import Final

import orjson

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.criterion_names import CriterionNames
from evald.rules.verdict import ItemStatus

PASS: Final = 1
FAIL: Final = 2
ERROR: Final = 3
LARGEST: Final = 1e100
"""A score that is further from 0 counts as this, so that sums and squares of scores stay numbers."""
NOTHING: Final = 0
"""How an item or a result of it went, as a byte. `NOTHING`: a criterion has no result of it."""
STATUSES: Final[tuple[ItemStatus, ...]] = ("error", "pass", "fail", "error")
"""What these bytes mean as the status of an item."""
_CODES: Final[dict[JsonValue, int]] = {"pass": PASS, "fail": FAIL}


@dataclass
class CriterionColumn:
    """What one criterion said of each row."""

    outcomes: bytearray = field(default_factory=bytearray)
    scores: "array[float]" = field(default_factory=lambda: array("d"))
    """Not a number where there is no score."""


@dataclass
class JudgedRows:
    """The rows of a run that have an output item, column by column, in the order of their numbers."""

    criteria: tuple[CriterionColumn, ...]
    numbers: "array[int]" = field(default_factory=lambda: array("q"))
    contents: "array[int]" = field(default_factory=lambda: array("Q"))
    """A fingerprint of the row itself, the same in every run and for every order of its keys."""
    statuses: bytearray = field(default_factory=bytearray)
    latency_ms: float = 0.0
    """The sum over the rows with a sample whose latency is known."""
    timed: int = 0
    """How many those are."""

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.numbers)

    @property
    def mean_latency_ms(self) -> float | None:
        """Give the mean over the rows whose latency is known, or None."""
        return self.latency_ms / self.timed if self.timed else None

    def take(self, items: Sequence[tuple[int, str]], names: CriterionNames) -> None:
        """Add the next items, each as its row number and JSON text."""
        for number, text in items:
            item = orjson.loads(text)
            self.numbers.append(number)
            self.contents.append(fingerprint(item.get("datasource_item"), text))
            self.statuses.append(_CODES.get(item.get("status"), ERROR))
            self._add_results(names.results_in(item.get("results")))
            self._add_latency(item)

    def _add_latency(self, item: JsonObject) -> None:
        """Add how long the sample took; a call that gave none counts as little as in the report."""
        extras, sample = item.get("evald"), item.get("sample")
        latency = extras.get("latency_ms") if isinstance(extras, dict) else None
        if isinstance(sample, dict) and sample.get("error"):
            return
        if isinstance(latency, int | float):
            self.latency_ms += latency
            self.timed += 1

    def _add_results(self, results: Sequence[JsonObject | None]) -> None:
        for column, result in zip(self.criteria, results, strict=True):
            outcome = _outcome(result)
            column.outcomes.append(outcome)
            column.scores.append(nan if result is None or outcome == ERROR else _score(result))


def no_rows(criteria: int) -> JudgedRows:
    """Give the rows of a run, none yet, for so many criteria."""
    return JudgedRows(tuple(CriterionColumn() for _ in range(criteria)))


def fingerprint(content: JsonValue, text: str) -> int:
    """Give 64 bits by which the content of a row is known.

    What is nested too deep to be written again is known by the text of its whole item alone.
    """
    try:
        canonical = orjson.dumps(content, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        canonical = text.encode()
    return int.from_bytes(blake2b(canonical, digest_size=8).digest(), "little")


def _outcome(result: JsonObject | None) -> int:
    if result is None:
        return NOTHING
    if result.get("error") is not None:
        return ERROR
    return PASS if result.get("passed") is True else FAIL


def _score(result: JsonObject) -> float:
    score = result.get("score")
    if isinstance(score, bool) or not isinstance(score, int | float):
        return nan
    return max(-LARGEST, min(LARGEST, float(score)))
