"""OpenAI's published schema beside our own document: each endpoint, field and word, and if we have it.

Both are OpenAPI documents. The published one lies in `shared/contract/` beside the checkout, and ours is
made of the routes. `coverage_page` writes what is found here as a page of the docs.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

import yaml

from tests.contract.schema import DOCUMENT
from tests.openapi.document import document

Schema: TypeAlias = dict[str, Any]
Side: TypeAlias = Literal["taken", "answered"]
Verdict: TypeAlias = Literal["yes", "as sent", "no"]
"""`as sent`: evald keeps or passes on what stands there, and does not look at it."""

WORST_LAST: Final[Sequence[Verdict]] = ("yes", "as sent", "no")
UNIONS: Final = ("anyOf", "oneOf", "allOf")


@dataclass
class Coverage:
    """What was found."""

    endpoints: dict[str, dict[str, Verdict]] = field(default_factory=dict)
    """By endpoint, such as `GET /evals`: its parameters; one that is not served has none, but ""."""
    fields: dict[str, dict[str, dict[Side, Verdict]]] = field(default_factory=dict)
    """By published schema, and by field such as `data[].id` or word such as `order = desc`."""


@dataclass(frozen=True)
class Place:
    """A place in the published schema: the named schema that it is in, and the way from there."""

    owner: str
    way: str
    side: Side

    def at(self, step: str) -> "Place":
        """Give the place one step further in."""
        glue = "." if self.way and step[0] not in "[ " else ""
        return Place(self.owner, f"{self.way}{glue}{step}", self.side)


def coverage() -> Coverage:
    """Compare the two documents."""
    published: Schema = yaml.safe_load(DOCUMENT.read_text("utf-8"))
    comparison = _Comparison(published, document())
    for path, methods in published["paths"].items():
        for method, operation in methods.items():
            comparison.operation(method, path, operation)
    return comparison.found


class _Comparison:
    def __init__(self, published: Schema, ours: Schema) -> None:
        self._published = published
        self._ours = ours
        self._seen: set[tuple[str, Side, str]] = set()
        self.found = Coverage()

    def operation(self, method: str, path: str, published: Schema) -> None:
        ours = self._ours["paths"].get(f"/v1{path}", {}).get(method)
        parameters = self.found.endpoints.setdefault(f"{method.upper()} {path}", {})
        if ours is None:
            parameters[""] = "no"
            return
        names = {_bare(each["name"]) for each in ours.get("parameters", [])}
        for parameter in published.get("parameters", []):
            parameters[parameter["name"]] = "yes" if _bare(parameter["name"]) in names else "no"
        self._bodies(published.get("requestBody"), ours.get("requestBody"), "taken")
        self._bodies(_success(published), _success(ours), "answered")

    def _bodies(self, published: Schema | None, ours: Schema | None, side: Side) -> None:
        given = [each["schema"] for each in (ours or {}).get("content", {}).values()]
        for content in (published or {}).get("content", {}).values():
            if "schema" in content:
                self._schema(content["schema"], given, Place("", "", side))

    def _schema(self, published: Schema, ours: Sequence[Schema], place: Place) -> None:
        """Compare one place with those of our schemas of which one is meant."""
        if "$ref" in published:
            name = published["$ref"].rpartition("/")[2]
            place = Place(name, "", place.side)
            seen = (name, place.side, str(sorted(map(str, ours))))
            if seen in self._seen:
                return
            self._seen.add(seen)
            published = self._published["components"]["schemas"][name]
        for inner in _parts(published):
            self._schema(inner, ours, place)
        plain = [each for schema in ours for each in self._plain(schema)]
        for word in published.get("enum", []):
            if word is not None:
                self._note(place.at(f" = {word}"), _has_word(word, plain))
        if "items" in published:
            items = [each.get("items", {}) for each in plain if _may_be("array", each)]
            self._schema(published["items"], items, place.at("[]"))
        if "properties" in published:
            self._fields(published, [each for each in plain if _may_be("object", each)], place)

    def _fields(self, published: Schema, ours: Sequence[Schema], place: Place) -> None:
        meant = [each for each in ours if self._is_of_kind(each, published)]
        for name, inner in published["properties"].items():
            named = [
                each["properties"][name] for each in meant if name in each.get("properties", {})
            ]
            if named:
                self._note(place.at(name), "yes")
                self._schema(inner, named, place.at(name))
            else:
                self._note(place.at(name), "as sent" if any(map(_is_open, meant)) else "no")

    def _is_of_kind(self, ours: Schema, published: Schema) -> bool:
        """Say whether an object of ours can be of the kind that the published `type` names."""
        kinds = published["properties"].get("type", {}).get("enum", [])
        if not kinds or "type" not in ours.get("properties", {}):
            return True
        plain = list(self._plain(ours["properties"]["type"]))
        return any(_has_word(kind, plain) != "no" for kind in kinds)

    def _plain(self, schema: Schema) -> Iterator[Schema]:
        """Give what one of our schemas comes to, without references and unions."""
        if "$ref" in schema:
            schema = self._ours["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        inner = list(_parts(schema))
        for each in inner:
            yield from self._plain(each)
        if not inner:
            yield schema

    def _note(self, place: Place, verdict: Verdict) -> None:
        """Add a finding. A place that is reached by several ways has the worst that was found there."""
        known = self.found.fields.setdefault(place.owner, {}).setdefault(place.way.strip(), {})
        known[place.side] = max(known.get(place.side, "yes"), verdict, key=WORST_LAST.index)


def _bare(parameter: str) -> str:
    return parameter.partition("[")[0]


def _success(operation: Schema) -> Schema | None:
    answers = operation["responses"].items()
    return next((answer for status, answer in answers if str(status).startswith("2")), None)


def _parts(schema: Schema) -> Iterator[Schema]:
    for union in UNIONS:
        yield from schema.get(union, [])


def _may_be(kind: str, schema: Schema) -> bool:
    kinds = schema.get("type", kind)
    return kind in (kinds if isinstance(kinds, list) else [kinds])


def _is_open(schema: Schema) -> bool:
    """Say whether an object may hold fields that it does not name; pydantic says so only if it may."""
    return bool(schema.get("additionalProperties", "properties" not in schema))


def _has_word(word: Any, ours: Sequence[Schema]) -> Verdict:
    if any(word == each.get("const") or word in each.get("enum", []) for each in ours):
        return "yes"
    any_text = [e for e in ours if _may_be("string", e) and "enum" not in e and "const" not in e]
    return "as sent" if any_text else "no"
