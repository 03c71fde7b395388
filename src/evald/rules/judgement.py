"""What a judge model is asked for, and how its verdict is read: never guessed, so pure and strict.

The form is the one that the live service was seen to ask for (contract section 6.5): the steps of the
judgement, each with its conclusion, and then the result.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.validation import json_type
from evald.rules.messages import flat_content
from evald.rules.sample import first_message

Verdict = TypeVar("Verdict")
Read = TypeVar("Read", covariant=True)

LONGEST_ANSWER: Final = 200_000
"""Characters of a judge's answer beyond which no verdict is looked for."""
QUOTED: Final = 200
"""Characters of an answer that an error shows."""


class NoVerdict(Exception):
    """A judge's answer holds no verdict. `code` is a stable word, `message` says why.

    `is_form` says that only the form was missed, so that asking once more may help.
    """

    def __init__(self, code: str, message: str, *, is_form: bool = False) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.is_form = is_form


class ReadResult(Protocol[Read]):
    """Reads the value of `result`."""

    def __call__(self, value: JsonValue) -> Read:
        """Give the verdict. Raises NoVerdict."""
        ...


@dataclass(frozen=True, slots=True)
class ResultForm(Generic[Verdict]):
    """The kind of result that a judge is asked for."""

    schema: JsonObject
    words: str
    """The same for a model that cannot be held to a schema."""
    read: ReadResult[Verdict]


def label_form(labels: Sequence[str]) -> ResultForm[str]:
    """Give the form of a result that is one of these labels, written exactly so."""
    listed = ", ".join(json.dumps(label, ensure_ascii=False) for label in labels)

    def read(value: JsonValue) -> str:
        if isinstance(value, str) and value in labels:
            return value
        raise NoVerdict(
            "judge_label_unknown",
            f"The judge's result is {_named(value)}, which is none of the labels.",
            is_form=True,
        )

    schema: JsonObject = {"type": "string", "enum": list(labels)}
    return ResultForm(schema, f"exactly one of these labels: {listed}", read)


def score_form(limits: Sequence[float] | None) -> ResultForm[float]:
    """Give the form of a result that is a number. `limits` are told to the judge, and not held here."""
    words = f"a number from {limits[0]:g} to {limits[1]:g}" if limits else "a number"
    return ResultForm({"type": "number"}, words, _read_number)


def _read_number(value: JsonValue) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise NoVerdict(
        "judge_score_invalid",
        f"The judge's result is {_named(value)}, where a finite number was asked for.",
        is_form=True,
    )


def verdict_schema(result: JsonObject) -> JsonObject:
    """Give the JSON schema of a whole judgement, as strict structured output takes it."""
    step = _closed_object({"description": {"type": "string"}, "conclusion": {"type": "string"}})
    return _closed_object({"steps": {"type": "array", "items": step}, "result": result})


def _closed_object(properties: JsonObject) -> JsonObject:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read_verdict(completion: JsonObject, form: ResultForm[Verdict]) -> Verdict:
    """Give the verdict of a judge's chat completion.

    Raises NoVerdict for a refusal, for an answer that was cut or withheld, and for one that holds not
    exactly one judgement of the form.
    """
    message = first_message(completion)
    _check_ended(completion, message)
    content = message.get("content")
    text = _after_thinking(flat_content(content)).strip()
    if not text:
        raise NoVerdict("judge_empty", "The judge gave no text.")
    if len(text) > LONGEST_ANSWER:
        said = f"The judge gave an answer of {len(text):,} characters: {_quoted(text)}"
        raise NoVerdict("judge_unparseable", said)  # to send all of it back would cost more
    return form.read(_judgement_in(text)["result"])


def _check_ended(completion: JsonObject, message: JsonObject) -> None:
    refusal = message.get("refusal") or _refusal_part(message.get("content"))
    if refusal:
        raise NoVerdict("judge_refused", f"The judge refused: {_named(refusal)}")
    match completion.get("choices"):
        case [{"finish_reason": "length"}, *_]:
            raise NoVerdict(
                "judge_truncated",
                "The judge's answer was cut at its limit of tokens; allow it more "
                "(max_completions_tokens).",
            )
        case [{"finish_reason": "content_filter"}, *_]:
            raise NoVerdict("judge_filtered", "The judge's answer was withheld by a filter.")


def _refusal_part(content: JsonValue) -> JsonValue:
    for part in content if isinstance(content, list) else []:
        match part:
            case {"type": "refusal", "refusal": said}:
                return said
    return None


_THINKING = re.compile(r"\A\s*<think>.*?(?:</think>|\Z)", re.DOTALL)


def _after_thinking(text: str) -> str:
    """Leave out the thoughts that some models put before their answer: drafts are no verdict."""
    return _THINKING.sub("", text, count=1)


_FENCE = re.compile(r"\A```[a-zA-Z]*")


def _judgement_in(text: str) -> JsonObject:
    """Give the one object with a `result`: alone or in a code fence, or as asked for amid prose."""
    bare = _FENCE.sub("", text).removesuffix("```").strip()
    found = [each for each in _objects(bare) if "result" in each.value]
    if len(found) == 1:
        (only,) = found
        # Amid prose a judge may quote the text that it judges; then only the whole form counts.
        if only.length == len(bare) or isinstance(only.value.get("steps"), list):
            return only.value
    if len(found) > 1:
        raise _unreadable(f"{len(found)} verdicts", text)
    raise _unreadable("no judgement in the form that was asked for", text)


@dataclass(frozen=True, slots=True)
class _Found:
    value: JsonObject
    length: int


_OBJECT_START = re.compile(r'\{(?=\s*["}])')


def _objects(text: str) -> Iterator[_Found]:
    """Give the outermost JSON objects in a text.

    What begins like one and breaks is no verdict, and nor is anything inside it: so no text is read
    twice, and no part of a broken answer passes for a whole one.
    """
    place = 0
    while start := _OBJECT_START.search(text, place):
        try:
            value, place = _DECODER.raw_decode(text, start.start())
        except (ValueError, RecursionError):
            raise _unreadable("broken JSON", text) from None
        yield _Found(value, place - start.start())


def _without_doubles(pairs: list[tuple[str, JsonValue]]) -> JsonObject:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a key stands there twice")
    return value


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_without_doubles)


def _unreadable(what: str, text: str) -> NoVerdict:
    message = f"The judge gave {what}: {_quoted(text)}"
    return NoVerdict("judge_unparseable", message, is_form=True)


def _named(value: JsonValue) -> str:
    return f"'{_quoted(value)}'" if isinstance(value, str) else json_type(value)


def _quoted(text: str) -> str:
    """Give the beginning of a text; half of a surrogate pair in it could not be kept or sent."""
    start = text[:QUOTED].encode(errors="replace").decode()
    return start if len(text) <= QUOTED else start + "…"


def steps_of(text: str) -> tuple[list[tuple[str, str]], JsonValue] | None:
    """Give the steps of a judge's answer, as description and conclusion, and its result, for show.

    None for a text that is not wholly in the form that was asked for.
    """
    try:
        value = _judgement_in(_after_thinking(text[:LONGEST_ANSWER]).strip())
    except NoVerdict:
        return None
    steps = value.get("steps")
    told = [_step(step) for step in steps] if isinstance(steps, list) else []
    known = [step for step in told if step is not None]
    return (known, value["result"]) if len(known) == len(told) else None


def _step(step: JsonValue) -> tuple[str, str] | None:
    match step:
        case {"description": str(description), "conclusion": str(conclusion)}:
            return description, conclusion
    return None
