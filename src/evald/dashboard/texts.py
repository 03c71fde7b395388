"""Hostile and endless texts, made fit for a page.

Models, datasets and names may hold anything: a megabyte in one line, characters that turn the
reading direction, invisible ones that carry a hidden message. A page shows a bounded part, and of
that part everything.
"""

import json
import re
from dataclasses import dataclass

from markupsafe import Markup, escape

from evald.contract.json_types import JsonValue
from evald.dashboard.reading import ApiObject, list_of, object_of, text_of

# Control characters but tab and line feed; soft hyphen; marks, overrides and isolates of direction;
# zero-width space, word joiner and invisible operators; line and paragraph separators; the byte
# order mark; annotation marks; tags; half of a surrogate pair. Joiners stay: emoji and Persian need
# them.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\U000e0000-\U000e007f\ud800-\udfff]"
)


@dataclass(frozen=True)
class Text:
    """The part of a text that the page shows. `hidden` counts the characters left out."""

    shown: str
    hidden: int = 0


def clip(text: str, limit: int) -> Text:
    """Give the first `limit` characters of a text, and how many more there are."""
    return Text(text[:limit], max(0, len(text) - limit))


def visible(value: object) -> object:
    """Give a value as a template may print it: invisible characters of a text as ⟨U+202E⟩.

    Markup that a template made is left alone; every other text goes through here, as Jinja calls
    this for each printed value.
    """
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    lines = value.replace("\r\n", "\n")
    return _INVISIBLE.sub(lambda match: f"⟨U+{ord(match.group()):04X}⟩", lines)


def as_typed(text: str) -> Markup:
    """Give a text for a field of a form: exactly, so that it comes back as it was typed."""
    return escape(text)


def as_json(value: "JsonValue | ApiObject", limit: int) -> Text:
    """Give a value as indented JSON, cut to `limit` characters."""
    try:
        return clip(json.dumps(value, indent=2, ensure_ascii=False, default=dict), limit)
    except RecursionError:
        return Text("(nested too deep to be shown here)")


def as_line(value: JsonValue, limit: int) -> Text:
    """Give a value in one line: a text as it is, anything else as JSON."""
    if isinstance(value, str):
        return clip(value, limit)
    try:
        return clip(json.dumps(value, ensure_ascii=False), limit)
    except RecursionError:
        return Text("(nested too deep to be shown here)")


def content_text(content: JsonValue) -> str:
    """Give a message's content as text. An image or audio part is its JSON, never loaded."""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "\n".join(content_text(part) for part in content)
    if content is None:
        return ""
    part_text = text_of(object_of(content).get("text"))
    return part_text or as_line(content, _PART_LIMIT).shown


def said_text(message: ApiObject) -> str:
    """Give the text of a message, or its refusal where it has no other."""
    return content_text(message.get("content")) or text_of(message.get("refusal"))


def call_texts(message: ApiObject) -> list[str]:
    """Give the tool calls of a message, each as `name(arguments)`, and what an MCP server answered."""
    calls = [_call_text(object_of(call)) for call in list_of(message.get("tool_calls"))]
    if old_style := object_of(message.get("function_call")):
        calls.append(_call_text({"function": dict(old_style)}))
    return calls


def _call_text(call: ApiObject) -> str:
    function, custom = object_of(call.get("function")), object_of(call.get("custom"))
    given = custom.get("input") if custom else function.get("arguments")
    name = text_of((custom or function).get("name"))
    server = text_of(call.get("server_label"))
    text = f"{server}.{name}({_arguments(given)})" if server else f"{name}({_arguments(given)})"
    # What the endpoint called itself has its answer with it, or why there is none.
    for outcome in ("output", "error"):
        if call.get(outcome):
            text += f"\n→ {_arguments(call.get(outcome))}"
    return text


_PART_LIMIT = 100_000


def _arguments(value: JsonValue) -> str:
    return "" if value is None else as_line(value, _PART_LIMIT).shown
