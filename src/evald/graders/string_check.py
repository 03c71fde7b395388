"""The `string_check` grader: two texts compared (contract section 6.2)."""

from collections.abc import Callable
from typing import Final

from evald.contract.graders import StringCheck
from evald.graders.interface import Grade, Grader
from evald.rules.template import Namespaces, compile_template

OPERATIONS: Final[dict[str, Callable[[str, str], bool]]] = {
    "eq": lambda text, reference: text == reference,
    "ne": lambda text, reference: text != reference,
    "like": lambda text, reference: reference in text,
    "ilike": lambda text, reference: reference.casefold() in text.casefold(),
}
"""`like` means "contains"; there are no wildcards, and nothing is trimmed."""


def string_check(criterion: StringCheck) -> Grader:
    """Give the grader of a criterion; its score is 1 or 0."""
    text = compile_template(criterion.input)
    reference = compile_template(criterion.reference)
    holds = OPERATIONS[criterion.operation]

    async def grade(namespaces: Namespaces) -> Grade:
        passed = holds(text.render(namespaces), reference.render(namespaces))
        return Grade(passed=passed, score=1.0 if passed else 0.0)

    return grade
