"""Which testing criterion of an eval a result belongs to, by what the result is called.

The results of evald are called by the ids of criteria. Imported ones may be of an eval that was made
again since: OpenAI calls them by a name with a uuid behind it, and others by a name alone.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from evald.contract.json_types import JsonObject, JsonValue

_Places: TypeAlias = Mapping[str, list[int]]

_UUID_SUFFIX: Final = re.compile(r"-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SUFFIX_LENGTH: Final = 37


def bare_name(result_name: str) -> str:
    """Give a criterion's name without the uuid that the API puts behind it."""
    has_suffix = _UUID_SUFFIX.fullmatch(result_name[-_SUFFIX_LENGTH:])
    return result_name[:-_SUFFIX_LENGTH] if has_suffix else result_name


@dataclass(frozen=True)
class CriterionNames:
    """What the criteria of an eval are called, and at which places they stand."""

    number: int
    _by_id: _Places
    _by_name: _Places

    @classmethod
    def of(cls, criteria: Iterable[tuple[str, str]]) -> "CriterionNames":
        """Take the id and the name of each criterion, in their order. An empty name is none."""
        by_id, by_name = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        number = 0
        for place, (criterion_id, name) in enumerate(criteria):
            by_id[criterion_id].append(place)
            if name:
                by_name[name].append(place)
            number = place + 1
        return cls(number, dict(by_id), dict(by_name))

    def place_of(self, result_name: str, place: int) -> int | None:
        """Give the place of the criterion that a result is of, or None.

        It is found by its id, else by its name, else by the name before a uuid: the criterion that alone
        is called so, or of several the one that stands where the result stands among the item's.
        """
        for places, called in (
            (self._by_id, result_name),
            (self._by_name, result_name),
            (self._by_name, bare_name(result_name)),
        ):
            found = _chosen(places, called, place)
            if found is not None:
                return found
        return None

    def results_in(self, results: JsonValue) -> list[JsonObject | None]:
        """Give for each criterion its result among those of an item, or None.

        A result that has the id goes before one that has only the name; of equals the first is taken.
        """
        found: list[JsonObject | None] = [None] * self.number
        others: list[tuple[int, str, JsonObject]] = []
        for place, result in enumerate(results if isinstance(results, list) else []):
            if not isinstance(result, dict) or not isinstance(name := result.get("name"), str):
                continue
            known = _chosen(self._by_id, name, place)
            if known is None:
                others.append((place, name, result))
            elif found[known] is None:
                found[known] = result
        for place, name, result in others:
            known = self.place_of(name, place)
            if known is not None and found[known] is None:
                found[known] = result
        return found


def _chosen(places: _Places, called: str, place: int) -> int | None:
    known = places.get(called, ())
    if len(known) == 1:
        return known[0]
    return place if place in known else None
