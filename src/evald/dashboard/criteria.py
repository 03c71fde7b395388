"""An eval's testing criteria: how each is named, described, counted, and what it compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from evald.contract.json_types import JsonValue
from evald.dashboard.bars import Counts, Segment, segments
from evald.dashboard.figures import exact
from evald.dashboard.reading import (
    ApiObject,
    count_of,
    list_of,
    object_of,
    text_of,
)
from evald.dashboard.texts import call_texts, clip, content_text, said_text
from evald.rules.criterion_names import CriterionNames, bare_name
from evald.rules.json_text import BadJson
from evald.rules.template import RowNamespaces, TextTooLong, compile_template
from evald.rules.thresholds import threshold_of

_NAME_LIMIT = 120
_SUMMARY_LIMIT = 200
_MOST_OTHERS = 100
_OPERATIONS = {
    "eq": "equals",
    "ne": "differs from",
    "like": "contains",
    "ilike": "contains, in any case,",
}


@dataclass(frozen=True)
class Criterion:
    """One testing criterion of the eval, or one part of a formula.

    `threshold` is None where a score has none. `parts` are a formula's by their keys.
    """

    id: str
    name: str
    """As it is shown."""
    whole_name: str
    type: str
    summary: str
    threshold: float | None
    input: str
    reference: str
    formula: str
    parts: Mapping[str, "Criterion"]


@dataclass(frozen=True)
class CriterionResult:
    """How a criterion went over the whole run. `counts` is None until the API knows them."""

    criterion: Criterion
    counts: Counts | None
    bar: tuple[Segment, ...]

    @property
    def share(self) -> float | None:
        """Give the share of items with a verdict that passed, or None where none has one."""
        judged = self.counts.passed + self.counts.failed if self.counts else 0
        return self.counts.passed / judged if self.counts and judged else None


def criteria_of(eval_object: ApiObject) -> tuple[Criterion, ...]:
    """Give the eval's testing criteria in their order."""
    return tuple(_criterion(object_of(c)) for c in list_of(eval_object.get("testing_criteria")))


def results_of(criteria: Sequence[Criterion], run: ApiObject) -> tuple[CriterionResult, ...]:
    """Give each criterion with the run's counts of it, then the counts that are of no criterion.

    An imported run may have been graded by others than its eval has now.
    """
    known: dict[int, ApiObject] = {}
    others: list[CriterionResult] = []
    names = names_of(criteria)
    for number, each in enumerate(list_of(run.get("per_testing_criteria_results"))):
        entry = object_of(each)
        name = text_of(entry.get("testing_criteria"))
        place = names.place_of(name, number)
        if place is None or place in known:
            others.append(_result(_criterion({"id": name, "name": bare_name(name)}), entry))
        else:
            known[place] = entry
    results = [_result(criterion, known.get(place)) for place, criterion in enumerate(criteria)]
    return tuple(results + others[:_MOST_OTHERS])


def names_of(criteria: Sequence[Criterion]) -> CriterionNames:
    """Give what results call these criteria."""
    return CriterionNames.of((criterion.id, criterion.whole_name) for criterion in criteria)


def namespaces_of(item: ApiObject) -> RowNamespaces:
    """Give what the templates of criteria see of an item, with one limit for all of them."""
    return RowNamespaces(
        {
            "item": item.get("datasource_item"),
            "sample": _sample_namespace(object_of(item.get("sample"))),
        }
    )


def expected_of(criterion: Criterion, seen: RowNamespaces) -> str | None:
    """Give the reference that this item was compared with, or None where there is none.

    The API does not keep the rendered texts; they follow from the row and the sample.
    """
    return _filled_in(criterion.reference, seen) if criterion.reference else None


def got_of(criterion: Criterion, seen: RowNamespaces) -> str | None:
    """Give the text that was compared with the reference, or None where there is none."""
    return _filled_in(criterion.input, seen) if criterion.reference else None


def output_text(asked: ApiObject) -> str:
    """Give what a model answered to an item or a judge to a grader: text, then tool calls."""
    sample = object_of(asked.get("sample"))
    messages = [object_of(message) for message in list_of(sample.get("output"))]
    texts = [said_text(message) for message in messages]
    calls = [call for message in messages for call in call_texts(message)]
    return "\n".join(part for part in [*texts, *calls] if part)


def _criterion(grader: ApiObject) -> Criterion:
    threshold = threshold_of(grader)
    return Criterion(
        id=text_of(grader.get("id")),
        name=clip(text_of(grader.get("name")), _NAME_LIMIT).shown,
        whole_name=text_of(grader.get("name")),
        type=text_of(grader.get("type")),
        summary=clip(_summary(grader, threshold), _SUMMARY_LIMIT).shown,
        threshold=threshold,
        input=text_of(grader.get("input")),
        reference=text_of(grader.get("reference")),
        formula=text_of(grader.get("calculate_output")),
        parts={
            key: _criterion(object_of(part))
            for key, part in object_of(grader.get("graders")).items()
        },
    )


def _summary(grader: ApiObject, threshold: float | None) -> str:
    """Say in a few words what the grader asks for."""
    passes = [] if threshold is None else [f"passes at {exact(threshold)}"]
    match grader.get("type"):
        case "string_check":
            operation = text_of(grader.get("operation"))
            return f"{_OPERATIONS.get(operation, operation)} {text_of(grader.get('reference'))}"
        case "text_similarity":
            return ", ".join([text_of(grader.get("evaluation_metric")), *passes])
        case "multi":
            return ", ".join([text_of(grader.get("calculate_output")), *passes])
        case "label_model":
            labels = ", ".join(text_of(label) for label in list_of(grader.get("passing_labels")))
            return f"{text_of(grader.get('model'))}, passes on {labels}"
        case "score_model":
            return ", ".join([text_of(grader.get("model")), *passes])
        case "python":
            lines = len(text_of(grader.get("source")).splitlines())
            return ", ".join(
                [f"{lines:,} lines of Python" if lines != 1 else "1 line of Python", *passes]
            )
        case _:
            return ", ".join(passes)


def _result(criterion: Criterion, entry: ApiObject | None) -> CriterionResult:
    if entry is None:
        return CriterionResult(criterion, None, ())
    counts = Counts(
        passed=count_of(entry.get("passed")),
        failed=count_of(entry.get("failed")),
        errored=count_of(entry.get("errored")),
    )
    return CriterionResult(criterion, counts, segments(counts, counts.done))


def _filled_in(template: str, seen: RowNamespaces) -> str:
    try:
        return compile_template(template).render(seen)
    except (TextTooLong, BadJson) as error:
        return f"This text cannot be made: {error}"


def _sample_namespace(sample: ApiObject) -> JsonValue:
    outputs = [object_of(message) for message in list_of(sample.get("output"))]
    first = outputs[0] if outputs else {}
    text = content_text(first.get("content"))
    return {
        "output_text": text,
        "output_json": text,
        "output_tools": first.get("tool_calls"),
        "model": sample.get("model"),
    }
