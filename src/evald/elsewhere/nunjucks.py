"""Templates of evald as promptfoo has them: in nunjucks, which is a language and must obey no data.

A reference into the row becomes a look-up of its text, which is rendered beforehand by evald's own
rules and stands in the variable `texts` of the test. promptfoo renders variables that are texts once
more, reads files that they name, and cuts off their last line break; it leaves alone what lies inside
an object.
"""

import json
import re
from collections.abc import Iterable
from itertools import groupby

from evald.contract.json_types import JsonObject, JsonValue
from evald.rules.template import Namespaces, Path, as_text, compile_template

_SIGN = re.compile(r"\{(?=[{%#]|\Z)|#(?=\})")
"""What begins a tag, with what follows or with a reference behind the text, and what ends a comment."""
_SOURCE = re.compile(r"file://|package:")
"""How a text begins that promptfoo takes for the name of a file or a package."""
_PLAIN_KEY = re.compile(r"[\w-]+")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def nunjucks(template: str) -> str:
    """Give a template whose references lead into the row; those into the sample lead nowhere."""
    parts = [
        part
        for part in compile_template(template).parts
        if isinstance(part, str) or part.namespace == "item"
    ]
    text = ""
    # Texts on both sides of nothing are one text, in which a sign of nunjucks may come about.
    for is_text, group in groupby(parts, lambda part: isinstance(part, str)):
        written = "".join(part if isinstance(part, str) else _look_up(part) for part in group)
        text += _static(written) if is_text else written
    return '{{ "" }}' + text if _SOURCE.match(text) else text


def _static(text: str) -> str:
    return _SIGN.sub(r'{{ "\g<0>" }}', text)


def _look_up(path: Path) -> str:
    return f'{{{{ texts["{text_name(path).translate(_ESCAPES)}"] }}}}'


def text_name(path: Path) -> str:
    """Give the key of a place under `texts`, which no other place has."""
    return "item" + "".join(_step_name(step) for step in path.steps)


def _step_name(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if _PLAIN_KEY.fullmatch(step) else f"[{json.dumps(step)}]"


def nunjucks_in(value: JsonValue) -> JsonValue:
    """Give a value with all its texts as nunjucks."""
    if isinstance(value, str):
        return nunjucks(value)
    if isinstance(value, list):
        return [nunjucks_in(part) for part in value]
    if isinstance(value, dict):
        return {key: nunjucks_in(part) for key, part in value.items()}
    return value


def texts_at(paths: Iterable[Path], namespaces: Namespaces) -> JsonObject:
    """Give the text of each place that lies in the row, by its name."""
    return {
        text_name(path): as_text(path.look_up(namespaces))
        for path in paths
        if path.namespace == "item"
    }


def is_inert(value: JsonValue) -> bool:
    """Say whether a value can stand in a config, where promptfoo renders texts and reads files."""
    if isinstance(value, str):
        return not (re.search(r"\{[{%#]", value) or _SOURCE.match(value))
    if isinstance(value, dict):
        return all(is_inert(key) and is_inert(part) for key, part in value.items()) and (
            "$ref" not in value
        )
    return all(is_inert(part) for part in value) if isinstance(value, list) else True
