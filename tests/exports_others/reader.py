"""Reads what an export has of nunjucks: its look-ups and its texts in quotation marks, and no more.

That nunjucks itself reads it so was tried with the real one: see docs/promptfoo-and-inspect.md.
"""

import re
from typing import Any

TAG = re.compile(r'\{\{ (texts\[)?"((?:[^"\\]|\\.)*)"(?(1)\]) \}\}', re.DOTALL)
SIGNS = ("{{", "{%", "{#", "#}")
ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


class NotPlain(ValueError):
    """Something of the language stands where a text should be."""


def rendered(template: str, texts: dict[str, Any]) -> str:
    """Give the text of a template. Raises NotPlain."""
    parts, place = [], 0
    for tag in TAG.finditer(template):
        parts.append(_text(template[place : tag.start()]))
        key = re.sub(r"\\(.)", lambda sign: ESCAPES.get(sign[1], sign[1]), tag[2], flags=re.DOTALL)
        parts.append(str(texts[key]) if tag[1] else key)
        place = tag.end()
    return "".join([*parts, _text(template[place:])])


def _text(text: str) -> str:
    if any(sign in text for sign in SIGNS) or text.endswith("{"):
        raise NotPlain(text)
    return text
