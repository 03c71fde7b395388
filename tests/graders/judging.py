"""A judge that says what it is told to, and remembers what it was asked."""

import json
from collections.abc import Sequence
from typing import Any

from evald.contract.json_types import JsonObject
from evald.errors import ModelUnavailable
from evald.graders.interface import GraderTools
from evald.sampling.interface import ChatRequest, Completion

Said = str | JsonObject | ModelUnavailable


class Judging:
    """Gives these answers in turn, the last one for ever: a text, a whole completion or an error."""

    def __init__(self, *answers: Said, refuses: Sequence[str] = ()) -> None:
        self.answers = answers
        self.refuses = refuses
        self.asked: list[ChatRequest] = []

    async def ask(self, request: ChatRequest) -> Completion:
        said = self.answers[min(len(self.answers_given()), len(self.answers) - 1)]
        self.asked.append(request)
        form = request.params.get("response_format")
        if isinstance(form, dict) and form["type"] in self.refuses:
            raise unsupported(f"response_format of type {form['type']} is not supported")
        if isinstance(said, ModelUnavailable):
            raise said
        return Completion(completion(said) if isinstance(said, str) else said, 0.1, 1)

    def answers_given(self) -> list[ChatRequest]:
        return [each for each in self.asked if self._form(each) not in self.refuses]

    def forms(self) -> list[str | None]:
        """Give the form that each call asked for."""
        return [self._form(each) for each in self.asked]

    @staticmethod
    def _form(request: ChatRequest) -> Any:
        form = request.params.get("response_format")
        return form["type"] if isinstance(form, dict) else None

    def tools(self) -> GraderTools:
        """Give the tools of graders that ask this judge."""
        return GraderTools(no_aside, self.ask)


async def no_aside(function: Any, *arguments: object) -> Any:
    raise AssertionError("a judge needs no other process")


def unsupported(message: str, status: int = 400) -> ModelUnavailable:
    return ModelUnavailable("invalid_request", f"{status} from p: {message}", status=status)


def verdict(result: Any, **also: Any) -> str:
    """Give a judgement as a judge writes it that is held to the schema."""
    steps = [{"description": "Compare", "conclusion": "Fits"}]
    return json.dumps({"steps": steps, "result": result, **also})


def completion(text: str | None, finish_reason: str = "stop", **message: Any) -> JsonObject:
    """Give a chat completion; each costs 10 and 5 tokens."""
    return {
        "model": "judge-2026",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish_reason,
                "message": {"role": "assistant", "content": text, **message},
            }
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
