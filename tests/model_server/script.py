"""What the model server is told to do: rules, each with the steps that its calls take in turn."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cached_property
from typing import Literal, cast


class UnreadableScript(ValueError):
    """The JSON is no script; the message names what is wrong."""


class Fault(StrEnum):
    """Something that goes wrong with an answer. "Within" means after about half of it was sent."""

    NONE = "none"
    CUT_BEFORE = "cut_before"  # close the connection without a byte
    CUT_WITHIN = "cut_within"
    HANG_BEFORE = "hang_before"  # send nothing, for ever
    HANG_WITHIN = "hang_within"
    ERROR_WITHIN = "error_within"  # status 200, then an error object: vLLM does this
    ENDLESS = "endless"  # the text never ends; `gap_ms` between its words
    HUGE = "huge"  # a text of `size_mib` MiB
    BROKEN_JSON = "broken_json"  # the JSON of the body, or of one SSE chunk, breaks off
    NOT_UTF8 = "not_utf8"  # the text holds the bytes ff fe
    UNENDED = "unended"  # the stream closes in order, but without finish_reason and [DONE]
    JSON_FOR_STREAM = "json_for_stream"  # one JSON body although a stream was asked for


@dataclass(frozen=True)
class ToolCall:
    """A call of a function that the model asks for; `arguments` is JSON text."""

    name: str
    arguments: str
    id: str = "call_1"


@dataclass(frozen=True)
class Step:
    """How one call is answered. The default repeats the last user message at once.

    The text is `text`, or `tokens` times the word "token", or the last user message as `echo` says.
    A status other than 200 answers an error with `message`, `param` and `code`; so does a response
    whose `response_status` is "failed". A response has `items` before its message.
    `body` is sent as it is, whatever else is said. `refuse` names parameters that get a 400.
    """

    text: str | None = None
    tokens: int | None = None
    echo: Literal["same", "upper"] = "same"
    delay_ms: float = 0  # before the first byte
    gap_ms: float = 0  # between the chunks of a stream
    hold: Literal["", "before", "within"] = ""  # wait for POST /release
    fault: Fault = Fault.NONE
    status: int = 200
    message: str = "scripted error"
    param: str | None = None
    code: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)  # added to the answer
    body: str | None = None
    refuse: Sequence[str] = ()
    finish_reason: str | None = None  # None: "tool_calls" with tool calls, else "stop"
    tool_calls: Sequence[ToolCall] = ()
    refusal: str | None = None
    reasoning: str | None = None  # sent as `reasoning_content`
    usage: bool = True
    cached_tokens: int = 0
    answers_as: str | None = None  # the model's name in the answer; None: the name asked for
    size_mib: int = 64
    response_status: Literal["completed", "failed", "cancelled", "queued"] = "completed"
    items: Sequence[Mapping[str, object]] = ()

    @cached_property
    def at_once(self) -> bool:
        """Say whether the whole answer can be sent as soon as the call has come."""
        waits = self.delay_ms or self.hold or self.fault in UNANSWERED or self.fault is Fault.HUGE
        return not (waits or self.in_pieces)

    @cached_property
    def in_pieces(self) -> bool:
        """Say whether something happens within the answer, so that it cannot be sent as one."""
        return bool(self.gap_ms) or self.hold == "within" or self.fault in WITHIN


UNANSWERED = {Fault.CUT_BEFORE, Fault.HANG_BEFORE}
WITHIN = {Fault.CUT_WITHIN, Fault.HANG_WITHIN, Fault.ENDLESS}
ECHO = Step()


@dataclass(frozen=True)
class Rule:
    """The steps for calls of `model` ("*": any) whose last user message contains `contains`.

    `api` says whether they are for `/chat/completions`, for `/responses` or for both, and `per` which
    calls are counted together: those with the same last user message, or all.
    """

    steps: Sequence[Step]
    model: str = "*"
    contains: str = ""
    per: Literal["message", "rule"] = "message"
    api: Literal["*", "chat", "responses"] = "*"

    def fits(self, model: str, message: str, api: str) -> bool:
        """Say whether this rule is for such a call."""
        is_for_it = self.model in ("*", model) and self.api in ("*", api)
        return is_for_it and self.contains in message


class Script:
    """The rules in force and how far each of them has come."""

    def __init__(self, rules: Sequence[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self.calls: dict[tuple[int, str], int] = {}

    def next_step(self, model: str, message: str, api: str) -> Step:
        """Give the step for this call and count it; without a rule that fits, repeat the text."""
        for number, rule in enumerate(self.rules):
            if rule.fits(model, message, api):
                return self.take(number, rule, message)
        return ECHO

    def take(self, number: int, rule: Rule, message: str) -> Step:
        """Give the rule's step whose turn it is; the last one is for ever."""
        if len(rule.steps) == 1:
            return rule.steps[0]
        key = (number, message if rule.per == "message" else "")
        taken = self.calls.get(key, 0)
        self.calls[key] = taken + 1
        return rule.steps[min(taken, len(rule.steps) - 1)]


def rules_from(value: object) -> list[Rule]:
    """Read rules from parsed JSON; ValueError names what cannot be read."""
    if not isinstance(value, list):
        raise UnreadableScript("a script is a list of rules")
    return [rule_from(entry) for entry in value]


def rule_from(value: object) -> Rule:
    """Read one rule; it needs at least one step."""
    known = checked(Rule, value)
    steps = known.get("steps")
    if not isinstance(steps, list) or not steps:
        raise UnreadableScript("a rule needs a list of steps")
    known["steps"] = tuple(step_from(step) for step in steps)
    return Rule(**known)  # type: ignore[arg-type]


def step_from(value: object) -> Step:
    """Read one step."""
    known = checked(Step, value)
    known["fault"] = Fault(str(known.get("fault", Fault.NONE)))
    tool_calls = cast(list[object], known.get("tool_calls", []))
    known["tool_calls"] = tuple(ToolCall(**checked(ToolCall, call)) for call in tool_calls)  # type: ignore[arg-type]
    return Step(**known)  # type: ignore[arg-type]


def checked(kind: type[Rule | Step | ToolCall], value: object) -> dict[str, object]:
    """Give a JSON object's entries if all of them are fields of this kind."""
    if not isinstance(value, dict):
        raise UnreadableScript(f"a {kind.__name__} is an object, not {type(value).__name__}")
    unknown = value.keys() - {entry.name for entry in fields(kind)}
    if unknown:
        raise UnreadableScript(f"a {kind.__name__} has no {', '.join(sorted(unknown))}")
    return dict(value)
