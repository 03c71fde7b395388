"""The prompts of model-graded specs: their places, filled from rows, arguments and answers."""

import ast
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from evald.contract.json_types import JsonObject, JsonValue
from evald.openai_registry.files import RegistryFiles, Unreadable, text_of
from evald.openai_registry.rows import CHAT, kind_of_prompt, messages_in, prompt_as_text
from evald.openai_registry.specs import Unusable

ANSWER_PROMPTS: Final = "elsuite/modelgraded/classify_utils.py"
"""The file of the package that has the sentences by which a judge is told how to answer."""

Fill = Callable[[str], str]
"""Gives the text for the place of this name."""


@dataclass(frozen=True)
class PromptMessage:
    """A message of a prompt: texts, and the names of the places between them."""

    role: str
    parts: tuple[tuple[str, str | None], ...]
    """Each a text and the place after it, None after the last."""

    def filled(self, fill: Fill) -> JsonObject:
        """Give the message with its places filled."""
        content = "".join(
            text + (fill(place) if place is not None else "") for text, place in self.parts
        )
        return {"role": self.role, "content": content}


Prompt = Sequence[PromptMessage]


def read_prompt(value: JsonValue, ending: str) -> list[PromptMessage]:
    """Take a prompt apart, with an ending after its last message. Raises Unusable."""
    if isinstance(value, str):
        value = [{"role": "user", "content": value}]
    try:
        kind_of_prompt(value)
    except Unusable:
        raise Unusable("the prompt of its model-graded spec is no prompt") from None
    messages = messages_in(value)
    last = {**messages[-1], "content": f"{messages[-1]['content']}{ending}"}
    return [
        PromptMessage(str(each["role"]), _parts(str(each["content"])))
        for each in [*messages[:-1], last]
    ]


def _parts(text: str) -> tuple[tuple[str, str | None], ...]:
    try:
        found = list(string.Formatter().parse(text))
    except ValueError as error:
        raise Unusable(f"the prompt of its model-graded spec is broken: {error}") from None
    for _, place, form, conversion in found:
        if place is not None and (not place.isidentifier() or form or conversion):
            raise Unusable(f"its model-graded spec has the place '{place}', which is no plain name")
    return tuple((text, place) for text, place, _, _ in found)


def places_in(prompt: Prompt) -> list[str]:
    """Give the names of the places of a prompt, each once."""
    return list(
        dict.fromkeys(place for each in prompt for _, place in each.parts if place is not None)
    )


def shown(value: JsonValue) -> str:
    """Give a value as it stands in a judge's prompt: a chat as lines, all else as Python writes it."""
    try:
        if kind_of_prompt(value) == CHAT:
            return prompt_as_text(messages_in(value))
    except Unusable:
        pass
    return str(value)


def answer_prompt(files: RegistryFiles, eval_type: str, choices: Sequence[str]) -> str:
    """Give the sentence that tells a judge how to answer, as the package has it. Raises Unusable.

    The package's code is read as data, and not run.
    """
    try:
        tree = ast.parse(text_of(files, ANSWER_PROMPTS))
    except (Unreadable, SyntaxError, ValueError, RecursionError, MemoryError):
        raise Unusable("the package's own prompts for judges cannot be read") from None
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="ANSWER_PROMPTS")], value=ast.Dict(keys=keys, values=values)
            ):
                known = {
                    _constant(key): _constant(value)
                    for key, value in zip(keys, values, strict=True)
                }
                if (text := known.get(eval_type)) is not None:
                    listed = " or ".join(f'"{choice}"' for choice in choices)
                    return text.replace("{choices}", listed)
    raise Unusable(f"the package has no prompt for judges of the eval_type '{eval_type}'")


def _constant(node: ast.expr | None) -> str | None:
    """Give the text that an expression is: a literal, or a literal with its ends stripped."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(text)), attr="strip"), args=[]
        ):
            return text.strip()
    return None
