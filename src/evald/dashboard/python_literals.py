"""Values of JSON as Python writes them, for programs to copy. What cannot be seen is escaped."""

from typing import Final

from evald.contract.json_types import JsonValue

_LINE: Final = 88


def literal(value: JsonValue, indent: int = 0) -> str:
    """Give a value as a literal of Python, over several lines where it is long."""
    line = flat(value)
    if indent + len(line) <= _LINE or not value or not isinstance(value, dict | list):
        return line
    deeper = indent + 4
    parts = (
        [f"{flat(key)}: {literal(part, deeper)}" for key, part in value.items()]
        if isinstance(value, dict)
        else [literal(part, deeper) for part in value]
    )
    lines = "".join(f"{' ' * deeper}{part},\n" for part in parts)
    opening, closing = "{}" if isinstance(value, dict) else "[]"
    return f"{opening}\n{lines}{' ' * indent}{closing}"


def flat(value: JsonValue) -> str:
    """Give a value as a literal of Python in one line."""
    match value:
        case str() if value.isprintable() and not {'"', "\\"} & set(value):
            return f'"{value}"'
        case dict():
            return "{" + ", ".join(f"{flat(k)}: {flat(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(flat(part) for part in value) + "]"
    return repr(value)
