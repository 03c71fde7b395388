"""What tables say of an item in a cell: its input, its output or why there is none, its verdicts."""

from collections.abc import Sequence
from dataclasses import dataclass

from evald.dashboard.criteria import Criterion, names_of, output_text
from evald.dashboard.media import named_only
from evald.dashboard.reading import ApiObject, list_of, number_or_none, object_of, text_of
from evald.dashboard.texts import Text, as_line, clip, content_text
from evald.rules.verdict import ItemStatus


@dataclass(frozen=True)
class Mark:
    """A criterion's verdict on one item. `kind` is None where the criterion gave none.

    `threshold` is what the score was compared with, or None where it was not or is not known.
    """

    kind: ItemStatus | None
    score: float | None
    threshold: float | None = None


def mark_of(result: ApiObject, criterion: Criterion | None) -> Mark:
    """Give a grader's verdict. An error stands before the score, which is then no score."""
    threshold = criterion.threshold if criterion else None
    if result.get("error"):
        return Mark("error", None, threshold)
    kind: ItemStatus = "pass" if result.get("passed") else "fail"
    return Mark(kind, number_or_none(result.get("score")), threshold)


def marks_of(item: ApiObject, criteria: Sequence[Criterion]) -> tuple[Mark, ...]:
    """Give the verdict of each criterion on an item."""
    results = names_of(criteria).results_in(item.get("results"))
    return tuple(
        Mark(None, None) if result is None else mark_of(result, criterion)
        for criterion, result in zip(criteria, results, strict=True)
    )


def input_of(item: ApiObject, limit: int) -> Text:
    """Give the last message of the user, else the row itself."""
    messages = list_of(object_of(item.get("sample")).get("input"))
    for message in reversed([object_of(message) for message in messages]):
        if message.get("role") == "user":
            return clip(named_only(content_text(message.get("content")), limit), limit)
    return as_line(item.get("datasource_item"), limit)


def output_of(item: ApiObject) -> tuple[str, bool]:
    """Give what the model said, or why there is nothing, and whether it is that."""
    output, errors = output_text(item), _error_messages(item)
    return (errors[0], True) if not output and errors else (output, False)


def _error_messages(item: ApiObject) -> list[str]:
    """Give the messages of everything that broke on this item."""
    broken = [object_of(item.get("sample")).get("error")]
    broken += [object_of(result).get("error") for result in list_of(item.get("results"))]
    errors = [object_of(error) for error in broken if error]
    return [text_of(error.get("message")) or text_of(error.get("code")) for error in errors]
