"""What an output item is found, sorted and counted by."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.criterion_names import CriterionNames
from evald.rules.item_reasons import (
    ItemReason,
    ReadCriterion,
    error_reason,
    fail_reason,
    names_of,
    read_criterion,
)
from evald.rules.item_tags import (
    LONGEST_VALUE,
    field_tag,
    field_text,
    run_tag,
    status_tag,
    verdict_tag,
)
from evald.rules.verdict import ItemStatus, Outcome
from evald.rules.words import words_of

VERSION: Final = 1
"""The version of these rules: what another one has made is made anew."""

LONGEST_TEXT: Final = 4000
"""Characters of an item by which it is found: of its input, its row and its output together."""
MOST_CODED: Final = 31
"""So many criteria have their outcome in one number; the others are found by their tags alone."""
CODES: Final[dict[Outcome, int]] = {"passed": 1, "failed": 2, "errored": 3}
_MOST_FIELDS: Final = 50
_MOST_TEXTS: Final = 100
_DEEPEST: Final = 20
_LARGEST: Final = 2**63 - 1
# What holds no words of anybody, and what holds a picture or a sound.
_UNREAD: Final = frozenset(
    ("role", "type", "id", "call_id", "status", "object", "data", "file_data", "image_url", "url")
)


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """The facts of one output item."""

    status: ItemStatus
    outcomes: tuple[Outcome | None, ...]
    """By criterion of the eval; None where the item has no result of it."""
    scores: tuple[float | None, ...]
    """By criterion, of nine digits each. What errored has no score."""
    latency_ms: float | None
    """None where no model answered."""
    tokens: int | None
    retries: int
    """Calls that were made again for it."""
    words: str
    """With blanks between them."""
    tags: tuple[str, ...]
    """All that `item_tags` makes, without the one of its reason."""
    reason: ItemReason | None
    """None where it passed."""

    @property
    def verdicts(self) -> int:
        """The outcomes of the first MOST_CODED criteria, two bits each; 0 is none."""
        coded = self.outcomes[:MOST_CODED]
        return sum(CODES[each] << 2 * place for place, each in enumerate(coded) if each is not None)


@dataclass(frozen=True)
class ReadEval:
    """The testing criteria of an eval, made ready to read the items of a run."""

    names: CriterionNames
    criteria: tuple[ReadCriterion, ...]


def read_eval(testing_criteria: JsonValue) -> ReadEval:
    """Read the testing criteria of an eval."""
    found = testing_criteria if isinstance(testing_criteria, list) else []
    return ReadEval(names_of(found), tuple(read_criterion(each) for each in found))


def facts_of(run_seq: int, status: ItemStatus, body: JsonObject, of_eval: ReadEval) -> ItemFacts:
    """Give the facts of an output item, whatever its row, its model and its import put into it."""
    results = of_eval.names.results_in(body.get("results"))
    outcomes = tuple(_outcome(result) for result in results)
    row, sample = body.get("datasource_item"), _object(body.get("sample"))
    answered = not sample.get("error")
    extras = _object(body.get("evald"))
    return ItemFacts(
        status=status,
        outcomes=outcomes,
        scores=tuple(map(_score, results, outcomes)),
        latency_ms=_latency(extras.get("latency_ms")) if answered else None,
        tokens=_count(_object(sample.get("usage")).get("total_tokens")) if answered else None,
        retries=min(max(0, (_count(extras.get("attempts")) or 0) - 1), 2**31 - 1),
        words=" ".join(words_of(_texts_of(row, sample), LONGEST_TEXT)),
        tags=tuple(_tags(run_seq, status, outcomes, row)),
        reason=_reason(status, body, results, of_eval.criteria),
    )


def _reason(
    status: ItemStatus,
    body: JsonObject,
    results: Sequence[JsonObject | None],
    criteria: Sequence[ReadCriterion],
) -> ItemReason | None:
    match status:
        case "error":
            return error_reason(body, results, criteria)
        case "fail":
            return fail_reason(body, results, criteria)
    return None


def _outcome(result: JsonObject | None) -> Outcome | None:
    if result is None:
        return None
    if result.get("error"):
        return "errored"
    return "passed" if result.get("passed") is True else "failed"


def _score(result: JsonObject | None, outcome: Outcome | None) -> float | None:
    if result is None or outcome == "errored":
        return None
    number = _number(result.get("score"))
    # So many digits are read by every database as they were written.
    return None if number is None else float(f"{number:.9g}")


def _latency(value: JsonValue) -> float | None:
    number = _number(value)
    return None if number is None or number < 0 else number


def _number(value: JsonValue) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = float(value)
    return number if isfinite(number) else None


def _count(value: JsonValue) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if 0 <= value <= _LARGEST else None


def _object(value: JsonValue) -> JsonObject:
    return value if isinstance(value, dict) else {}


def _tags(
    run_seq: int, status: ItemStatus, outcomes: Sequence[Outcome | None], row: JsonValue
) -> Iterator[str]:
    yield run_tag(run_seq)
    yield status_tag(run_seq, status)
    for place, outcome in enumerate(outcomes):
        if outcome is not None:
            yield verdict_tag(run_seq, place, outcome)
    for name, value in list(_object(row).items())[:_MOST_FIELDS]:
        if len(name) <= LONGEST_VALUE and (text := field_text(value)) is not None:
            yield field_tag(run_seq, name, text)


def _texts_of(row: JsonValue, sample: JsonObject) -> list[str]:
    """Give what was asked last, what the row says and what was answered, each as one text."""
    messages = sample.get("input")
    asked = [_object(each) for each in (messages if isinstance(messages, list) else [])]
    users = [message for message in asked if message.get("role") == "user"]
    last = (users or asked)[-1:]
    return [
        "\n".join(_joined(message, _UNREAD) for message in last),
        _joined(row, frozenset()),
        _joined(sample.get("output"), _UNREAD),
    ]


def _joined(value: JsonValue, unread: frozenset[str]) -> str:
    parts: list[str] = []
    _collect(value, unread, _DEEPEST, parts)
    return "\n".join(parts)[:LONGEST_TEXT]


def _collect(value: JsonValue, unread: frozenset[str], deeper: int, parts: list[str]) -> None:
    if len(parts) >= _MOST_TEXTS or not deeper:
        return
    if isinstance(value, str):
        if not value.startswith("data:"):
            parts.append(value[:LONGEST_TEXT])
    elif isinstance(value, dict):
        for name, each in value.items():
            if name not in unread:
                _collect(each, unread, deeper - 1, parts)
    elif isinstance(value, list):
        for each in value:
            _collect(each, unread, deeper - 1, parts)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        parts.append(str(value))
