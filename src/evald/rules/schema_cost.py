"""How many schemas one value of a row is held against, counted before any row is.

Schemas come from clients. References let a small one stand for a huge one: thirty schemas of which
each refers twice to the next are 2^30 checks of one value, and no check can be broken off. A schema
that refers to itself deeper in the row, as for trees, is no such thing.
"""

from collections import Counter
from dataclasses import dataclass
from math import inf
from typing import Final

from evald.contract.json_types import JsonObject
from evald.rules.subschemas import (
    ANY_ITEM,
    ANY_PROPERTY,
    NAME_OF_PROPERTY,
    Place,
    SchemaDocument,
    on_values_inside,
    own_checks,
)

MOST_ON_ONE_VALUE: Final = 10_000
"""Schemas that a schema may apply to the very value that it is applied to itself."""
LONGEST_CHAIN: Final = 64
"""Schemas of which each may apply the next to the same value: the checker's stack is finite."""
LARGEST: Final = 50_000
"""Parts that a schema may have, with what its references stand for."""
ROUNDS: Final = 1_000_000
"""Parts that are looked at, over and over, to see how the checks grow with the depth of a row."""
ENDLESS: Final = 10**12
"""More checks than anybody waits for; beyond it nothing is counted."""
DEEPEST_ROW: Final = 254
UNEVALUATED: Final = 3
"""How often a schema with an `unevaluated…` keyword asks what the schemas beside it have seen."""

TOO_LONG: Final = f"more than {LONGEST_CHAIN} of its schemas each apply the next to one value"


class TooCostly(ValueError):
    """No value should be held against this schema."""


@dataclass(frozen=True, slots=True)
class _Applied:
    """What is applied when a schema is: to the value itself, and to the values inside."""

    checks: int
    chain: int
    inside: dict[Place, Counter[int]]
    """At each place the schemas, by their key, and how many times each is applied."""


class SchemaCost:
    """The cost of a schema, for rows of every depth."""

    chain: int
    """The longest chain of schemas of which each applies the next to the same value."""

    def __init__(self, schema: JsonObject) -> None:
        """Count. Raises TooCostly, or Unresolved for a reference that leads nowhere."""
        self._document = SchemaDocument(schema)
        self._work = 0
        self._applied: dict[int, _Applied] = {}
        self._schemas: dict[int, JsonObject] = {id(schema): schema}
        open_keys = [id(schema)]
        while open_keys:
            applied = self._count(open_keys.pop(), ())
            found = {key for keys in applied.inside.values() for key in keys}
            open_keys += [key for key in found if key not in self._applied]
        self.chain = max(each.chain for each in self._applied.values())
        self._checks, self._ends = self._by_depth(id(schema))

    def checks(self, depth: int) -> float:
        """Give how many schemas one value of a row of this depth is held against, at most."""
        if depth < len(self._checks):
            return self._checks[depth]
        return self._checks[-1] if self._ends else inf

    def _count(self, key: int, above: tuple[int, ...]) -> _Applied:
        if key in self._applied:
            return self._applied[key]
        if key in above:
            raise TooCostly("it applies itself to the same value, without end")
        if len(above) >= LONGEST_CHAIN:
            raise TooCostly(TOO_LONG)
        schema = self._schemas[key]
        checks, chain = own_checks(schema), 0
        inside: dict[Place, Counter[int]] = {}
        for place, each in on_values_inside(schema):
            inside.setdefault(place, Counter())[self._key(each)] += 1
        times = UNEVALUATED if any(word.startswith("unevaluated") for word in schema) else 1
        for each in self._document.on_the_same_value(schema):
            applied = self._count(self._key(each), (*above, key))
            checks += times * applied.checks
            chain = max(chain, applied.chain)
            for place, keys in applied.inside.items():
                self._spend(len(keys))
                together = inside.setdefault(place, Counter())
                for inner, number in keys.items():
                    together[inner] += times * number
        if chain >= LONGEST_CHAIN:
            raise TooCostly(TOO_LONG)
        if checks > MOST_ON_ONE_VALUE:
            raise TooCostly(
                f"it applies more than {MOST_ON_ONE_VALUE:,} schemas and choices to one value"
            )
        self._applied[key] = _Applied(checks, chain + 1, inside)
        return self._applied[key]

    def _key(self, schema: JsonObject) -> int:
        self._spend(1)
        self._schemas[id(schema)] = schema
        return id(schema)

    def _spend(self, steps: int) -> None:
        self._work += steps
        if self._work > LARGEST:
            raise TooCostly(f"it has more than {LARGEST:,} parts")

    def _by_depth(self, root: int) -> tuple[list[int], bool]:
        """Give the checks for one value of rows of depth 0, 1, ..., and whether they end to grow."""
        checks = {key: applied.checks for key, applied in self._applied.items()}
        of_root = [checks[root]]
        parents = {key: each.inside for key, each in self._applied.items() if each.inside}
        size = sum(len(keys) for inside in parents.values() for keys in inside.values())
        for _ in range(min(DEEPEST_ROW, ROUNDS // (size + 1))):
            deeper = {
                key: max(checks[key], _most_inside(inside, checks))
                for key, inside in parents.items()
            }
            if all(checks[key] == number for key, number in deeper.items()):
                return of_root, True
            checks |= deeper
            of_root.append(checks[root])
        return of_root, False


def _most_inside(inside: dict[Place, Counter[int]], checks: dict[int, int]) -> int:
    """Give the checks of the value inside that gets the most."""
    at = {
        place: sum(number * checks[key] for key, number in keys.items())
        for place, keys in inside.items()
    }
    named = {"property": 0, "item": 0}
    for (kind, where), number in at.items():
        if where is not None:
            named[kind] = max(named[kind], number)
    most = max(
        named["property"] + at.get(ANY_PROPERTY, 0),
        named["item"] + at.get(ANY_ITEM, 0),
        at.get(NAME_OF_PROPERTY, 0),
    )
    return min(most, ENDLESS)
