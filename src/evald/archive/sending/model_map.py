"""The models that judge in an eval, and others in their place (pure)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_JUDGES: Final = ("label_model", "score_model")
_DEEPEST: Final = 8


def judges_of(found: Mapping[str, Any]) -> set[str]:
    """Give the models that the criteria of an eval ask for a verdict."""
    return {str(each["model"]) for each in _judges(found.get("testing_criteria"), _DEEPEST)}


def with_models(found: Mapping[str, Any], models: Mapping[str, str]) -> dict[str, Any]:
    """Give an eval whose judges are these models where they were those; all else stays."""
    criteria = _mapped(found.get("testing_criteria"), models, _DEEPEST)
    return {**found, "testing_criteria": criteria}


def _judges(graders: object, depth: int) -> Iterator[Mapping[str, Any]]:
    for grader in _listed(graders) if depth else ():
        if isinstance(grader, dict):
            if grader.get("type") in _JUDGES and isinstance(grader.get("model"), str):
                yield grader
            elif grader.get("type") == "multi":
                yield from _judges(grader.get("graders"), depth - 1)


def _listed(graders: object) -> list[Any]:
    """Give graders one by one: a `multi` has them by name, or one by itself."""
    if isinstance(graders, dict):
        return [graders] if isinstance(graders.get("type"), str) else list(graders.values())
    return graders if isinstance(graders, list) else []


def _mapped(graders: Any, models: Mapping[str, str], depth: int) -> Any:
    if isinstance(graders, list):
        return [_mapped(each, models, depth) for each in graders]
    if not isinstance(graders, dict) or not depth:
        return graders
    kind = graders.get("type")
    if kind in _JUDGES and isinstance(graders.get("model"), str):
        return {**graders, "model": models.get(graders["model"], graders["model"])}
    if kind == "multi":
        return {**graders, "graders": _mapped(graders.get("graders"), models, depth - 1)}
    if isinstance(kind, str):
        return graders
    return {name: _mapped(each, models, depth - 1) for name, each in graders.items()}
