"""The one question of this room: what becomes of an eval of the registry."""

from evald.openai_registry.model_graded import CLASS, plan_of_judged
from evald.openai_registry.plan import Plan
from evald.openai_registry.specs import EvalSpec, Registry, Unusable
from evald.openai_registry.string_classes import CLASSES, plan_of_texts


def plan_of(spec: EvalSpec, registry: Registry, judge: str | None = None) -> Plan:
    """Give what becomes of an eval, after a look at all its rows. Raises Unusable with the reason."""
    if spec.class_name == CLASS:
        return plan_of_judged(spec, registry, judge)
    if spec.class_name in CLASSES:
        return plan_of_texts(spec, registry.files)
    raise Unusable(f"the class {spec.short_class} is not one that evald can turn")
