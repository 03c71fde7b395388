"""The whole registry of the real package, turned without a server, and counted."""

from collections import Counter
from itertools import islice
from typing import Any

import pytest

from evald.openai_registry.files import open_registry
from evald.openai_registry.model_graded import CLASS
from evald.openai_registry.plan import Plan
from evald.openai_registry.rows import rows_of
from evald.openai_registry.specs import Registry, Unusable, read_registry
from evald.openai_registry.string_classes import CLASSES
from evald.openai_registry.turning import plan_of
from evald.rules.messages import compile_messages
from tests.registry.package import answers, wheel
from tests.server import CHECKOUT

COUNTED = {
    "Match": (290, 288, 288),
    "Includes": (173, 172, 172),
    "ModelBasedClassify": (61, 61, 54),
    "FuzzyMatch": (38, 38, 38),
    "JsonMatch": (3, 3, 3),
}
"""Of each class how many evals there are, how many have data, and how many come through."""
NO_DATA = "cannot be read"
NO_JSON = "is no JSON"


@pytest.fixture(scope="module")
def registry() -> Registry:
    return read_registry(open_registry(wheel()))


def test_the_registry_has_849_evals_and_each_is_found_by_its_names(registry: Registry) -> None:
    assert (len(registry.names), registry.broken) == (849, [])
    assert registry.files.version == "3.0.1.post1"
    assert registry.matching("2d_movement") == ["2d_movement.dev.v0"]
    assert registry.matching("*") == list(dict.fromkeys(registry.matching("*")))
    assert set(registry.matching("*")) == set(registry.names)


def test_of_the_classes_that_are_turned_95_of_100_evals_with_data_come_through(
    registry: Registry,
) -> None:
    there: Counter[str] = Counter()
    with_data: Counter[str] = Counter()
    turned: Counter[str] = Counter()
    reasons = {}
    for name in registry.names:
        spec = registry.spec(name)
        if spec.class_name != CLASS and spec.class_name not in CLASSES:
            continue
        there[spec.short_class] += 1
        try:
            plan_of(spec, registry)
            turned[spec.short_class] += 1
        except Unusable as error:
            reasons[name] = str(error)
        lacks = NO_DATA in reasons.get(name, "") or NO_JSON in reasons.get(name, "")
        with_data[spec.short_class] += not lacks

    assert {each: (there[each], with_data[each], turned[each]) for each in there} == COUNTED
    assert turned.total() >= 0.95 * with_data.total()
    page = (CHECKOUT / "docs" / "registry.md").read_text()
    assert [name for name in reasons if f"`{name}`" not in page] == []
    for name, counts in COUNTED.items():
        assert f"| {name} | {' | '.join(map(str, counts))} |" in page
    sums = [sum(column) for column in zip(*COUNTED.values(), strict=True)]
    assert f"| together | {' | '.join(map(str, sums))} |" in page


SAID = 'An "answer" with {braces} and {{more}}'
ROWS = 3


def test_every_judge_is_asked_as_the_package_asks_it(registry: Registry) -> None:
    ours, cases = [], []
    for name in registry.matching("*"):
        spec = registry.spec(name)
        try:
            plan = plan_of(spec, registry, "judge") if spec.class_name == CLASS else None
        except Unusable:
            plan = None
        if plan is None:
            continue
        graded = registry.graders[str(spec.args["modelgraded_spec"])]
        rows = (row for _, row in rows_of(registry.files, plan.data))
        for item, row in islice(zip(plan.items(registry.files), rows, strict=False), ROWS):
            ours.append(judge_prompt(plan, item["item"]))
            answer = dict.fromkeys(dict_of(graded["input_outputs"]).values(), SAID)
            given = dict_of(spec.args.get("modelgraded_spec_args") or {})
            ending = None
            if not plan.needs_judge and "eval_type" in spec.args:
                ending = [spec.args["eval_type"], graded["choice_strings"]]
            values = {"n": 1, **answer, **row, **given}
            cases.append(("prompt", graded["prompt"], ending, values))

    assert len(ours) == ROWS * COUNTED["ModelBasedClassify"][2]
    assert ours == answers(cases)


def judge_prompt(plan: Plan, item: Any) -> Any:
    """Give what the judge is asked on a row, without our own last sentence."""
    if not plan.needs_judge:
        return item["evald"]["messages"]
    template: Any = plan.criterion["input"]
    (asked,) = compile_messages(template)({"item": item, "sample": {"output_text": SAID}})
    return [{**asked, "content": str(asked["content"]).rpartition("\n\nThe result is one of")[0]}]


def dict_of(value: Any) -> dict[str, Any]:
    assert isinstance(value, dict)
    return value
