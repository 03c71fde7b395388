"""Model-graded specs: what a judge is asked, what it may answer, and which answers pass."""

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonValue
from evald.openai_registry.specs import Registry, Unusable, object_arg, texts

PASSING: Final[Mapping[str, Sequence[str]]] = {
    "fact": "ABCE",  # D is the one that says that the facts disagree
    "possible": "A",  # the tasks of its evals are impossible, and A says that the answer knows it
    "rhyming": "A",  # the tasks of its eval ask for at most three rhymes
}
"""The labels that pass of the specs that score none."""


@dataclass(frozen=True)
class GradedSpec:
    """A model-graded spec: what a judge is asked, and what its answers are worth."""

    name: str
    prompt: JsonValue
    choices: tuple[str, ...]
    scores: dict[str, float] | None
    eval_type: str | None
    outputs: Mapping[str, str]
    """By the key of a row's input, the name of the answer to it."""


def read_graded_spec(registry: Registry, name: str) -> GradedSpec:
    """Give a spec by its name. Keys that openai/evals does not know it ignores. Raises Unusable."""
    found = registry.graders.get(name)
    if found is None:
        raise Unusable(f"there is no model-graded spec '{name}'")
    choices = _choices(found.get("choice_strings"))
    outputs = object_arg(found, "input_outputs")
    if not outputs or not all(
        str(each).isidentifier() for pair in outputs.items() for each in pair
    ):
        raise Unusable(f"its spec '{name}' has no input_outputs that are plain names")
    eval_type = found.get("eval_type")
    return GradedSpec(
        name,
        found.get("prompt"),
        choices,
        _scores(found.get("choice_scores"), choices),
        eval_type if isinstance(eval_type, str) else None,
        {key: str(value) for key, value in outputs.items()},
    )


def _choices(value: JsonValue) -> tuple[str, ...]:
    match value:
        case "from_n":
            value = "1"
        case "from_n_abc" | "from_n_ABC":
            value = value.removeprefix("from_n_")[0]
    choices = list(value) if isinstance(value, str | list) else []
    if not choices or not texts(choices) or len(set(map(str, choices))) < len(choices):
        raise Unusable("the choices of its model-graded spec are no list of texts")
    named = tuple(str(choice) for choice in choices)
    if any(sign in string.punctuation for choice in named for sign in choice) or "" in named:
        raise Unusable("a choice of its model-graded spec has punctuation")
    return named


def _scores(value: JsonValue, choices: Sequence[str]) -> dict[str, float] | None:
    if value is None:
        return None
    if value == "from_strings":
        value = {choice: choice for choice in choices}
    known = value if isinstance(value, dict) else {}
    try:
        return {choice: float(str(known.get(choice))) for choice in choices}
    except ValueError:
        reason = "the scores of its model-graded spec are no number for each choice"
        raise Unusable(reason) from None


def passing_labels(name: str, choices: Sequence[str], scores: dict[str, float] | None) -> list[str]:
    """Give the choices that pass: those above the middle of the scores.

    Of a spec without scores those that `PASSING` names; of another one all, and only errors do not.
    """
    if scores is None:
        return [each for each in choices if each in PASSING.get(name, choices)]
    middle = (min(scores.values()) + max(scores.values())) / 2
    return [each for each in choices if scores[each] > middle] or list(choices)
