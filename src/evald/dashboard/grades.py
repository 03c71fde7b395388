"""What each criterion said of an output item: a formula's parts, a judge's steps, a program's prints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from evald.contract.json_types import JsonValue
from evald.dashboard.conversation import MESSAGE_LIMIT
from evald.dashboard.criteria import (
    Criterion,
    expected_of,
    got_of,
    names_of,
    output_text,
)
from evald.dashboard.item_outline import Mark, mark_of
from evald.dashboard.reading import ApiObject, object_of, text_of
from evald.dashboard.texts import Text, as_line, clip
from evald.rules.criterion_names import bare_name
from evald.rules.judgement import steps_of
from evald.rules.template import RowNamespaces
from evald.rules.text_diff import Stretch, text_diff

FIELD_LIMIT = 1_000
NAME_LIMIT = 120
_MOST_PARTS = 20
_MOST_STEPS = 10
_STEP_LIMIT = 500


@dataclass(frozen=True)
class Fault:
    """An error as the API tells it."""

    code: str
    message: Text


@dataclass(frozen=True)
class Step:
    """One step of a judge: what it looked at, and what it concluded."""

    description: Text
    conclusion: Text


@dataclass(frozen=True)
class Judgement:
    """What a judge model wrote: its steps and result where they can be read, else the text."""

    text: Text | None
    steps: tuple[Step, ...]
    hidden_steps: int
    result: Text | None


@dataclass(frozen=True)
class Program:
    """What a python grader left for its author; None where there is nothing of a kind."""

    printed: Text | None
    traceback: Text | None


@dataclass(frozen=True)
class Grade:
    """One criterion's result: what it compared, what its judge wrote or its program printed.

    A formula has its parts, of which each has a result of its own, but no verdict.
    """

    name: str
    type: str
    mark: Mark
    threshold: float | None
    expected: Text | None
    got: Text | None
    diff: tuple[Stretch, ...] | None
    """What came against what was expected, where that helps."""
    judgement: Judgement | None
    program: Program | None
    fault: Fault | None
    formula: Text | None
    parts: tuple["Grade", ...]
    hidden_parts: int


def fault_of(error: JsonValue) -> Fault | None:
    """Give an error object as code and message, or None where there is none."""
    if not error:
        return None
    fault = object_of(error)
    return Fault(
        code=clip(text_of(fault.get("code")), NAME_LIMIT).shown,
        message=clip(text_of(fault.get("message")), MESSAGE_LIMIT),
    )


def grades_of(
    results: Sequence[ApiObject], criteria: Sequence[Criterion], seen: RowNamespaces
) -> Iterator[Grade]:
    """Give an item's results, each with what its criterion is known to compare."""
    names = names_of(criteria)
    for number, result in enumerate(results):
        place = names.place_of(text_of(result.get("name")), number)
        yield _grade(result, None if place is None else criteria[place], seen)


def _grade(result: ApiObject, criterion: Criterion | None, seen: RowNamespaces) -> Grade:
    name = text_of(result.get("name"))
    shown = criterion.name if criterion else clip(bare_name(name), NAME_LIMIT).shown
    return _shown_grade(shown, mark_of(result, criterion), result, criterion, seen)


def _part(key: str, result: ApiObject, criterion: Criterion | None, seen: RowNamespaces) -> Grade:
    """Give the result of a formula's part; alone it neither passes nor fails."""
    mark = mark_of(result, None)
    mark = mark if mark.kind == "error" else Mark(None, mark.score)
    return _shown_grade(clip(key, NAME_LIMIT).shown, mark, result, criterion, seen)


def _shown_grade(
    name: str, mark: Mark, result: ApiObject, criterion: Criterion | None, seen: RowNamespaces
) -> Grade:
    parts = object_of(result.get("sub_results"))
    known = criterion.parts if criterion else {}
    kind = criterion.type if criterion else text_of(result.get("type"))
    expected = expected_of(criterion, seen) if criterion else None
    got = got_of(criterion, seen) if criterion else None
    return Grade(
        name=name,
        type=kind,
        mark=mark,
        threshold=mark.threshold,
        expected=_clipped(expected),
        got=_clipped(got),
        diff=text_diff(expected, got) if expected and got else None,
        judgement=None if kind == "python" else _judgement(result),
        program=_program(result) if kind == "python" else None,
        fault=fault_of(result.get("error")),
        formula=_clipped(criterion.formula) if criterion and criterion.formula else None,
        parts=tuple(
            _part(key, object_of(part), known.get(key), seen)
            for key, part in islice(parts.items(), _MOST_PARTS)
        ),
        hidden_parts=max(0, len(parts) - _MOST_PARTS),
    )


def _clipped(text: str | None) -> Text | None:
    return None if text is None else clip(text, FIELD_LIMIT)


def _program(result: ApiObject) -> Program | None:
    """Give what a program printed and its traceback; None for one that left nothing."""
    printed = output_text(result)
    traceback = text_of(object_of(result.get("sample")).get("traceback"))
    if not printed and not traceback:
        return None
    return Program(
        printed=clip(printed, MESSAGE_LIMIT) if printed else None,
        traceback=clip(traceback, MESSAGE_LIMIT) if traceback else None,
    )


def _judgement(result: ApiObject) -> Judgement | None:
    """Give what a judge model wrote, where one was asked.

    Only an answer that led to a verdict is shown as steps and result.
    """
    written = output_text(result)
    if not written:
        return None
    told = None if result.get("error") else steps_of(written)
    if told is None:
        return Judgement(clip(written, MESSAGE_LIMIT), (), 0, None)
    steps, verdict = told
    return Judgement(
        text=None,
        steps=tuple(
            Step(clip(description, _STEP_LIMIT), clip(conclusion, _STEP_LIMIT))
            for description, conclusion in steps[:_MOST_STEPS]
        ),
        hidden_steps=max(0, len(steps) - _MOST_STEPS),
        result=as_line(verdict, _STEP_LIMIT),
    )
