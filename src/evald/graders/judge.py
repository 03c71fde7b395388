"""Asking a judge model: held to a schema where its endpoint can, told the form where it cannot.

Every fault ends as an error with a reason, and none as a score (DESIGN, Verdict).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from evald.contract.counts import ModelUsage
from evald.contract.json_types import JsonObject, JsonValue
from evald.contract.judges import LabelModel, ScoreModel
from evald.contract.messages import kept_message
from evald.errors import GraderFailed, ModelUnavailable
from evald.graders.interface import AskingWay, Grade, GraderTools
from evald.rules.judgement import (
    NoVerdict,
    ResultForm,
    read_verdict,
    verdict_schema,
)
from evald.rules.messages import Messages, compile_messages, flat_content
from evald.rules.sample import first_message, shown_judge_sample, usage_of
from evald.rules.template import Namespaces
from evald.sampling.interface import ChatRequest

Verdict = TypeVar("Verdict")

WEAKER: Final[dict[AskingWay, AskingWay]] = {
    "json_schema": "json_object",
    "json_object": "instruction",
}
FORM_WORDS: Final = re.compile(
    r"response_?\s?format|text\.format|json|schema|structured|grammar|guided", re.IGNORECASE
)
"""What a refusal of structured output has in it."""
REFUSING: Final = frozenset({400, 404, 405, 415, 422, 500, 501})
"""The statuses with which endpoints refuse a form; 500 where a grammar could not be made of it."""


@dataclass(frozen=True)
class Heard(Generic[Verdict]):
    """What came of asking a judge: a verdict or a fault, and what it took."""

    sample: JsonObject
    usage: tuple[ModelUsage, ...]
    verdict: Verdict | None = None
    """None where there is a fault."""
    fault: GraderFailed | None = None

    def errored(self) -> Grade:
        """Give the grade of a judge that gave no verdict."""
        assert self.fault is not None
        return Grade.errored(self.fault, self.sample, self.usage)


@dataclass(frozen=True)
class Judge(Generic[Verdict]):
    """A model with the question that it is asked for each row."""

    model: str
    messages: Callable[[Namespaces], Messages]
    params: JsonObject
    form: ResultForm[Verdict]
    tools: GraderTools

    @staticmethod
    def of(
        criterion: LabelModel | ScoreModel, form: ResultForm[Verdict], tools: GraderTools
    ) -> "Judge[Verdict]":
        """Give the judge of a criterion, whose result has this form."""
        params = criterion.sampling_params
        return Judge(
            model=criterion.model,
            messages=compile_messages([kept_message(message) for message in criterion.input]),
            params=params.model_dump(exclude_unset=True) if params else {},
            form=form,
            tools=tools,
        )

    async def ask(self, namespaces: Namespaces) -> Heard[Verdict]:
        """Ask for the verdict on a row, and once more where the answer only missed the form."""
        asked = _Asked(self.messages(namespaces))
        try:
            verdict = await self._verdict(asked)
        except ModelUnavailable as error:
            sample = asked.sample(self.params, _error(error.code, error.message))
            fault = GraderFailed("judge_unavailable", error.message)
            return Heard(sample, tuple(asked.usage), fault=fault)
        except NoVerdict as error:
            sample = asked.sample(self.params, _error(error.code, error.message))
            fault = GraderFailed(error.code, error.message)
            return Heard(sample, tuple(asked.usage), fault=fault)
        return Heard(asked.sample(self.params, None), tuple(asked.usage), verdict)

    async def _verdict(self, asked: "_Asked") -> Verdict:
        way = await self._first_answer(asked)
        try:
            verdict = read_verdict(asked.answer or {}, self.form)
        except NoVerdict as error:
            if not error.is_form:
                raise
            asked.messages = self._repair(asked, error)
            await self._answer(asked, way)
            verdict = read_verdict(asked.answer or {}, self.form)
            # It was not held to the form, so the next row is better told of it at once.
            way = WEAKER.get(way, way)
        if way != "json_schema":
            # Only a way that led to a verdict is kept: a refusal may have had other reasons.
            self.tools.known_ways[self.model] = way
        return verdict

    async def _first_answer(self, asked: "_Asked") -> AskingWay:
        """Ask in the strictest way that the endpoint takes, and give that way."""
        way = self.tools.known_ways.get(self.model, "json_schema")
        if way != "json_schema":
            asked.messages = _with_text(asked.messages, self._instruction())
        while True:
            try:
                await self._answer(asked, way)
            except ModelUnavailable as error:
                if way not in WEAKER or not _refuses_the_form(error):
                    raise
                if way == "json_schema":
                    asked.messages = _with_text(asked.messages, self._instruction())
                way = WEAKER[way]
            else:
                return way

    async def _answer(self, asked: "_Asked", way: AskingWay) -> None:
        asked.answer = None
        params = {**self.params, "response_format": self._response_format(way)}
        completion = await self.tools.ask(ChatRequest(self.model, asked.messages, params))
        asked.answer = completion.body
        asked.usage.append(usage_of(completion.body, "judging"))

    def _response_format(self, way: AskingWay) -> JsonObject | None:
        match way:
            case "json_schema":
                schema = verdict_schema(self.form.schema)
                named: JsonObject = {"name": "judgement", "strict": True, "schema": schema}
                return {"type": way, "json_schema": named}
            case "json_object":
                return {"type": way}
        return None

    def _instruction(self) -> str:
        return (
            "Answer with one JSON object and nothing else. It has two keys: `steps`, a list of "
            "objects, each with a `description` of what you looked at and a `conclusion`, both "
            f"strings; and after it `result`, which is {self.form.words}."
        )

    def _repair(self, asked: "_Asked", fault: NoVerdict) -> Messages:
        answer = flat_content(first_message(asked.answer or {}).get("content"))
        again = f"That cannot be read as a judgement. {fault.message}\n\n{self._instruction()}"
        return [
            *asked.messages,
            {"role": "assistant", "content": answer},
            {"role": "user", "content": again},
        ]


@dataclass
class _Asked:
    """The calls made for one row: what the last one sent and got, and what all of them cost."""

    messages: Messages
    answer: JsonObject | None = None
    """None where the last call was not answered."""
    usage: list[ModelUsage] = field(default_factory=list)

    def sample(self, params: JsonObject, error: JsonObject | None) -> JsonObject:
        """Give the last call as a result shows it."""
        return shown_judge_sample(
            self.answer, messages=self.messages, sampling_params=params, error=error
        )


def _error(code: str, message: str) -> JsonObject:
    return {"code": code, "message": message}


def _refuses_the_form(error: ModelUnavailable) -> bool:
    return error.status in REFUSING and FORM_WORDS.search(error.message) is not None


def _with_text(messages: Messages, text: str) -> Messages:
    """Add a text to the last message if a user wrote it, else as a message of its own.

    Some chat templates take no two messages of one role in a row.
    """
    *earlier, last = messages
    if last.get("role") != "user":
        return [*messages, {"role": "user", "content": text}]
    content = last.get("content")
    if isinstance(content, list):
        part: JsonValue = {"type": "text", "text": text}
        return [*earlier, {**last, "content": [*content, part]}]
    return [*earlier, {**last, "content": f"{content}\n\n{text}"}]
