"""The testing criteria of an eval, as a table names them, and their results in an item."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evald.contract.json_types import JsonObject, JsonValue
from evald.reports.values import value_at
from evald.rules.criterion_names import CriterionNames

Verdict = Literal["passed", "failed", "errored"]
VERDICTS: tuple[Verdict, ...] = ("passed", "failed", "errored")


class Results:
    """The results of one item after the other, each item looked through once for all criteria."""

    def __init__(self, names: CriterionNames) -> None:
        self._names = names
        self._item: JsonObject | None = None
        self._found: list[JsonObject | None] = []

    def of(self, position: int, item: JsonObject) -> JsonObject | None:
        """Give the result of the criterion at a position for an item, or None."""
        if item is not self._item:
            self._item, self._found = item, self._names.results_in(item.get("results"))
        return self._found[position]


@dataclass(frozen=True, slots=True)
class Criterion:
    """One testing criterion."""

    position: int
    id: str
    name: str
    label: str
    """What columns call it: its name, or its id where the name may mean another criterion too."""
    type: str
    results: Results

    def result_in(self, item: JsonObject) -> JsonObject | None:
        """Give its result for an item, or None."""
        return self.results.of(self.position, item)

    def verdict_in(self, item: JsonObject) -> Verdict | None:
        """Give how its result counts, or None where there is none."""
        result = self.result_in(item)
        if result is None:
            return None
        if result.get("error") is not None:
            return "errored"
        return "passed" if result.get("passed") is True else "failed"

    def value_in(self, item: JsonObject, keys: Sequence[str]) -> JsonValue:
        """Give a part of its result. One that errored has neither `passed` nor `score`."""
        result = self.result_in(item)
        if result is None or (
            keys in (("passed",), ("score",)) and result.get("error") is not None
        ):
            return None
        return value_at(result, keys)


def criteria_of(testing_criteria: Sequence[JsonObject]) -> tuple[Criterion, ...]:
    """Give the criteria of an eval."""
    called = [(str(each["id"]), str(each.get("name") or each["id"])) for each in testing_criteria]
    results = Results(CriterionNames.of(called))
    labels = _labels(called)
    return tuple(
        Criterion(position, criterion_id, name, label, str(each.get("type")), results)
        for position, ((criterion_id, name), label, each) in enumerate(
            zip(called, labels, testing_criteria, strict=True)
        )
    )


def _labels(called: Sequence[tuple[str, str]]) -> list[str]:
    """Give each criterion, of which id and name are given, a label of its own."""
    ids = Counter(criterion_id for criterion_id, _ in called)
    meanings = Counter(text for pair in called for text in set(pair))
    return [
        name
        if meanings[name] == 1
        # Imported criteria may even share their ids.
        else criterion_id
        if ids[criterion_id] == 1
        else f"{criterion_id}#{position}"
        for position, (criterion_id, name) in enumerate(called)
    ]


def find_criterion(criteria: Sequence[Criterion], text: str) -> tuple[Criterion, str | None] | None:
    """Give the criterion that a text begins with, by label or else by id, and what is behind its dot.

    Of several it is the one that is called by the longest. None where there is none.
    """
    named = [(each.label, each) for each in criteria] + [(each.id, each) for each in criteria]
    fitting = [(key, each) for key, each in named if text == key or text.startswith(f"{key}.")]
    if not fitting:
        return None
    key, found = max(fitting, key=lambda pair: len(pair[0]))
    return found, text[len(key) + 1 :] if len(text) > len(key) else None
