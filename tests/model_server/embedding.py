"""Embeddings that are the same in every run: how often each letter stands in a text."""

import base64
import struct
from collections import Counter
from collections.abc import Sequence
from string import ascii_lowercase

from tests.model_server.call import Call
from tests.model_server.script import Step

JsonObject = dict[str, object]


def embeddings(call: Call, step: Step, _: int) -> JsonObject:
    """Give the object of an answer, in the form that was asked for; such answers have no id."""
    entries = [
        {"object": "embedding", "index": index, "embedding": in_form(vector(text), call)}
        for index, text in enumerate(call.embeds)
    ]
    answer: JsonObject = {
        "object": "list",
        "data": entries,
        "model": step.answers_as or call.model,
    }
    if step.usage:
        tokens = call.prompt_tokens
        answer["usage"] = {"prompt_tokens": tokens, "total_tokens": tokens}
    return answer


def vector(text: str) -> list[float]:
    """Give 27 numbers: one for each letter, and one for all else, so that none is all zero."""
    counts = Counter(text.lower())
    letters = [counts[letter] for letter in ascii_lowercase]
    return [float(count) for count in (*letters, len(text) - sum(letters))]


def in_form(numbers: Sequence[float], call: Call) -> object:
    """Give numbers as a list, or as base64 where that was asked for."""
    if call.parameters.get("encoding_format") != "base64":
        return list(numbers)
    return base64.b64encode(struct.pack(f"<{len(numbers)}f", *numbers)).decode()
