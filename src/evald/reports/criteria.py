"""The testing criteria of an eval, as a table names them, and their results in an item."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from evald.contract.json_types import JsonObject, JsonValue
from evald.reports.values import value_at

Verdict = Literal["passed", "failed", "errored"]
VERDICTS: tuple[Verdict, ...] = ("passed", "failed", "errored")


@dataclass(frozen=True, slots=True)
class Criterion:
    """One testing criterion."""

    position: int
    id: str
    name: str
    label: str
    """What columns call it: its name, or its id where another criterion has the same name."""
    type: str

    def result_in(self, item: JsonObject) -> JsonObject | None:
        """Give its result for an item, or None."""
        results = item.get("results")
        if not isinstance(results, list):
            return None
        at_place = results[self.position] if self.position < len(results) else None
        if isinstance(at_place, dict) and at_place.get("name") == self.id:
            return at_place
        for result in results:
            if isinstance(result, dict) and result.get("name") == self.id:
                return result
        if isinstance(at_place, dict) and at_place.get("name") == self.name:
            return at_place  # as results of elsewhere may have it
        return None

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
    names = [str(each.get("name") or each["id"]) for each in testing_criteria]
    times = Counter(names)
    return tuple(
        Criterion(
            position,
            str(each["id"]),
            name,
            name if times[name] == 1 else str(each["id"]),
            str(each.get("type")),
        )
        for position, (name, each) in enumerate(zip(names, testing_criteria, strict=True))
    )


def find_criterion(criteria: Sequence[Criterion], text: str) -> tuple[Criterion, str | None] | None:
    """Give the criterion that a text begins with, by label or id, and what stands behind its dot.

    None where there is none.
    """
    named = [(key, each) for each in criteria for key in {each.label, each.id}]
    fitting = [(key, each) for key, each in named if text == key or text.startswith(f"{key}.")]
    if not fitting:
        return None
    key, found = max(fitting, key=lambda pair: len(pair[0]))
    return found, text[len(key) + 1 :] if len(text) > len(key) else None
